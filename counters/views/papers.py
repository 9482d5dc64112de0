"""The register of cheques and other papers, its boards, and the story of one."""

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages as notes
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from attachments.forms import kept
from attachments.models import Kind
from counters import (
    bars,
    dishonour,
    heaps,
    making_good,
    paper_looks,
    registers,
    returning,
    taking,
)
from counters.models import ChequeBar, Instrument, LegalNotice, Share
from counters.paper.returns import Fault, return_code
from counters.paper_forms import (
    AGES,
    PAPERS,
    HeapForm,
    LiftForm,
    MadeGoodForm,
    ReasonForm,
    RegisterFilter,
    ReturnForm,
)
from counters.selectors import instruments_visible_to
from counters.states import PaperState
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from payments import looks
from payments.selectors import hides_sums, payments_visible_to
from people.access import has_role, offices_of, roles, signed_in
from people.models import User
from people.roles import CLERK, FINANCE, READERS, SUPERVISOR

READ: Final = (CLERK, SUPERVISOR, *READERS)
ACT: Final = (SUPERVISOR, *FINANCE)
PAGE_SIZE: Final = 50
_PAYMENTS_OFFERED: Final = 5


# ---- the register ----


@roles(*READ)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every paper of the user's offices, by board and filter, with counts and sums."""
    return _register(request)


@roles(*READ)
@require_safe
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The same papers as CSV; the list for a filter that cannot be read, or a hidden drawer."""
    form = _filter(request)
    if not form.is_valid() or hides_sums(signed_in(request)):
        return redirect(reverse("counters:papers") + "?" + request.GET.urlencode())
    rows = _narrowed(signed_in(request), form).order_by("-received_on", "-pk")
    answer = StreamingHttpResponse(registers.as_csv(rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="cheques-{today().isoformat()}.csv"'
    return answer


@roles(*ACT)
@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Do one thing with the whole list that was seen; the query stands in the address."""
    user = signed_in(request)
    seen, form = HeapForm(request.POST), _filter(request)
    if not seen.is_valid() or not form.is_valid():
        return _register(request, problem=_("The list could not be read."))
    said = seen.cleaned_data
    board = registers.BOARDS.get(form.cleaned_data["board"])
    if board is None or board.act != said["act"]:
        return _register(request, problem=_("Choose one of the heaps first."))
    try:
        done = heaps.act_on(
            _narrowed(user, form),
            act=said["act"],
            by=user,
            seen_count=said["seen_count"],
            seen_paise=said["seen_paise"],
        )
    except DomainError as refused:
        return _register(request, problem=str(refused))
    words = ngettext("%(n)s paper is done.", "%(n)s papers are done.", done.count)
    notes.success(request, words % {"n": done.count})
    for number, why in done.refused[:10]:
        notes.error(request, f"{number}: {why}")
    return redirect(reverse("counters:papers") + "?" + urlencode({"board": board.code}))


def _register(request: HttpRequest, *, problem: str = "") -> HttpResponse:
    user = signed_in(request)
    form = _filter(request)
    rows = instruments_visible_to(user).none()
    if form.is_valid():
        rows = _narrowed(user, form)
    count, paise = registers.sums(rows)
    is_hidden = hides_sums(user)  # they are what the count at close asks for
    shown = rows.select_related("office", "counter", "deposit").order_by("-received_on", "-pk")
    board = registers.BOARDS.get(form.cleaned_data.get("board", ""))
    may_act = board is not None and board.act != "" and has_role(user, *ACT)
    context = {
        "form": form,
        "problem": problem,
        "page": Paginator(shown, PAGE_SIZE).get_page(request.GET.get("page")),
        "sum_paise": paise,
        "count": count,
        "board": board,
        "is_hidden": is_hidden,
        "boards": [] if is_hidden else _boards(user, chosen=board.code if board else ""),
        "may_act": may_act and count > 0,
        "query": request.GET.urlencode(),
        "looks": paper_looks.PAPERS,
        "methods": looks.METHODS,
        "columns": _columns(),
        "filters": _filters(user),
        "exports": []
        if is_hidden
        else [
            {
                "url": reverse("counters:papers_csv") + "?" + request.GET.urlencode(),
                "label": "CSV",
                "note": _("all of the filter"),
                "icon": "file-text",
            }
        ],
    }
    is_wrong = problem or form.errors
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_wrong else HTTPStatus.OK
    return render(request, "counters/papers.html", context, status=status)


def _filter(request: HttpRequest) -> RegisterFilter:
    offices = offices_of(signed_in(request)).order_by("code").values_list("code", "name")
    return RegisterFilter(request.GET, offices=list(offices))


def _narrowed(user: User, form: RegisterFilter) -> QuerySet[Instrument]:
    said = form.cleaned_data
    rows = instruments_visible_to(user)
    if said["board"]:
        rows = registers.on_board(rows, said["board"])
    for name, path in (("state", "state"), ("method", "method"), ("office", "office__code")):
        if said[name]:
            rows = rows.filter(**{f"{path}__in": said[name]})
    if said["bank"]:
        rows = rows.filter(
            Q(bank_name__icontains=said["bank"]) | Q(bank_key__istartswith=said["bank"])
        )
    if said["q"]:
        rows = rows.filter(_named(said["q"].strip()))
    if said["since"]:
        rows = rows.filter(received_on__gte=said["since"])
    if said["until"]:
        rows = rows.filter(received_on__lte=said["until"])
    return rows.filter(_aged(said["age"])) if said["age"] else rows


def _named(words: str) -> Q:
    """A paper by its number, its slip, its consumer."""
    word = words.replace("\0", "")
    return (
        Q(number=word.zfill(6) if word.isdigit() else word)
        | Q(number=word)
        | Q(deposit__reference__iexact=word)
        | Q(pk__in=Share.objects.filter(consumer__number=word).values("instrument_id"))
    )


def _aged(codes: list[str]) -> Q:
    found = Q(pk__in=[])
    for code in codes:
        _words, least, most = AGES[code]
        part = Q(received_on__lte=today() - timedelta(days=least))
        if most is not None:
            part &= Q(received_on__gte=today() - timedelta(days=most))
        found |= part
    return found


def _boards(user: User, *, chosen: str) -> list[dict[str, Any]]:
    rows = instruments_visible_to(user)
    found = []
    for board in registers.BOARDS.values():
        count, paise = registers.sums(registers.on_board(rows, board.code))
        found.append(
            {
                "label": board.title,
                "count": count,
                "paise": paise,
                "tone": board.tone if count else "",
                "url": f"?{urlencode({'board': board.code})}",
                "is_on": board.code == chosen,
            }
        )
    return found


def _columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Number")},
        {"label": _("Drawn on"), "is_minor": True},
        {"label": _("Received"), "is_minor": True},
        {"label": _("Slip"), "is_minor": True},
        {"label": _("State")},
        {"label": _("Amount, ₹"), "is_end": True},
    ]


def _filters(user: User) -> list[dict[str, Any]]:
    offices = offices_of(user).order_by("code").values_list("code", "name")
    shown: list[dict[str, Any]] = [
        {
            "name": "state",
            "label": _("State"),
            "choices": [
                {"value": code, "label": look.word} for code, look in paper_looks.PAPERS.items()
            ],
        },
        {
            "name": "method",
            "label": _("Kind"),
            "choices": [{"value": one.value, "label": looks.METHODS[one]} for one in PAPERS],
        },
        {
            "name": "age",
            "label": _("Age"),
            "choices": [{"value": code, "label": age[0]} for code, age in AGES.items()],
        },
        {"name": "q", "label": _("Number, slip or consumer"), "kind": "text"},
        {"name": "bank", "label": _("Bank"), "kind": "text"},
        {"name": "since", "label": _("Received from"), "kind": "day"},
        {"name": "until", "label": _("until"), "kind": "day"},
    ]
    if len(offices) > 1:
        choices = [{"value": code, "label": name} for code, name in offices]
        shown.insert(3, {"name": "office", "label": _("Office"), "choices": choices})
    return shown


# ---- one paper ----


@roles(*READ)
@require_safe
def paper(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The story of one paper: whom it paid, where it is, what may be done with it."""
    return _page(request, _paper(signed_in(request), public_id))


@roles(*ACT)
@require_POST
def record_return(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Write a return of the bank down by hand, with a picture of its memo."""
    user = signed_in(request)
    found = _paper(user, public_id)
    form = ReturnForm(request.POST, request.FILES)
    is_valid = form.is_valid()
    memo = kept(form, "memo", kind=Kind.RETURN_MEMO, office=found.office, by=user)

    def do() -> None:
        said = form.cleaned_data
        returning.record_return(
            found, on=said["on"], code=said["code"], words=said["words"], by=user
        )
        if memo is not None:
            returning.keep_memo(found, memo=memo, by=user)

    words = _("The return is written down.")
    return _done(request, found, "returned", form, do if is_valid else None, words, memo=memo)


@roles(*ACT)
@require_POST
def give_up(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Dishonour a returned paper."""
    user = signed_in(request)
    found, form = _paper(user, public_id), ReasonForm(request.POST)

    def do() -> None:
        dishonour.dishonour(found.pk, by=user, reason=form.cleaned_data["reason"])

    words = _("The paper is dishonoured: its receipts are cancelled and the dues are open again.")
    return _done(request, found, "given_up", form, do if form.is_valid() else None, words)


@roles(*ACT)
@require_POST
def pursue(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Go to law over a dishonoured paper."""
    user = signed_in(request)
    found, form = _paper(user, public_id), ReasonForm(request.POST)

    def do() -> None:
        making_good.pursue(found.pk, by=user, reason=form.cleaned_data["reason"])

    words = _("It is pursued; its days stand on the page of legal notices.")
    return _done(request, found, "pursued", form, do if form.is_valid() else None, words)


@roles(*ACT)
@require_POST
def make_good(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Link what a consumer paid instead."""
    user = signed_in(request)
    found, form = _paper(user, public_id), MadeGoodForm(request.POST)

    def do() -> None:
        said = form.cleaned_data
        share = get_object_or_404(found.shares, pk=said["share"])
        payment = get_object_or_404(payments_visible_to(user), reference=said["payment"])
        making_good.make_good(share.pk, payment=payment, by=user)

    words = _("The payment is linked.")
    return _done(request, found, "linked", form, do if form.is_valid() else None, words)


@roles(*ACT)
@require_POST
def take(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Take a post-dated cheque on its day."""
    user = signed_in(request)
    found, form = _paper(user, public_id), ReasonForm(request.POST)

    def do() -> None:
        dishonour.check_may_decide(user, office=found.office)
        taking.take_held(found, by=user)

    words = _("The cheque is taken; its receipts are given.")
    return _done(request, found, "held", form, do if form.is_valid() else None, words)


@roles(SUPERVISOR)
@require_POST
def give_back(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Hand a post-dated cheque back."""
    user = signed_in(request)
    found, form = _paper(user, public_id), ReasonForm(request.POST)

    def do() -> None:
        making_good.give_back(found.pk, by=user, reason=form.cleaned_data["reason"])

    words = _("It is given back; nothing was paid by it.")
    return _done(request, found, "back", form, do if form.is_valid() else None, words)


@roles(*ACT)
@require_POST
def lift_bar(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Let a consumer of this paper pay by cheque again."""
    user = signed_in(request)
    found, form = _paper(user, public_id), LiftForm(request.POST)

    def do() -> None:
        said = form.cleaned_data
        mine = registers.bars_visible_to(user).filter(instrument=found)
        bar = get_object_or_404(mine, consumer__number=said["consumer"])
        dishonour.check_may_decide(user, office=found.office)
        bars.lift(bar.pk, by=user, reason=said["reason"])

    words = _("Cheques of this consumer are taken again.")
    return _done(request, found, "lifted", form, do if form.is_valid() else None, words)


def _done(
    request: HttpRequest,
    found: Instrument,
    name: str,
    form: Form,
    do: Callable[[], None] | None,
    words: str,
    **more: Any,
) -> HttpResponse:
    """Do what a form asks, or show the page again with what is wrong and what was typed."""
    if do is not None and not form.errors:
        try:
            do()
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            notes.success(request, words)
            return redirect("counters:paper", found.public_id)
    found.refresh_from_db()
    forms = {name: form}
    return _page(request, found, forms=forms, status=HTTPStatus.UNPROCESSABLE_ENTITY, **more)


def _paper(user: User, public_id: UUID) -> Instrument:
    rows = instruments_visible_to(user).select_related(
        "office", "counter", "deposit", "taken_by", "front", "back", "memo"
    )
    return get_object_or_404(rows, public_id=public_id)


def _page(
    request: HttpRequest,
    found: Instrument,
    *,
    forms: dict[str, Form] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    memo: Any = None,
) -> HttpResponse:
    user = signed_in(request)
    may_act = has_role(user, *ACT)
    why = return_code(found.return_code) if found.returned_on else None
    notice = LegalNotice.objects.filter(instrument=found).first()
    empty: dict[str, Form] = {
        "returned": ReturnForm(),
        "given_up": ReasonForm(auto_id="id_given_up_%s"),
        "pursued": ReasonForm(auto_id="id_pursued_%s"),
        "linked": MadeGoodForm(),
        "held": ReasonForm(auto_id="id_held_%s"),
        "back": ReasonForm(auto_id="id_back_%s"),
        "lifted": LiftForm(auto_id="id_lifted_%s"),
    }
    state = PaperState(found.state)
    context = {
        "paper": found,
        "memo": memo,
        "method": looks.METHODS.get(found.method, found.method),
        "looks": paper_looks.PAPERS,
        "why": why,
        "fault": paper_looks.FAULTS[why.fault] if why else "",
        "wants_reason": why is not None and why.fault in (Fault.TECHNICAL, Fault.UNKNOWN),
        "facts": _facts(found, may_see_slips=has_role(user, SUPERVISOR, *READERS)),
        "more_shares": max(found.shares.count() - PAGE_SIZE, 0),
        "barred": _bars(user, found),
        "shares": _shares(user, found, may_link=may_act),
        "events": _events(found),
        "pictures": [one for one in (found.front, found.back, found.memo) if one is not None],
        "notice": notice,
        "notice_facts": _notice_facts(notice) if notice else [],
        "may_return": may_act and state in (PaperState.DEPOSITED, PaperState.CLEARED),
        "may_decide": may_act and state is PaperState.RETURNED,
        "may_pursue": may_act and state is PaperState.DISHONOURED,
        "may_take": may_act and state is PaperState.HELD and _is_due(found),
        "may_give_back": state is PaperState.HELD and has_role(user, SUPERVISOR),
        "may_act": may_act,
        "may_read_law": has_role(user, SUPERVISOR, *READERS),
        "all_forms": list((forms or {}).values()),
        **empty,
        **(forms or {}),
    }
    return render(request, "counters/paper.html", context, status=status)


def _is_due(found: Instrument) -> bool:
    return found.due_on is not None and found.due_on <= today()


def _facts(found: Instrument, *, may_see_slips: bool) -> list[dict[str, Any]]:
    slip = found.deposit
    facts: list[dict[str, Any]] = [
        {"label": _("Number"), "text": found.number, "is_id": True},
        {"label": _("Amount, ₹"), "paise": found.amount_paise},
        {"label": _("Drawn on"), "text": found.bank_name or found.bank_key},
        {"label": _("Branch"), "text": found.branch_name},
        {"label": _("MICR"), "text": found.micr, "is_id": True},
        {"label": _("Dated"), "day": found.dated},
        {"label": _("Drawer"), "text": found.drawer},
        {"label": _("Received"), "day": found.received_on},
        {"label": _("Counter"), "text": f"{found.counter.name}, {found.office.name}"},
        {"label": _("By"), "text": found.taken_by.get_full_name()},
    ]
    if found.due_on:
        facts.append({"label": _("Good from"), "day": found.due_on})
    if slip:
        url = reverse("counters:deposit", args=[slip.reference]) if may_see_slips else ""
        facts.append({"label": _("Slip"), "text": slip.reference, "url": url, "is_id": True})
        facts.append({"label": _("Presented"), "text": _times(found.presented_count)})
    return [fact for fact in facts if any(fact.get(key) for key in ("text", "day", "paise"))]


def _times(number: int) -> str:
    return ngettext("%(n)s time", "%(n)s times", number) % {"n": number}


def _shares(user: User, found: Instrument, *, may_link: bool) -> list[dict[str, Any]]:
    rows = found.shares.select_related(
        "consumer", "payment__receipt", "charge", "made_good_by__receipt"
    ).order_by("pk")
    barred = {bar.consumer_id: bar for bar in _bars(user, found)}
    has_fallen = found.state in (PaperState.DISHONOURED, PaperState.PURSUED)
    return [
        {
            "share": share,
            "receipt": getattr(share.payment, "receipt", None) if share.payment else None,
            "bar": barred.get(share.consumer_id),
            "offers": list(making_good.payments_since(share)[:_PAYMENTS_OFFERED])
            if has_fallen and may_link and share.made_good_by_id is None
            else [],
        }
        for share in rows[:PAGE_SIZE]
    ]


def _bars(user: User, found: Instrument) -> QuerySet[ChequeBar]:
    """The bars of this paper that hold today."""
    rows = registers.bars_visible_to(user).filter(
        instrument=found, lifted_at__isnull=True, until__gte=today()
    )
    return rows.select_related("consumer").order_by("pk")


def _events(found: Instrument) -> list[dict[str, Any]]:
    return [
        {
            "at": event.at,
            "text": _told(event),
            "by": event.actor,
            "tone": paper_looks.PAPERS[event.to_state].tone,
            "icon": paper_looks.PAPERS[event.to_state].icon,
        }
        for event in found.events.order_by("-pk")
    ]


def _told(event: Any) -> str:
    words = f"{PaperState(event.to_state).label}: {event.cause}"
    if event.return_code and event.to_state == PaperState.RETURNED:
        reason = return_code(event.return_code)
        words = f"{words} · {reason.code} {reason.words}"
    return f"{words} ({event.business_date:%d-%m-%Y})"


def _notice_facts(notice: LegalNotice) -> list[dict[str, Any]]:
    facts: list[dict[str, Any]] = [
        {"label": _("Memo of the bank"), "day": notice.memo_on},
        {"label": _("Notice by"), "day": notice.notice_by},
        {"label": _("Sent"), "day": notice.sent_on},
        {"label": _("Received by the drawer"), "day": notice.served_on},
        {"label": _("To be paid by"), "day": notice.cure_by},
        {"label": _("Complaint by"), "day": notice.complaint_by},
        {"label": _("Ended"), "day": notice.closed_on},
        {"label": _("How"), "text": notice.outcome},
    ]
    return [fact for fact in facts if fact.get("day") or fact.get("text")]
