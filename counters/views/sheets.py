"""Sheets of bulk payers: handed in, looked at row by row, taken with papers, receipts given."""

import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from attachments.forms import kept
from attachments.models import Attachment, Kind
from channels_.contract import Method
from counters import sheet_files, sheets, tenders
from counters.forms import TENDERS, TakeForm, TenderForm
from counters.models import OfficePolicy, Sheet
from counters.policy import policy_of
from counters.selectors import sheets_visible_to
from counters.taking import NotTaken, TenderAsked
from counters.views.windows import of_shift, remembered
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees, rupees_from_paise
from payments import looks, paper
from payments.models import Counter
from payments.selectors import counters_visible_to
from payments.views.receipts import PDF
from people.access import roles, signed_in
from people.models import User
from people.roles import CLERK, SUPERVISOR

PAGE_SIZE: Final = 50
_TENDERS_MAX: Final = 8
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_KINDS: Final = {word: method for word, method in TENDERS.items() if method is not Method.CARD}


class SheetForm(forms.Form):
    """Who pays, for whom, at which window."""

    counter = forms.ModelChoiceField(
        label=gettext_lazy("Counter"), queryset=Counter.objects.none(), to_field_name="code"
    )
    file = forms.FileField(
        label=gettext_lazy("Sheet, CSV or Excel"),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx"}),
    )
    payer = forms.CharField(label=gettext_lazy("Paid by"), max_length=120)
    letter = forms.CharField(
        label=gettext_lazy("Letter, number and day"), max_length=60, required=False
    )
    takes_advances = forms.BooleanField(
        label=gettext_lazy("More than is due is meant as an advance"), required=False
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        counters = self.fields["counter"]
        if isinstance(counters, forms.ModelChoiceField):
            counters.queryset = counters_visible_to(user).filter(is_open=True).order_by("code")

    def clean_file(self) -> Any:
        """At most what is read at all."""
        sent = self.cleaned_data["file"]
        if sent.size > sheet_files.FILE_MAX:
            raise forms.ValidationError(_("The file is too large."))
        return sent


class MeantForm(forms.Form):
    """The same rows once more are asked about."""

    is_meant = forms.BooleanField(
        label=gettext_lazy("Take the same rows once more"), required=False
    )


@roles(CLERK, SUPERVISOR)
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The sheets, the latest first; and the form that hands one in."""
    user = signed_in(request)
    form = SheetForm(user=user, initial={"counter": of_shift(request) or remembered(request)})
    if request.method == "POST":
        form = SheetForm(request.POST, request.FILES, user=user)
        if form.is_valid() and (made := _hand_in(form, user)) is not None:
            return redirect("counters:sheet", made.public_id)
    rows = sheets_visible_to(user).select_related("counter", "by").order_by("-pk")
    context = {
        "form": form,
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
        "columns": [
            {"label": _("Sheet")},
            {"label": _("Paid by")},
            {"label": _("Counter"), "is_minor": True},
            {"label": _("State")},
            {"label": _("Rows"), "is_end": True},
            {"label": _("Amount, ₹"), "is_end": True},
        ],
        "rows_max": sheet_files.ROWS_MAX,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "counters/sheets.html", context, status=status)


def _hand_in(form: SheetForm, user: User) -> Sheet | None:
    given = form.cleaned_data
    try:
        return sheets.hand_in(
            given["counter"],
            by=user,
            file=given["file"],
            name=given["file"].name,
            payer=given["payer"],
            letter=given["letter"],
            takes_advances=given["takes_advances"],
        )
    except DomainError as refused:
        form.add_error("file", str(refused))
        return None


@roles(CLERK, SUPERVISOR)
@require_safe
def template(_request: HttpRequest) -> HttpResponse:
    """An empty sheet to fill in."""
    return _workbook(sheets.template(), name="sheet")


@roles(CLERK, SUPERVISOR)
@require_http_methods(["GET", "HEAD", "POST"])
def sheet(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One sheet: what is wrong with it, or the papers that pay for it, or its receipts."""
    user = signed_in(request)
    found = _found(user, public_id)
    if request.method == "POST":
        return _Desk(request, user, found).posted()
    return _Desk(request, user, found).shown()


@roles(CLERK, SUPERVISOR)
@require_safe
def rows(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The rows as Excel: with their problems, or with their receipts once it is taken."""
    found = _found(signed_in(request), public_id)
    if found.state == Sheet.State.TAKEN:
        return _workbook(sheets.receipts_as_workbook(found), name=f"receipts-{public_id}")
    return _workbook(sheets.rows_as_workbook(found), name=f"sheet-{public_id}")


@roles(CLERK, SUPERVISOR)
@require_safe
def receipt_list(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The list of all receipts as one PDF, for the payer."""
    given = sheets.receipts_of(_found(signed_in(request), public_id))
    if not given:
        raise Http404
    return _pdf(paper.list_as_pdf(given), name=f"list-{public_id}")


@roles(CLERK, SUPERVISOR)
@require_POST
def receipts(request: HttpRequest, public_id: UUID, part: int) -> HttpResponse:
    """One part of the receipts for the printer: the first print of each is its original."""
    user = signed_in(request)
    given = sheets.receipts_of(_found(user, public_id))
    start = (part - 1) * paper.LEAVES_MAX
    chosen = given[start : start + paper.LEAVES_MAX] if part else []
    if not chosen:
        raise Http404
    return _pdf(paper.print_receipts(chosen, user=user), name=f"receipts-{public_id}-{part}")


def _found(user: User, public_id: UUID) -> Sheet:
    rows = sheets_visible_to(user).select_related("counter__office", "by", "collection")
    return get_object_or_404(rows, public_id=public_id)


def _workbook(content: bytes, *, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}.xlsx"'}
    return HttpResponse(content, content_type=_XLSX, headers=headers)


def _pdf(content: bytes, *, name: str) -> HttpResponse:
    headers = {
        "Content-Disposition": f'inline; filename="{name}.pdf"',
        "Cache-Control": "no-store",
    }
    return HttpResponse(content, content_type=PDF, headers=headers)


class _Desk:
    """One request about one sheet, with the forms of its papers."""

    def __init__(self, request: HttpRequest, user: User, found: Sheet) -> None:
        self.request = request
        self.user = user
        self.sheet = found
        self.policy: OfficePolicy = policy_of(found.counter.office)
        self.photos: dict[int, Attachment | None] = {}
        self.known = sheets.taken_before(found) if not found.collection_id else None

    def shown(self) -> HttpResponse:
        """The sheet as it stands; its key is made with the empty form."""
        first = TenderForm(initial={"tender": "cheque"})
        whole = TakeForm(initial={"submit_key": uuid.uuid4()})
        return self._render([first], whole, MeantForm())

    def posted(self) -> HttpResponse:
        """Take it, look at its rows again, or ask for another paper; what was typed stays."""
        do = self.request.POST.get("do", "take")
        if do == "check":
            self.sheet = sheets.check_again(self.sheet)
            return redirect("counters:sheet", self.sheet.public_id)
        count = self.request.POST.get("tenders", "1")
        number = int(count) if count in map(str, range(1, _TENDERS_MAX + 1)) else 1
        small = do != "take"
        forms_ = [
            self._form(TenderForm, f"t{n}" if n else "", bound=not small) for n in range(number)
        ]
        whole = self._form(TakeForm, "", bound=not small)
        meant = self._form(MeantForm, "", bound=not small)
        if small:
            if do == "add_tender" and number < _TENDERS_MAX:
                forms_.append(TenderForm(prefix=f"t{number}", initial={"tender": "cheque"}))
            elif do == f"drop_t{number - 1}" and number > 1:
                forms_.pop()
            return self._render(forms_, whole, meant)
        answer = self._take(forms_, whole, meant)
        if answer is not None:
            return answer
        return self._render(forms_, whole, meant, status=HTTPStatus.UNPROCESSABLE_ENTITY)

    def _form(self, kind: Any, prefix: str, *, bound: bool) -> Any:
        if bound:
            return kind(self.request.POST, self.request.FILES, prefix=prefix or None)
        start = f"{prefix}-" if prefix else ""
        typed = {name: self.request.POST.get(start + name, "") for name in kind().fields}
        return kind(initial=typed, prefix=prefix or None)

    def _take(
        self, papers: Sequence[TenderForm], whole: TakeForm, meant: MeantForm
    ) -> HttpResponse | None:
        valid = [form.is_valid() for form in (*papers, whole, meant)]
        for place, form in enumerate(papers):
            if form.cleaned_data.get("tender", "cash") != "cash":
                self.photos[place] = kept(
                    form,
                    "photo",
                    kind=Kind.INSTRUMENT_FRONT,
                    office=self.sheet.counter.office,
                    by=self.user,
                )
        handed = self._handed(papers) if all(valid) else []
        if not handed or any(form.errors for form in (*papers, whole)):
            return None
        try:
            taken = sheets.take(
                self.sheet,
                clerk=self.user,
                tenders=handed,
                submit_key=str(whole.cleaned_data["submit_key"]),
                received_paise=whole.cleaned_data["received"],
                pan=whole.cleaned_data["pan"],
                is_meant=meant.cleaned_data["is_meant"],
            )
        except sheets.SheetKnown as asked:
            meant.add_error("is_meant", str(asked))
        except NotTaken as refusal:
            self._say(refusal, papers, whole)
        except DomainError as refusal:
            whole.add_error(None, str(refusal))
        else:
            back = taken.change_paise
            if back:
                words = _("Give back %(amount)s.")
                messages.info(self.request, words % {"amount": grouped_rupees(back)})
            return redirect("counters:sheet", self.sheet.public_id)
        return None

    def _handed(self, papers: Sequence[TenderForm]) -> list[TenderAsked]:
        """Each paper with its amount; a single one is over the whole sheet."""
        amounts = [form.cleaned_data["tender_amount"] or form.order_paise() for form in papers]
        if len(papers) == 1:
            amounts = [amounts[0] or self.sheet.amount_paise]
        handed = []
        for place, (form, paise) in enumerate(zip(papers, amounts, strict=True)):
            if not paise:
                form.add_error("tender_amount", _("How much of it?"))
                continue
            one = form.asked(paise, front=self.photos.get(place))
            form.check(one, on=today(), policy=self.policy)
            handed.append(one)
        return handed

    def _say(self, refusal: NotTaken, papers: Sequence[TenderForm], whole: TakeForm) -> None:
        """At the paper it is about; of a row, that it must be looked at again."""
        line = sheets.line_of(self.sheet, refusal)
        if line is not None:
            self.sheet = sheets.check_again(self.sheet)
            words = _("Row %(row)s: %(why)s Nothing was taken.")
            whole.add_error(None, words % {"row": line, "why": str(refusal)})
        elif refusal.tender is not None and refusal.tender < len(papers):
            form = papers[refusal.tender]
            name = form.called(refusal.field)
            form.add_error(name if name in form.fields else None, str(refusal))
        elif refusal.field in whole.fields:
            whole.add_error(refusal.field, str(refusal))
        else:
            whole.add_error(None, str(refusal))

    # ---- showing ----

    def _render(
        self,
        papers: Sequence[TenderForm],
        whole: TakeForm,
        meant: MeantForm,
        *,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> HttpResponse:
        is_taken = self.sheet.state == Sheet.State.TAKEN
        rows = self.sheet.rows.order_by("line")
        is_part = bool(self.sheet.problem_count) and "all" not in self.request.GET
        if is_part:
            rows = rows.exclude(problem="")
        given = sheets.receipts_of(self.sheet) if is_taken else []
        labels = _labels(given)
        page = Paginator(rows, PAGE_SIZE).get_page(self.request.GET.get("page"))
        context = {
            "sheet": self.sheet,
            "is_taken": is_taken,
            "page": page,
            "lines": [{"row": row, "labels": labels.get(_key(row), ())} for row in page],
            "columns": _columns(is_taken=is_taken),
            "sum_paise": None if is_part else self.sheet.amount_paise,
            "known": self.known,
            "tenders": papers,
            "tender_rows": self._tender_rows(papers),
            "form": whole,
            "meant": meant,
            "receipt_count": len(given),
            "parts": range(1, -(-len(given) // paper.LEAVES_MAX) + 1),
            "leaves_max": paper.LEAVES_MAX,
            "counter": self.sheet.counter,
            "amount_rupees": rupees_from_paise(self.sheet.amount_paise),
        }
        return render(self.request, "counters/sheet.html", context, status=status)

    def _tender_rows(self, papers: Sequence[TenderForm]) -> list[dict[str, Any]]:
        ways = tenders.channels_by_method(list(tenders.ways()))
        offered = [
            (word, method)
            for word, method in _KINDS.items()
            if method in ways and method in (self.policy.tenders or tenders.METHODS)
        ]
        return [
            {
                "form": form,
                "place": place,
                "is_alone": len(papers) == 1,
                "prefix": form.prefix or "",
                "kept": self.photos.get(place),
                "kinds": [
                    {
                        "value": word,
                        "label": looks.METHODS[method],
                        "key": "",
                        "is_chosen": (form["tender"].value() or "cheque") == word,
                    }
                    for word, method in offered
                ],
            }
            for place, form in enumerate(papers)
        ]


def _columns(*, is_taken: bool) -> list[dict[str, Any]]:
    last = _("Receipts") if is_taken else _("What is wrong")
    return [
        {"label": _("Row"), "is_end": True, "is_minor": True},
        {"label": _("Consumer")},
        {"label": _("Bill"), "is_minor": True},
        {"label": last},
        {"label": _("Amount, ₹"), "is_end": True},
    ]


def _labels(given: Sequence[Any]) -> Mapping[tuple[str, str], list[Any]]:
    """The receipts of each row; two papers that meet in one row give it two."""
    found: dict[tuple[str, str], list[Any]] = {}
    for one in given:
        bill = one.payment.bill.number if one.payment.bill else ""
        found.setdefault((one.payment.consumer_number, bill), []).append(one)
    return found


def _key(row: Any) -> tuple[str, str]:
    return row.consumer_number, row.bill_number
