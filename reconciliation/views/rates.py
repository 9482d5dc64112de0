"""Rate cards: what channels may keep, new cards in two hands, and what they kept too much."""

from datetime import date, timedelta
from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.db.models import Count, Max, Sum
from django.db.models.functions import TruncMonth
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from channels_.models import Channel, FeeRate
from channels_.selectors import channels_visible_to
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import rupees_from_paise
from payments.looks import METHODS
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import AUDITOR, FINANCE, FINANCE_APPROVER
from reconciliation import looks, selectors
from reconciliation.desk import patience
from reconciliation.forms import AnswerForm
from reconciliation.models import FeeClaim, RateCard
from reconciliation.rate_forms import ClaimForm, RateCardForm, RateRows
from reconciliation.rulebook import rate_card, rates

RATE_READERS: Final = (*FINANCE, AUDITOR)
MONTHS_SHOWN: Final = 12
EFFECT_MILLISECONDS: Final = 4_000  # for each of its two sums


@roles(*RATE_READERS)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """The channels with a card or with lines that were charged above it."""
    user = signed_in(request)
    channels = list(
        channels_visible_to(user)
        .filter(route=Channel.Route.SETTLEMENT)
        .annotate(rates=Count("fee_rates"), since=Max("fee_rates__valid_from"))
        .order_by("position", "code")
    )
    over = {
        row["channel"]: row
        for row in rates.overcharged()
        .order_by()
        .values("channel")
        .annotate(count=Count("pk"), paise=Sum("amount_paise"))
    }
    waiting = {
        one.channel_id: one
        for one in selectors.visible_rate_cards(user).filter(state=RateCard.State.PROPOSED)
    }
    context = {
        "rows": [
            {"channel": one, "over": over.get(one.pk), "waiting": waiting.get(one.pk)}
            for one in channels
        ],
        "over_paise": sum(row["paise"] for row in over.values()),
        "over_count": sum(row["count"] for row in over.values()),
        "looks": looks.RATE_CARDS,
        "columns": [
            {"label": _("Channel")},
            {"label": _("Rates"), "is_end": True, "is_minor": True},
            {"label": _("Last card from"), "is_minor": True},
            {"label": _("Lines charged above it"), "is_end": True},
            {"label": _("Too much, ₹"), "is_end": True},
            {"label": _("New card")},
        ],
    }
    return render(request, "reconciliation/rates.html", context)


@roles(*RATE_READERS)
@require_safe
def story(request: HttpRequest, channel: str) -> HttpResponse:
    """One channel's card, the cards before it, and its claims by month."""
    return _show(request, _channel(request, channel))


@roles(*FINANCE)
@require_http_methods(["GET", "HEAD", "POST"])
def write(request: HttpRequest, channel: str) -> HttpResponse:
    """A new card; it begins as the one in force."""
    found = _channel(request, channel)
    data = request.POST if request.method == "POST" else None
    form = RateCardForm(data, initial={"valid_from": today()})
    rows = RateRows(
        data, initial=[_written(rate) for rate in rate_card.in_force_on(found, today())]
    )
    if data is not None and form.is_valid() and rows.is_valid():
        try:
            card = rates.propose(
                found,
                rows=[row for row in rows.cleaned_data if row.get("method")],
                valid_from=form.cleaned_data["valid_from"],
                reason=form.cleaned_data["reason"],
                maker=signed_in(request),
            )
        except DomainError as refused:
            field = getattr(refused, "field", "")
            form.add_error(field if field in form.fields else None, str(refused))
        else:
            messages.success(request, _("Proposed. It holds when a finance approver approves it."))
            return redirect("reconciliation:proposed_rates", channel=found.code, number=card.number)
    is_wrong = data is not None
    context = {"channel": found, "form": form, "rows": rows}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_wrong else HTTPStatus.OK
    return render(request, "reconciliation/rates_write.html", context, status=status)


@roles(*RATE_READERS)
@require_safe
def card(request: HttpRequest, channel: str, number: int) -> HttpResponse:
    """A card that was proposed: its rates, and what the last weeks would have cost by them."""
    return _show_card(request, _card(request, channel, number))


@roles(*FINANCE)
@require_POST
def answer(request: HttpRequest, channel: str, number: int) -> HttpResponse:
    """Approve a card, refuse it, or take one's own back."""
    user = signed_in(request)
    found = _card(request, channel, number)
    form = AnswerForm(request.POST)
    is_own = found.maker_id == user.pk
    if form.is_valid() or (is_own and request.POST.get("verdict") == "reject"):
        said = form.cleaned_data.get("answer", "")
        try:
            if form.cleaned_data.get("verdict") == "approve":
                rates.approve(found, checker=user, answer=said)
                told = _("Approved. The next run judges by it.")
            else:
                rates.withdraw(found, by=user, answer=said)
                told = _("It does not come into force.")
        except DomainError as refused:
            form.add_error("answer", str(refused))
        else:
            messages.success(request, told)
            return redirect("reconciliation:rate_card", channel=channel)
    return _show_card(request, found, form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@roles(*FINANCE)
@require_POST
def claim(request: HttpRequest, channel: str, month: date) -> HttpResponse:
    """Note that a month was claimed, or what was answered to it.

    The form says which of both it was: a second press of "Claimed" is no answer.
    """
    user, found = signed_in(request), _channel(request, channel)
    if month.day != 1:
        raise Http404
    form = ClaimForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            if said["what"] == ClaimForm.CLAIMED:
                rates.note_claimed(
                    found, month=month, claimed_on=said["on"], note=said["note"], by=user
                )
            else:
                rates.note_answered(
                    _claim(user, found, month),
                    answered_on=said["on"],
                    paid_back_paise=said["paid_back"] or 0,
                    answer=said["note"],
                    by=user,
                )
        except DomainError as refused:
            form.add_error("on", str(refused))
        else:
            messages.success(request, _("Noted."))
            return redirect("reconciliation:rate_card", channel=channel)
    return _show(request, found, claim=(month, form), status=HTTPStatus.UNPROCESSABLE_ENTITY)


# ---- helpers ----


def _channel(request: HttpRequest, code: str) -> Channel:
    return get_object_or_404(channels_visible_to(signed_in(request)), code=code)


def _claim(user: User, channel: Channel, month: date) -> FeeClaim:
    found = selectors.visible_claims(user).filter(channel=channel, month=month).first()
    if found is None:
        raise rates.NotAClaim(_("This month was not claimed yet."))
    return found


def _card(request: HttpRequest, code: str, number: int) -> RateCard:
    seen = selectors.visible_rate_cards(signed_in(request))
    return get_object_or_404(seen, channel=_channel(request, code), number=number)


def _written(rate: FeeRate) -> dict[str, Any]:
    """A rate as the form shows it."""
    return {
        "method": rate.method,
        "network": rate.network,
        "from_paise": rupees_from_paise(rate.from_paise) if rate.from_paise else "",
        "percent": f"{rate.percent.normalize():f}" if rate.percent else "",
        "flat_paise": rupees_from_paise(rate.flat_paise) if rate.flat_paise else "",
        "cap_paise": rupees_from_paise(rate.cap_paise) if rate.cap_paise else "",
        "tax_percent": f"{rate.tax_percent.normalize():f}",
    }


def _show(
    request: HttpRequest,
    channel: Channel,
    *,
    claim: tuple[date, ClaimForm] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    user = signed_in(request)
    cards = selectors.visible_rate_cards(user).filter(channel=channel).order_by("-number")
    context = {
        "channel": channel,
        "rates": rate_card.in_force_on(channel, today()),
        "later": channel.fee_rates.filter(valid_from__gt=today()).order_by("valid_from", "method"),
        "cards": list(cards),
        "waiting": next((one for one in cards if one.state == RateCard.State.PROPOSED), None),
        "months": _months(user, channel, claim),
        "looks": looks.RATE_CARDS,
        "methods": METHODS,
        "may_write": has_role(user, *FINANCE),
    }
    return render(request, "reconciliation/rate_card.html", context, status=status)


def _effect(card: RateCard) -> rates.Effect | None:
    """What it would have changed; the card can be answered also where that takes too long."""
    return patience.tried(lambda: rates.effect_of(card), milliseconds=EFFECT_MILLISECONDS)


def _months(
    user: User, channel: Channel, bound: tuple[date, ClaimForm] | None
) -> list[dict[str, Any]]:
    """What was charged above the card by month, and the claim of each; the latest first."""
    rows = (
        rates.overcharged(channel)
        .order_by()
        .annotate(month=TruncMonth("business_date"))
        .values("month")
        .annotate(count=Count("pk"), paise=Sum("amount_paise"))
    )
    open_now = {row["month"]: row for row in rows}
    claims: dict[date, FeeClaim] = {
        one.month: one for one in selectors.visible_claims(user).filter(channel=channel)
    }
    months = sorted(open_now.keys() | claims.keys(), reverse=True)[:MONTHS_SHOWN]
    return [
        {
            "month": month,
            "open": open_now.get(month),
            "claim": claims.get(month),
            "over_on": rates.last_of(month) + timedelta(days=1),
            "is_over": rates.last_of(month) < today(),
            "form": bound[1]
            if bound and bound[0] == month
            else ClaimForm(initial={"on": today()}, auto_id=f"id_%s_{month:%Y%m}"),
        }
        for month in months
    ]


def _show_card(
    request: HttpRequest,
    card: RateCard,
    *,
    form: AnswerForm | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    user = signed_in(request)
    is_proposed = card.state == RateCard.State.PROPOSED
    is_mine = card.maker_id == user.pk
    context = {
        "card": card,
        "channel": card.channel,
        "rates": rates.rates_of(card),
        "methods": METHODS,
        "effect": _effect(card) if is_proposed else None,
        "looks": looks.RATE_CARDS,
        "form": form or AnswerForm(),
        "is_mine": is_mine,
        "is_proposed": is_proposed,
        "may_answer": is_proposed and has_role(user, FINANCE_APPROVER) and not is_mine,
    }
    return render(request, "reconciliation/rates_proposed.html", context, status=status)
