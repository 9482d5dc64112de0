"""Money that no notice told of: the list of credits, one of them with whose it may be, suspense."""

from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError, Malformed
from cspdcl.kernel.logs import mask
from payments.looks import STATES as PAYMENT_STATES
from payments.models import Consumer, Payment
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import AUDITOR, FINANCE, FINANCE_APPROVER
from reconciliation import selectors
from reconciliation.board import OLD_DAYS
from reconciliation.desk import listing
from reconciliation.forms import AssignForm, WhyForm
from reconciliation.found import assigning, bank_credits, schedules
from reconciliation.found import listed as reports
from reconciliation.models import Break, Decision, Entry, Evidence

FOUND_READERS: Final = (*FINANCE, AUDITOR)
PAGE_SIZE: Final = 50


@roles(*FOUND_READERS)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """The credits that wait for a consumer, the oldest first, each with whose it may be."""
    breaks = selectors.waiting_credits(signed_in(request))
    page = Paginator(breaks, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": _rows(list(page.object_list)),
        "sums": breaks.order_by().aggregate(
            count=Count("pk"), paise=Coalesce(Sum("amount_paise"), 0)
        ),
        "columns": [
            {"label": _("Credit")},
            {"label": _("Age")},
            {"label": _("Account"), "is_minor": True},
            {"label": _("What the bank says"), "is_minor": True},
            {"label": _("Probably of")},
            {"label": _("Amount, ₹"), "is_end": True},
        ],
    }
    return render(request, "reconciliation/credits.html", context)


@roles(*FOUND_READERS)
@require_safe
def story(request: HttpRequest, public_id: str) -> HttpResponse:
    """One line that no notice told of: whose it may be, or what was made of it."""
    user = signed_in(request)
    one = _found(user, public_id)
    return _page(request, user, one)


@roles(*FINANCE)
@require_POST
def assign(request: HttpRequest, public_id: str) -> HttpResponse:
    """Give it to a consumer, or split it by a schedule; a second person decides above the limit."""
    user = signed_in(request)
    one = _found(user, public_id)
    form = AssignForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, user, one, form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        decision = _assigned(one, form, user)
    except (DomainError, Malformed) as refused:
        if not form.errors:
            form.add_error("schedule" if isinstance(refused, Malformed) else None, str(refused))
        return _page(request, user, one, form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    messages.success(request, _said(decision))
    return redirect("reconciliation:credit", public_id=one.public_id)


@roles(*FINANCE)
@require_POST
def take_back(request: HttpRequest, public_id: str) -> HttpResponse:
    """Propose to take an assignment back; a second person decides."""
    user = signed_in(request)
    one = _found(user, public_id)
    form = WhyForm(request.POST)
    if form.is_valid():
        try:
            decision = assigning.ask_back(one, why=form.cleaned_data["why"], maker=user)
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _said(decision))
            return redirect("reconciliation:credit", public_id=one.public_id)
    return _page(request, user, one, back=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@roles(*FOUND_READERS)
@require_safe
def suspense(request: HttpRequest) -> HttpResponse:
    """The paid payments that have no consumer."""
    return _suspense(request, signed_in(request))


@roles(*FINANCE)
@require_POST
def name(request: HttpRequest, reference: str) -> HttpResponse:
    """Name the consumer of a payment that has none."""
    user = signed_in(request)
    payment = get_object_or_404(selectors.suspense(user), reference=reference)
    form = AssignForm(request.POST)
    if form.is_valid():
        consumer = _consumer(form)
        if consumer is None and not form.errors:
            form.add_error("consumer_number", _("Say whose it is."))
        if consumer is not None:
            try:
                decision = assigning.name(
                    payment, consumer=consumer, why=form.cleaned_data["why"], maker=user
                )
            except DomainError as refused:
                form.add_error(None, str(refused))
            else:
                messages.success(request, _said(decision))
                return redirect("reconciliation:suspense")
    return _suspense(
        request, user, form=form, reference=reference, status=HTTPStatus.UNPROCESSABLE_ENTITY
    )


# ---- deciding ----


def _assigned(one: Break, form: AssignForm, user: User) -> Decision:
    """What the form asks for. Raises Malformed for a schedule, DomainError for the rest."""
    why, sent = form.cleaned_data["why"], form.cleaned_data["schedule"]
    consumer = _consumer(form)
    if form.errors:
        raise _Refused
    if assigning.is_listed(one):
        return assigning.take(one, consumer=consumer, why=why, maker=user)
    if (sent is None) == (consumer is None):
        form.add_error("consumer_number", _("Say whose it is: one consumer, or a schedule."))
        raise _Refused
    if sent is not None:
        return assigning.assign(one, shares=schedules.read(sent), why=why, maker=user)
    entry = bank_credits.entry_of(one)
    assert consumer is not None  # noqa: S101 - one of the two is there
    return assigning.assign(one, shares=[(consumer, entry.amount_paise)], why=why, maker=user)


class _Refused(DomainError):
    """The form says already what is wrong."""

    def __str__(self) -> str:
        return _("Nothing was assigned.")


def _consumer(form: AssignForm) -> Consumer | None:
    """The consumer that was typed; an unknown one is an error of the field."""
    typed = form.cleaned_data["consumer_number"].strip()
    if not typed:
        return None
    consumer = selectors.consumer_named(typed)
    if consumer is None:
        form.add_error("consumer_number", _("No consumer has this number."))
    return consumer


def _said(decision: Decision) -> str:
    if decision.state == Decision.State.ALONE:
        return _("Done. The next run matches it.")
    return _("Proposed. It acts when a second person approves it.")


# ---- showing ----


def _found(user: User, public_id: str) -> Break:
    return get_object_or_404(selectors.found_money(user), public_id=public_id)


def _page(
    request: HttpRequest,
    user: User,
    one: Break,
    *,
    form: AssignForm | None = None,
    back: WhyForm | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    entry = bank_credits.entry_of(one)
    made = assigning.payments_of(one)
    waiting = one.decisions.filter(state=Decision.State.PROPOSED).select_related("maker").first()
    may = has_role(user, *FINANCE) and waiting is None
    is_listed = assigning.is_listed(one)
    known = bank_credits.identify([entry]).get(entry.pk)
    typed = known.consumer.number if known else entry.consumer_number
    is_open = is_listed or assigning.is_assignable(one)
    context = {
        "break": one,
        "entry": entry,
        "is_listed": is_listed,
        "days": listing.age_of(one, as_of=today()),
        "facts": _facts(entry),
        "known": known,
        "how": Evidence.How(known.how).label if known else "",
        "candidates": selectors.open_bills_of(entry.amount_paise) if is_open else [],
        "payments": [{"payment": x, "receipt": getattr(x, "receipt", None)} for x in made],
        "looks": PAYMENT_STATES,
        "asked": reports.is_pending(one) if is_listed else None,
        "waiting": waiting,
        "form": form or AssignForm(initial={"consumer_number": typed}),
        "back": back or WhyForm(),
        "limit_paise": assigning.alone_max_paise(),
        "may_assign": may and is_open,
        "may_take_back": may and bool(made) and not is_listed and not is_open,
        "may_approve": has_role(user, FINANCE_APPROVER),
    }
    return render(request, "reconciliation/credit.html", context, status=status)


def _facts(entry: Entry) -> list[dict[str, Any]]:
    source = entry.bank_account or entry.channel
    facts: list[dict[str, Any]] = [
        {"label": _("Amount"), "paise": entry.amount_paise},
        {"label": _("Day"), "day": entry.business_date},
        {"label": _("Source"), "text": str(source) if source else ""},
        {"label": _("What it says"), "text": mask(entry.narration)},
    ]
    for label, text in (
        (_("UTR"), entry.utr),
        (_("RRN"), entry.rrn),
        (_("Their id"), entry.channel_ref),
        (_("Order"), entry.order_ref),
        (_("Consumer it names"), entry.consumer_number),
    ):
        if text:
            facts.append({"label": label, "text": text, "is_id": True})
    if entry.file is not None:
        told = {"file": entry.file.name, "line": entry.line}
        facts.append({"label": _("File"), "text": _("%(file)s, line %(line)s") % told})
    return facts


def _rows(breaks: list[Break]) -> list[dict[str, Any]]:
    entries = Entry.objects.in_bulk([selectors.entry_id_of(one) for one in breaks])
    known = bank_credits.identify(list(entries.values()))
    rows = []
    for one in breaks:
        entry = entries[selectors.entry_id_of(one)]
        days = listing.age_of(one, as_of=today())
        found = known.get(entry.pk)
        rows.append(
            {
                "break": one,
                "entry": entry,
                "narration": mask(entry.narration)[:120],
                "days": days,
                "is_old": days >= OLD_DAYS,
                "consumer": found.consumer if found else None,
                "how": Evidence.How(found.how).label if found else "",
            }
        )
    return rows


def _suspense(
    request: HttpRequest,
    user: User,
    *,
    form: AssignForm | None = None,
    reference: str = "",
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    payments = selectors.suspense(user).order_by("business_date", "pk")
    page = Paginator(payments, PAGE_SIZE).get_page(request.GET.get("page"))
    shown: list[Payment] = list(page.object_list)
    proposed = Decision.objects.filter(
        payment_reference__in=[one.reference for one in shown], state=Decision.State.PROPOSED
    )
    waiting = set(proposed.values_list("payment_reference", flat=True))
    context = {
        "page": page,
        "rows": [
            {
                "payment": one,
                "days": (today() - one.business_date).days,
                "is_waiting": one.reference in waiting,
                "form": form
                if form is not None and one.reference == reference
                else AssignForm(auto_id=f"id_{one.reference}_%s"),
            }
            for one in shown
        ],
        "sums": payments.order_by().aggregate(
            count=Count("pk"), paise=Coalesce(Sum("amount_paise"), 0)
        ),
        "columns": [
            {"label": _("Payment")},
            {"label": _("Age"), "is_minor": True},
            {"label": _("Channel"), "is_minor": True},
            {"label": _("Told number"), "is_minor": True},
            {"label": _("Amount, ₹"), "is_end": True},
            {"label": _("Consumer")},
        ],
        "may_name": has_role(user, *FINANCE),
        "limit_paise": assigning.alone_max_paise(),
    }
    return render(request, "reconciliation/suspense.html", context, status=status)
