"""From the safe to the bank: slips, bags, and the stamp that comes back."""

import uuid
from collections.abc import Sequence
from functools import reduce
from http import HTTPStatus
from operator import or_
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from attachments.forms import kept as attached
from attachments.models import Kind
from counters import bags, bank_forms, deposits, slips, told
from counters.models import Bag, Instrument, Slip
from counters.selectors import bags_visible_to
from cspdcl.kernel.api import found_or_404
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from payments import looks
from payments.forms import DAY_FORMATS
from payments.models import Counter, Deposit
from payments.selectors import (
    counter_channels,
    counters_visible_to,
    deposits_visible_to,
    payments_visible_to,
)
from people.access import has_role, offices_of, roles, signed_in
from people.models import Office
from people.roles import READERS, SUPERVISOR

PAGE_SIZE: Final = 50
BANK_READERS: Final = (SUPERVISOR, *READERS)


class _Filter(forms.Form):
    day = forms.DateField(required=False, input_formats=DAY_FORMATS)
    state = forms.MultipleChoiceField(
        required=False, choices=[("house", ""), ("away", ""), ("stamped", "")]
    )


@roles(*BANK_READERS)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every slip of the user's offices, with where it is."""
    form = _Filter(request.GET)
    rows = deposits_visible_to(request.user)
    asked = form.cleaned_data if form.is_valid() else {}
    if asked.get("day"):
        rows = rows.filter(business_date=asked["day"])
    heaps = {code: rows.filter(where) for code, where in _WHERE.items()}
    chosen = [_WHERE[code] for code in asked.get("state", ())]
    shown = rows.filter(reduce(or_, chosen)) if chosen else rows
    listed = shown.select_related(
        "office", "counter", "channel", "bank_account", "made_by", "slip__bag"
    ).annotate(payment_count=Count("payments"))
    page = Paginator(listed.order_by("-made_at", "-pk"), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    context = {
        "page": page,
        "sum_paise": shown.aggregate(paise=Sum("amount_paise", default=0))["paise"],
        "sums": [_sum(code, heap) for code, heap in heaps.items()],
        "columns": [
            {"label": _("Slip")},
            {"label": _("Made"), "is_minor": True},
            {"label": _("From"), "is_minor": True},
            {"label": _("Channel"), "is_minor": True},
            {"label": _("Where it is")},
            {"label": _("Amount, ₹"), "is_end": True},
        ],
        "filters": [
            {
                "name": "state",
                "label": _("Where it is"),
                "choices": [{"value": code, "label": _PLACES[code]} for code in _WHERE],
            },
            {"name": "day", "label": _("Day"), "kind": "day"},
        ],
        "may_seal": has_role(request.user, SUPERVISOR),
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "counters/deposit_list.html", context, status=status)


_AWAY: Final = (Bag.State.HANDED_OVER, Bag.State.RECEIPTED)
_WHERE: Final = {
    "house": Q(slip__isnull=False, slip__stamped_at__isnull=True)
    & ~Q(slip__bag__isnull=False, slip__bag__state__in=_AWAY),
    "away": Q(slip__stamped_at__isnull=True, slip__bag__state__in=_AWAY),
    "stamped": Q(slip__stamped_at__isnull=False),
}
_PLACES: Final = {
    "house": gettext_lazy("in the house"),
    "away": gettext_lazy("on the way"),
    "stamped": gettext_lazy("stamped by the bank"),
}
_TONES: Final = {"house": "open", "away": "wait", "stamped": "ok"}


def _sum(code: str, heap: Any) -> dict[str, Any]:
    sums = heap.aggregate(count=Count("pk"), paise=Sum("amount_paise", default=0))
    return {"label": _PLACES[code], "tone": _TONES[code], **sums}


@roles(SUPERVISOR)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, code: str) -> HttpResponse:
    """The slip of an office, or of one counter (?counter=), in one channel (?channel=)."""
    office = _office(request, code)
    where = _where(request, office)
    channels = list(counter_channels())
    loads = [
        (one, deposits.load_of(where, channel=one, on=today()))
        for one in channels
        if one.route == "deposit"
    ]
    asked = request.GET.get("channel", "")
    chosen = next((pair for pair in loads if pair[0].code == asked), None)
    if asked and chosen is None:
        raise Http404
    form: forms.Form | None = None
    if chosen is not None:
        returned = list(deposits.returned(where, channel=chosen[0]).order_by("returned_on", "pk"))
        form = _slip_form(request, chosen[1], returned)
        before = deposits.made_with(request.POST.get("submit_key", ""), by=signed_in(request))
        if before is not None:  # its papers are no choice any more, so the form would be refused
            return redirect("counters:deposit", before.reference)
        if request.method == "POST" and form.is_valid():
            made = _made(request, where, chosen[0], form, returned)
            if made is not None:
                return redirect("counters:deposit", made.reference)
    context = {
        "office": office,
        "where": where,
        "loads": [
            {"channel": one, "load": load, "returned": returned}
            for one, load in loads
            for returned in [deposits.returned(where, channel=one).count()]
            if load.amount_paise > 0 or returned
        ],
        "channel": chosen[0] if chosen else None,
        "load": chosen[1] if chosen else None,
        "form": form,
        "is_cash": isinstance(form, bank_forms.CashSlipForm),
        "methods": looks.METHODS,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form and form.errors else HTTPStatus.OK
    return render(request, "counters/deposit_new.html", context, status=status)


def _slip_form(
    request: HttpRequest, load: deposits.Load, returned: Sequence[Instrument]
) -> forms.Form:
    has_notes = load.safe_paise > 0 or any(name.startswith("n_") for name in request.POST)
    kind = bank_forms.CashSlipForm if has_notes else bank_forms.PaperSlipForm
    data = request.POST if request.method == "POST" else None
    return kind(data, initial={"submit_key": uuid.uuid4()}, returned=returned)


def _made(
    request: HttpRequest,
    where: Counter | Office,
    channel: Any,
    form: forms.Form,
    returned: Sequence[Instrument],
) -> Deposit | None:
    notes = form.denominations if isinstance(form, bank_forms.CashSlipForm) else None
    chosen = form.cleaned_data["again"]
    try:
        made = deposits.make_deposit(
            where,
            channel=channel,
            on=today(),
            made_by=signed_in(request),
            slip_number=form.cleaned_data["slip_number"],
            denominations=notes,
            again=[one for one in returned if str(one.public_id) in chosen],
            submit_key=str(form.cleaned_data["submit_key"]),
        )
    except DomainError as refusal:
        form.add_error(None, str(refusal))
        return None
    words = _("Slip %(slip)s carries %(amount)s to the bank.")
    facts = {"slip": made.reference, "amount": grouped_rupees(made.amount_paise)}
    messages.success(request, words % facts)
    return made


@roles(*BANK_READERS)
@require_safe
def page(request: HttpRequest, reference: str) -> HttpResponse:
    """One slip: what it carries and where it is; a supervisor notes the bank's stamp here."""
    found = _deposit(request, reference)
    slip = Slip.objects.filter(deposit=found).first()
    form = None
    if slip is not None and has_role(request.user, SUPERVISOR):
        form = bank_forms.StampForm(initial={"bank_ref": slip.bank_ref})
    return _slip_page(request, found, form=form)


@roles(SUPERVISOR)
@require_POST
def stamp(request: HttpRequest, reference: str) -> HttpResponse:
    """Note what came back from the bank."""
    found = _deposit(request, reference)
    get_object_or_404(Slip, deposit=found)
    form = bank_forms.StampForm(request.POST, request.FILES)
    is_valid = form.is_valid()
    by = signed_in(request)
    photo = attached(form, "photo", kind=Kind.DEPOSIT_SLIP, office=found.office, by=by)
    if is_valid and not form.errors and _stamped(found, form, photo, request):
        return redirect("counters:deposit", found.reference)
    return _slip_page(request, found, form=form, photo=photo)


def _slip_page(
    request: HttpRequest, found: Deposit, *, form: forms.Form | None, photo: Any = None
) -> HttpResponse:
    carried = payments_visible_to(request.user).filter(deposit=found)
    sheet = slips.sheet_of(found)
    context = {
        "deposit": found,
        "sheet": sheet,
        "form": form,
        "kept": photo,
        "sums": carried.aggregate(count=Count("pk"), paise=Sum("amount_paise", default=0)),
        "page": _receipts(request, carried),
        "panels": told.panels_of(request.user, found),
        "facts": _facts(found, sheet),
        "columns": _columns(),
        "methods": looks.METHODS,
        "states": looks.STATES,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form and form.errors else HTTPStatus.OK
    return render(request, "counters/deposit.html", context, status=status)


def _stamped(found: Deposit, form: forms.Form, photo: Any, request: HttpRequest) -> bool:
    try:
        bags.stamp(
            found, by=signed_in(request), bank_ref=form.cleaned_data["bank_ref"], stamped=photo
        )
    except DomainError as refusal:
        form.add_error(None, str(refusal))
        return False
    messages.success(request, _("The bank's stamp is noted."))
    return True


def _receipts(request: HttpRequest, carried: Any) -> Any:
    rows = carried.select_related("receipt").prefetch_related("tenders").order_by("id")
    return Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))


@roles(*BANK_READERS)
@require_safe
def slip_pdf(request: HttpRequest, reference: str) -> HttpResponse:
    """The slip on A4, a copy for the bank and one for the office."""
    found = _deposit(request, reference)
    return _file(slips.pdf(found), f"slip-{found.reference}.pdf", "application/pdf", is_inline=True)


@roles(*BANK_READERS)
@require_safe
def slip_xlsx(request: HttpRequest, reference: str) -> HttpResponse:
    """The slip as an Excel file."""
    found = _deposit(request, reference)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return _file(slips.xlsx(found), f"slip-{found.reference}.xlsx", kind, is_inline=False)


# ---- bags ----


@roles(*BANK_READERS)
@require_safe
def bag_list(request: HttpRequest) -> HttpResponse:
    """Every bag of the user's offices."""
    rows = (
        bags_visible_to(request.user)
        .select_related("office", "sealed_by")
        .annotate(slip_count=Count("slips"), paise=Sum("slips__deposit__amount_paise", default=0))
        .order_by("-pk")
    )
    context = {
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
        "columns": [
            {"label": _("Seal")},
            {"label": _("Office")},
            {"label": _("Sealed"), "is_minor": True},
            {"label": _("State")},
            {"label": _("Slips"), "is_end": True, "is_minor": True},
            {"label": _("Amount, ₹"), "is_end": True},
        ],
        "may_seal": has_role(request.user, SUPERVISOR),
        "offices": _sealing(request),
    }
    return render(request, "counters/bag_list.html", context)


def _sealing(request: HttpRequest) -> Any:
    """The offices that have slips to put into a bag."""
    loose = deposits_visible_to(request.user).filter(_WHERE["house"], slip__bag__isnull=True)
    if not has_role(request.user, SUPERVISOR):
        return Office.objects.none()
    return Office.objects.filter(pk__in=loose.values("office")).order_by("code")


@roles(SUPERVISOR)
@require_http_methods(["GET", "HEAD", "POST"])
def bag_new(request: HttpRequest, code: str) -> HttpResponse:
    """Seal a bag with slips of an office."""
    office = _office(request, code)
    loose = {
        one.deposit.reference: one
        for one in Slip.objects.filter(
            deposit__office=office, bag__isnull=True, stamped_at__isnull=True
        )
        .select_related("deposit__channel")
        .order_by("deposit__reference")
    }
    choices = [
        (
            name,
            f"{name} · {one.deposit.channel.name} · ₹ {grouped_rupees(one.deposit.amount_paise)}",
        )
        for name, one in loose.items()
    ]
    form = bank_forms.BagForm(request.POST or None, choices=choices, initial={"slips": list(loose)})
    if request.method == "POST" and form.is_valid():
        try:
            bag = bags.seal(
                office,
                number=form.cleaned_data["number"],
                slips=[loose[name] for name in form.cleaned_data["slips"]],
                by=signed_in(request),
            )
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("counters:bag", bag.public_id)
    context = {"office": office, "form": form, "has_slips": bool(loose)}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "counters/bag_new.html", context, status=status)


@roles(*BANK_READERS)
@require_safe
def bag(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One bag: its slips, who carries it, what came back."""
    return _bag_page(request, _bag(request, public_id), bank_forms.CarrierForm())


@roles(SUPERVISOR)
@require_POST
def bag_go(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Note who carries the bag away."""
    found = _bag(request, public_id)
    form = bank_forms.CarrierForm(request.POST)
    if form.is_valid():
        try:
            bags.hand_over(found, carrier=form.cleaned_data["carrier"], by=signed_in(request))
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The bag is on its way."))
            return redirect("counters:bag", found.public_id)
    return _bag_page(request, found, form)


def _bag_page(request: HttpRequest, found: Bag, form: forms.Form) -> HttpResponse:
    rows = deposits_visible_to(request.user).filter(slip__bag=found)
    context = {
        "bag": found,
        "form": form,
        "slips": rows.select_related("channel", "slip").order_by("reference"),
        "sum_paise": rows.aggregate(paise=Sum("amount_paise", default=0))["paise"],
        "may_hand_over": found.state == Bag.State.SEALED and has_role(request.user, SUPERVISOR),
        "tone": {"sealed": "open", "handed_over": "wait", "receipted": "ok"}[found.state],
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "counters/bag.html", context, status=status)


# ---- helpers ----


def _bag(request: HttpRequest, public_id: uuid.UUID) -> Bag:
    rows = bags_visible_to(request.user).select_related("office", "sealed_by")
    return get_object_or_404(rows, public_id=public_id)


def _deposit(request: HttpRequest, reference: str) -> Deposit:
    rows = deposits_visible_to(request.user).select_related(
        "office", "counter", "channel", "bank_account", "made_by"
    )
    return get_object_or_404(rows, reference=reference)


def _office(request: HttpRequest, code: str) -> Office:
    return get_object_or_404(offices_of(request.user), code=code)


def _where(request: HttpRequest, office: Office) -> Counter | Office:
    asked = request.GET.get("counter", "")
    if not asked:
        return office
    mine = counters_visible_to(request.user).select_related("office", "bank_account")
    return found_or_404(mine.filter(office=office), code=asked)


def _facts(found: Deposit, sheet: slips.Sheet) -> list[dict[str, Any]]:
    facts: list[dict[str, Any]] = [
        {"label": _("Slip"), "text": found.reference, "is_id": True},
        {"label": _("Amount, ₹"), "paise": found.amount_paise},
        {"label": _("Into"), "text": f"{found.bank_account.name}, {found.bank_account.bank}"},
        {"label": _("Account"), "text": found.bank_account.account_number, "is_id": True},
        {"label": _("From"), "text": (found.counter or found.office).name},
        {"label": _("Business date"), "day": found.business_date},
        {"label": _("Made"), "at": found.made_at},
        {"label": _("By"), "text": found.made_by.get_full_name()},
    ]
    slip = sheet.slip
    if slip is not None and slip.difference_paise:
        facts.append({"label": _("Over or short, ₹"), "paise": slip.difference_paise})
    if slip is not None and slip.bag is not None:
        facts.append({"label": _("Bag"), "text": slip.bag.number, "url": _bag_url(slip.bag)})
    if slip is not None and slip.stamped_at:
        facts.append({"label": _("Stamped"), "at": slip.stamped_at})
        facts.append({"label": _("Bank's reference"), "text": slip.bank_ref, "is_id": True})
    return facts


def _bag_url(bag: Bag) -> str:
    return reverse("counters:bag", args=[bag.public_id])


def _columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Receipt")},
        {"label": _("Time"), "is_minor": True},
        {"label": _("Consumer")},
        {"label": _("Paid by"), "is_minor": True},
        {"label": _("State"), "is_minor": True},
        {"label": _("Amount, ₹"), "is_end": True},
        {"label": "", "is_minor": True},
    ]


def _file(body: bytes, name: str, kind: str, *, is_inline: bool) -> HttpResponse:
    place = "inline" if is_inline else "attachment"
    headers = {
        "Content-Disposition": f'{place}; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return HttpResponse(body, content_type=kind, headers=headers)
