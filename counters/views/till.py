"""The clerk's one page: consumer, dues, tender, receipt. Everything works from the keyboard."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from attachments.forms import kept
from attachments.models import Attachment, Kind
from channels_.contract import Method
from counters import board, overrides, papers, shifts, standing, tenders
from counters.cash_rules import RuleStops
from counters.finding import Found, find
from counters.forms import TENDERS, ShareForm, TakeForm, TenderForm
from counters.models import OfficePolicy, Override, Shift
from counters.owing import Dues, dues_with_surcharge
from counters.policy import policy_of
from counters.registers import instruments_visible_to
from counters.selectors import collections_visible_to
from counters.states import ShiftState
from counters.taking import HandOver, NotTaken, ShareAsked, Taken, TenderAsked, take_one
from counters.views.windows import chosen
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from payments import looks, paper
from payments.actions import SubmittedBefore
from payments.consumers import mobile_of
from payments.models import Consumer, Counter, Receipt
from payments.orders import upi_channels
from payments.selectors import consumer_who_pays, counters_visible_to
from payments.views.receipts import PDF, address_of
from people.access import roles, signed_in
from people.models import User
from people.roles import CLERK, SUPERVISOR

_KEYS: Final = {"cash": "c", "cheque": "q", "draft": "d", "postal": "p", "card": "k"}
_SHARES_MAX: Final = 20
_TENDERS_MAX: Final = 8
_PAGE_KEYS: Final = (
    {"label": gettext_lazy("Next field"), "keys": ["Tab"]},
    {"label": gettext_lazy("Go on, take"), "keys": ["Enter"]},
    {"label": gettext_lazy("Out of a field, so that letters act"), "keys": ["Esc"]},
    {
        "label": gettext_lazy("Cash, cheque, draft, postal order, card"),
        "keys": list(_KEYS.values()),
    },
    {"label": gettext_lazy("Another tender"), "keys": ["t"]},
    {"label": gettext_lazy("Another consumer of the same payer"), "keys": ["a"]},
    {"label": gettext_lazy("Next consumer"), "keys": ["n"]},
    {"label": gettext_lazy("The last receipt"), "keys": ["r"]},
)


@dataclass(slots=True)
class _Line:
    """One consumer of the hand-over, with what they owe."""

    consumer: Consumer
    dues: Dues
    form: ShareForm

    @property
    def bill_number(self) -> str:
        """The bill it pays alone; empty pays the oldest dues first."""
        return str(self.form["bill"].value() or "")

    @property
    def to_pay(self) -> int:
        """What is due on it today, the surcharge with it."""
        return self.dues.to_pay(self.bill_number)


@dataclass(slots=True)
class _Sheet:
    """The forms of one page, bound or as they were typed."""

    whole: TakeForm
    lines: list[_Line]
    tenders: list[TenderForm]
    photos: dict[int, Attachment | None]

    @property
    def forms(self) -> list[forms.Form]:
        """All of them, as they stand on the page."""
        return [*(line.form for line in self.lines), *self.tenders, self.whole]


@roles(CLERK, SUPERVISOR)
@require_http_methods(["GET", "HEAD", "POST"])
def counter(request: HttpRequest) -> HttpResponse:
    """Choose the window, find the consumer, take the money."""
    user = signed_in(request)
    mine = list(
        counters_visible_to(user).filter(is_open=True).select_related("office").order_by("code")
    )
    here = chosen(request, mine)
    if here is None:
        return render(request, "counters/choose_counter.html", {"counters": mine})
    page = _Page(request, user, here, mine)
    return page.posted() if request.method == "POST" else page.shown()


@roles(CLERK, SUPERVISOR)
@require_safe
def taken(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """All receipts of one hand-over, to print together."""
    rows = collections_visible_to(request.user).select_related("counter__office")
    made = get_object_or_404(rows, public_id=public_id)
    given = _receipts_of(made.pk)
    context = {
        "made": made,
        "receipts": given,
        "change_paise": (made.received_paise or made.cash_paise) - made.cash_paise,
        "methods": looks.METHODS,
        "is_just_taken": "taken" in request.GET,
        "is_roll_first": policy_of(made.counter.office).receipt_paper == OfficePolicy.Paper.SLIP,
    }
    return render(request, "counters/till_taken.html", context)


@roles(CLERK, SUPERVISOR)
@require_POST
def taken_print(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The PDF of all receipts of one hand-over, for the printer."""
    made = get_object_or_404(collections_visible_to(request.user), public_id=public_id)
    chosen = paper.Paper.SLIP if request.POST.get("paper") == "slip" else paper.Paper.A5
    body = paper.print_receipts(_receipts_of(made.pk), user=signed_in(request), paper=chosen)
    headers = {
        "Content-Disposition": f'inline; filename="receipts-{public_id}.pdf"',
        "Cache-Control": "no-store",
    }
    return HttpResponse(body, content_type=PDF, headers=headers)


@roles(CLERK, SUPERVISOR)
@require_safe
def held(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The acknowledgement of a cheque that waits for its day."""
    rows = instruments_visible_to(request.user).select_related("counter__office", "taken_by")
    found = get_object_or_404(rows, public_id=public_id)
    shares = found.shares.select_related("consumer", "payment__receipt").order_by("pk")
    return render(request, "counters/till_held.html", {"paper": found, "shares": shares})


def _receipts_of(collection_id: int) -> list[Receipt]:
    rows = Receipt.objects.filter(payment__collection_line__collection=collection_id)
    return list(rows.select_related("payment__consumer").order_by("payment_id"))


class _Page:
    """One request of a clerk at a window."""

    def __init__(
        self, request: HttpRequest, user: User, here: Counter, mine: Sequence[Counter]
    ) -> None:
        self.request = request
        self.user = user
        self.here = here
        self.mine = mine
        self.policy: OfficePolicy = policy_of(here.office)
        self.shift: Shift | None = shifts.shift_at(here, clerk=user) if here.keeps_shifts else None
        self.stop: RuleStops | None = None
        self.another_problem = ""

    # ---- reading ----

    def shown(self) -> HttpResponse:
        """The empty page, or the consumer who was asked for with what is due."""
        words = self.request.GET.get("consumer", "")
        found = find(self.user, words)
        if found.consumer is None:
            return self._render(found, words=words)
        bill = self.request.GET.get("bill", "") or found.bill_number
        line = self._line(found.consumer, bill=bill)
        whole = TakeForm(
            initial={"submit_key": uuid.uuid4()}, wants_notes=self.policy.wants_denominations
        )
        sheet = _Sheet(whole, [line], [TenderForm()], {})
        return self._render(found, words=words, sheet=sheet)

    def posted(self) -> HttpResponse:
        """Take it, or do one of the small things that keep everything typed."""
        do = self.request.POST.get("do", "take")
        small = do not in ("take", "ask")
        sheet = self._sheet(bound=not small)
        if sheet is None:
            words = self.request.POST.get("consumer", "")
            return self._render(find(self.user, words), words=words)
        if small:
            self._change(sheet, do)
        else:
            answer = self._take(sheet, asks=do == "ask")
            if answer is not None:
                return answer
        first = sheet.lines[0].consumer
        return self._render(Found([first]), words=first.number, sheet=sheet, is_refused=not small)

    def _sheet(self, *, bound: bool) -> _Sheet | None:
        """The forms as they were sent; None when the first consumer is nobody."""
        data = self.request.POST
        lines = []
        for place in range(_count(data.get("shares"), _SHARES_MAX)):
            number = data.get(_named(place, "s", "consumer"), "")
            consumer = consumer_who_pays(number) if number.isascii() else None
            if consumer is None:
                continue
            form = self._form(ShareForm, _prefix(place, "s"), bound=bound)
            lines.append(_Line(consumer, dues_with_surcharge(consumer, on=today()), form))
        if not lines:
            return None
        rows = [
            self._form(TenderForm, _prefix(place, "t"), bound=bound)
            for place in range(_count(data.get("tenders"), _TENDERS_MAX))
        ]
        whole = self._form(TakeForm, "", bound=bound, wants_notes=self.policy.wants_denominations)
        return _Sheet(whole, lines, rows, {})

    def _form(self, kind: Any, prefix: str, *, bound: bool, **options: Any) -> Any:
        """A form as it was sent: bound to be judged, or only as it was typed."""
        if bound:
            files = self.request.FILES
            return kind(self.request.POST, files, prefix=prefix or None, **options)
        start = f"{prefix}-" if prefix else ""
        names = kind(**options).fields
        typed = {name: self.request.POST.get(start + name, "") for name in names}
        return kind(initial=typed, prefix=prefix or None, **options)

    def _line(self, consumer: Consumer, *, bill: str = "", place: int = 0) -> _Line:
        """What a consumer owes, and the form that pays it: the bill asked for, else all."""
        dues = dues_with_surcharge(consumer, on=today())
        numbers = [one.number for one in dues.bills]
        if bill not in numbers:
            bill = numbers[0] if len(numbers) == 1 else ""
        initial = {
            "consumer": consumer.number,
            "bill": bill,
            "amount": dues.to_pay(bill) or None,
        }
        return _Line(consumer, dues, ShareForm(initial=initial, prefix=_prefix(place, "s") or None))

    # ---- small things that keep what was typed ----

    def _change(self, sheet: _Sheet, do: str) -> None:
        if do == "add_tender" and len(sheet.tenders) < _TENDERS_MAX:
            sheet.tenders.append(TenderForm(prefix=_prefix(len(sheet.tenders), "t")))
        elif do == "add_consumer" and len(sheet.lines) < _SHARES_MAX:
            self._add_consumer(sheet)
        elif do.startswith("drop_"):
            self._drop(sheet, do)

    def _add_consumer(self, sheet: _Sheet) -> None:
        found = find(self.user, self.request.POST.get("another", ""))
        if found.consumer is None:
            self.another_problem = (
                _("Several fit: write the whole number.")
                if found.consumers
                else _("Nobody has this number.")
            )
            return
        if any(line.consumer.pk == found.consumer.pk for line in sheet.lines):
            self.another_problem = _("This consumer stands here already.")
            return
        sheet.lines.append(
            self._line(found.consumer, bill=found.bill_number, place=len(sheet.lines))
        )

    def _drop(self, sheet: _Sheet, do: str) -> None:
        """Leave one out; those after it move up, each with what was typed."""
        letter, digits = do[len("drop_") :][:1], do[len("drop_x") :]
        place = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 3 else -1
        if letter == "s" and 0 < place < len(sheet.lines):
            del sheet.lines[place]
            for number, line in enumerate(sheet.lines):
                line.form.prefix = _prefix(number, "s") or None
        if letter == "t" and 0 < place < len(sheet.tenders):
            del sheet.tenders[place]
            for number, form in enumerate(sheet.tenders):
                form.prefix = _prefix(number, "t") or None

    # ---- taking ----

    def _take(self, sheet: _Sheet, *, asks: bool) -> HttpResponse | None:
        """The way to the receipts; None when the page must say what is wrong."""
        asked = self._asked(sheet)
        if asked is None:
            return None
        try:
            return self._answer(take_one(self.here, clerk=self.user, asked=asked))
        except SubmittedBefore:
            words = _("This form has given a receipt already, for something else. Start again.")
            sheet.whole.add_error(None, words)
        except RuleStops as stop:
            self._stopped(sheet, stop, asked, asks=asks)
        except NotTaken as refusal:
            _place(sheet, refusal)
        except DomainError as refusal:
            sheet.whole.add_error(None, str(refusal))
        return None

    def _asked(self, sheet: _Sheet) -> HandOver | None:
        """What the forms say, once all of them are right; photos are kept at the first try."""
        valid = [form.is_valid() for form in sheet.forms]
        for place, form in enumerate(sheet.tenders):
            if form.cleaned_data.get("tender", "cash") != "cash":
                kind = Kind.INSTRUMENT_FRONT
                sheet.photos[place] = kept(
                    form, "photo", kind=kind, office=self.here.office, by=self.user
                )
        if not all(valid):
            return None
        shares = [
            ShareAsked(
                consumer_number=line.consumer.number,
                amount_paise=line.form.cleaned_data["amount"],
                bill_number=line.form.cleaned_data["bill"],
                is_advance=line.form.cleaned_data["is_advance"],
            )
            for line in sheet.lines
        ]
        handed = _tenders_asked(sheet, total=sum(one.amount_paise for one in shares))
        for form, one in zip(sheet.tenders, handed, strict=False):
            form.check(one, on=today(), policy=self.policy)
        if any(form.errors for form in sheet.forms):
            return None
        whole = sheet.whole.cleaned_data
        came = sheet.whole.notes("in") if sheet.whole.wants_notes else {}
        return HandOver(
            submit_key=str(whole["submit_key"]),
            shares=shares,
            tenders=handed,
            received_paise=whole["received"],
            denominations_in=came,
            denominations_out=sheet.whole.notes("out") if sheet.whole.wants_notes else {},
            payer=whole["payer"],
            pan=whole["pan"],
        )

    def _stopped(self, sheet: _Sheet, stop: RuleStops, asked: HandOver, *, asks: bool) -> None:
        """Say what the law or the house says; ask the supervisor when the clerk wants to."""
        self.stop = stop
        if not stop.may_override or not asks:
            if stop.wants_pan:
                sheet.whole.add_error("pan", str(stop))
            else:
                sheet.lines[0].form.add_error("amount", str(stop))
            return
        try:
            overrides.ask(
                self.here,
                clerk=self.user,
                rule=stop.rule,
                consumer_number=asked.shares[0].consumer_number,
                amount_paise=stop.amount_paise,
                reason=sheet.whole.cleaned_data["reason"],
            )
        except DomainError as refusal:
            sheet.whole.add_error("reason", str(refusal))

    def _answer(self, made: Taken) -> HttpResponse:
        if not made.is_new:
            messages.info(self.request, _("This form was sent before; here is its receipt."))
        elif made.change_paise:
            back = grouped_rupees(made.change_paise)
            messages.info(self.request, _("Give back %(amount)s.") % {"amount": back})
        if made.held is not None:
            return HttpResponseRedirect(reverse("counters:held", args=[made.held.public_id]))
        if len(made.receipts) == 1:
            roll = self.policy.receipt_paper == OfficePolicy.Paper.SLIP
            first = "?taken&paper=slip" if roll else "?taken"
            return HttpResponseRedirect(f"{address_of(made.receipts[0])}{first}")
        if made.collection is None:
            raise NotTaken(_("Nothing was taken."))
        where = reverse("counters:taken", args=[made.collection.public_id])
        return HttpResponseRedirect(f"{where}?taken")

    # ---- showing ----

    def _render(
        self,
        found: Found,
        *,
        words: str,
        sheet: _Sheet | None = None,
        is_refused: bool = False,
    ) -> HttpResponse:
        consumer = sheet.lines[0].consumer if sheet else None
        if sheet is not None:
            _focus(sheet, add_problem=self.another_problem)
        context = {
            "here": self.here,
            "counters": self.mine,
            "words": words,
            "found": found.consumers,
            "consumer": consumer,
            "policy": self.policy,
            "last": board.last_receipts(self.user, self.here),
            "methods": looks.METHODS,
            "page_keys": _PAGE_KEYS,
            **self._drawer(),
            **(self._sheet_context(sheet) if sheet else {}),
        }
        is_wrong = is_refused or (self.request.method == "POST" and sheet is None)
        status = HTTPStatus.UNPROCESSABLE_ENTITY if is_wrong else HTTPStatus.OK
        return render(self.request, "counters/till.html", context, status=status)

    def _sheet_context(self, sheet: _Sheet) -> dict[str, Any]:
        first = sheet.lines[0]
        bar = papers.bar_of(first.consumer, on=today())
        return {
            "mobile": _masked(mobile_of(first.consumer)),
            "bar": bar,
            "dues": first.dues,
            "rows": list(zip(first.dues.bills, first.dues.surcharges, strict=True)),
            "due_paise": first.dues.to_pay(),
            "bill_number": first.bill_number,
            "sheet": sheet,
            "form": sheet.whole,
            "total_paise": sum(line.to_pay for line in sheet.lines),
            "another_problem": self.another_problem,
            "another": self.request.POST.get("another", "") if self.another_problem else "",
            "tender_rows": self._tender_rows(sheet),
            "stop": self.stop,
            "override": self._override(first.consumer) if self.stop else None,
            "has_upi": len(sheet.lines) == 1 and upi_channels().exists(),
        }

    def _override(self, consumer: Consumer) -> Override | None:
        """What the clerk has asked about this rule today, and its answer."""
        if self.stop is None or not self.stop.may_override:
            return None
        rows = Override.objects.filter(
            counter=self.here,
            maker=self.user,
            rule=self.stop.rule,
            consumer_number=consumer.number,
            business_date=today(),
        )
        return rows.exclude(state=Override.State.USED).order_by("-pk").first()

    def _tender_rows(self, sheet: _Sheet) -> list[dict[str, Any]]:
        """Each tender with the kinds that are taken here; keys choose in the last one."""
        ways = tenders.channels_by_method(list(tenders.ways()))
        offered = [
            (word, method)
            for word, method in TENDERS.items()
            if method in ways and method in (self.policy.tenders or tenders.METHODS)
        ]
        last = len(sheet.tenders) - 1
        return [
            {
                "form": form,
                "place": place,
                "is_alone": last == 0,
                "prefix": form.prefix or "",
                "kept": sheet.photos.get(place),
                "kinds": [
                    {
                        "value": word,
                        "label": looks.METHODS[method],
                        "key": _KEYS[word] if place == last else "",
                        "is_chosen": (form["tender"].value() or "cash") == word,
                    }
                    for word, method in offered
                ],
            }
            for place, form in enumerate(sheet.tenders)
        ]

    def _drawer(self) -> dict[str, Any]:
        """What the clerk may know of the drawer; at a window without shifts, of the day."""
        if not self.here.keeps_shifts:
            (day,) = board.counter_days([self.here], on=today())
            return {"day": day}
        if self.shift is None:
            return {"wants_shift": True}
        is_stale = self.shift.office_day.business_date != today()
        if self.shift.state != ShiftState.OPEN or is_stale:
            return {"shift": self.shift, "is_over": True, "is_stale": is_stale}
        if shifts.totals_hidden(self.shift, self.policy):
            return {"shift": self.shift, "is_hidden": True}
        stands = standing.standing(self.shift)
        return {
            "shift": self.shift,
            "standing": stands,
            "paper_count": sum(count for count, _paise in stands.papers.values()),
            "paper_paise": sum(paise for _count, paise in stands.papers.values()),
            "is_over_limit": stands.expected_paise > self.policy.drawer_limit_paise,
        }


# ---- helpers ----


def _prefix(place: int, letter: str) -> str:
    """The first of each stands without one, so that it is called as people would call it."""
    return f"{letter}{place}" if place else ""


def _named(place: int, letter: str, name: str) -> str:
    prefix = _prefix(place, letter)
    return f"{prefix}-{name}" if prefix else name


def _count(told: str | None, most: int) -> int:
    text = told or ""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else 1
    return min(max(number, 1), most)


def _tenders_asked(sheet: _Sheet, *, total: int) -> list[TenderAsked]:
    """Each with its amount: as typed, as the order says, and the rest for the one left empty."""
    amounts = [form.cleaned_data["tender_amount"] or form.order_paise() for form in sheet.tenders]
    empty = [place for place, paise in enumerate(amounts) if paise is None]
    if len(empty) > 1:
        sheet.tenders[empty[1]].add_error("tender_amount", _("How much of it?"))
        return []
    rest = total - sum(paise for paise in amounts if paise is not None)
    if empty and rest <= 0:
        sheet.tenders[empty[0]].add_error("tender_amount", _("Nothing is left for it."))
        return []
    if not empty and rest:
        words = _("Handed over %(tendered)s, to pay %(wanted)s.")
        facts = {"tendered": grouped_rupees(total - rest), "wanted": grouped_rupees(total)}
        sheet.tenders[-1].add_error("tender_amount", words % facts)
        return []
    return [
        form.asked(rest if paise is None else paise, front=sheet.photos.get(place))
        for place, (form, paise) in enumerate(zip(sheet.tenders, amounts, strict=True))
    ]


def _place(sheet: _Sheet, refusal: NotTaken) -> None:
    """Say a refusal at the field it is about."""
    form: forms.Form = sheet.whole
    name = refusal.field
    if refusal.share is not None and refusal.share < len(sheet.lines):
        form = sheet.lines[refusal.share].form
    elif refusal.tender is not None or name in TenderForm.base_fields:
        place = min(refusal.tender or 0, len(sheet.tenders) - 1)
        form, name = sheet.tenders[place], sheet.tenders[place].called(name)
    if name in form.fields and not form.fields[name].widget.is_hidden:
        form.add_error(name, str(refusal))
    else:
        sheet.whole.add_error(None, str(refusal))


def _focus(sheet: _Sheet, *, add_problem: str) -> None:
    """The cursor stands where the clerk types next: at the first error, else at the cash."""
    if add_problem:
        return
    for form in sheet.forms:
        wrong = [name for name in form.fields if name in form.errors] if form.is_bound else []
        if wrong:
            form.fields[wrong[0]].widget.attrs["autofocus"] = True
            return
    last_tender = sheet.tenders[-1]
    if len(sheet.tenders) > 1:
        last_tender.fields["tender_amount"].widget.attrs["autofocus"] = True
    elif not sheet.lines[-1].form["amount"].value():
        sheet.lines[-1].form.fields["amount"].widget.attrs["autofocus"] = True
    elif TENDERS.get(last_tender["tender"].value() or "cash") is Method.CASH:
        sheet.whole.fields["received"].widget.attrs["autofocus"] = True
    else:
        last_tender.fields["micr_line"].widget.attrs["autofocus"] = True


def _masked(mobile: str) -> str:
    return f"••••••{mobile[-4:]}" if mobile else ""
