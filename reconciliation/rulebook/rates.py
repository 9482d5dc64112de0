"""Rate cards in two hands, and claims on channels that kept more than was agreed.

A rate that was in force stays; a new card is rows of a later day. What a card leaves out goes on.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final, NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import BigIntegerField, Count, F, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from channels_.models import Channel, FeeRate
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import DomainError
from people import audit
from people.access import has_role
from people.models import User
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER
from reconciliation.models import Break, FeeClaim, RateCard, Reason
from reconciliation.rulebook import rate_card

ROWS_MAX: Final = 60
LOOKED_AT: Final = 90  # days over which a proposed card is held against the one in force

Row = Mapping[str, Any]


class NotACard(DomainError):
    """What was written cannot be a rate card; ``field`` is where it must be mended, or empty."""

    code: ClassVar[str] = "not_a_card"

    def __init__(self, text: str | Promise, *, field: str = "") -> None:
        super().__init__(str(text))
        self.field = field


class NotYourCard(DomainError):
    """The person may not take this part: who proposes a card never approves it."""

    code: ClassVar[str] = "not_your_card"


class NotAClaim(DomainError):
    """There is nothing to claim, or it was claimed or answered already."""

    code: ClassVar[str] = "not_a_claim"


# ---- cards ----


@transaction.atomic
def propose(
    channel: Channel, *, rows: Sequence[Row], valid_from: date, reason: str, maker: User
) -> RateCard:
    """Put rates before a second person. Raises NotACard for what cannot be a card."""
    person = _finance(maker)
    locked = Channel.objects.select_for_update().get(pk=channel.pk)
    _refuse_wrong(locked, rows, valid_from)
    if not reason.strip():
        raise NotACard(_("Say why: the second person and the auditor read it."), field="reason")
    number = RateCard.objects.filter(channel=locked).count() + 1
    try:
        with transaction.atomic():
            card = RateCard.objects.create(
                channel=locked,
                number=number,
                valid_from=valid_from,
                rows=[_plain(row) for row in rows],
                reason=reason.strip(),
                maker=person,
            )
    except IntegrityError as error:
        raise NotACard(_("Another card of this channel waits for its second person.")) from error
    _record(person, "proposed", card)
    return card


def _refuse_wrong(channel: Channel, rows: Sequence[Row], valid_from: date) -> None:
    if not rows:
        raise NotACard(_("A card has at least one rate."))
    if len(rows) > ROWS_MAX:
        raise NotACard(_("A card has at most %(most)s rates.") % {"most": ROWS_MAX})
    named = [(row["method"], row["network"].lower(), row["from_paise"]) for row in rows]
    if len(set(named)) < len(named):
        raise NotACard(_("A method, network and amount is rated once."))
    for method, network in {(method, network) for method, network, _from in named}:
        if (method, network, 0) not in named:
            raise NotACard(
                _("The rates of %(method)s begin above 0.00; say what smaller payments cost.")
                % {"method": f"{method} {network}".strip()}
            )
        later = channel.fee_rates.filter(
            method=method, network__iexact=network, valid_from__gte=valid_from
        ).first()
        if later is not None:
            raise NotACard(
                _("%(method)s has a rate from %(day)s on; begin after that day.")
                % {"method": f"{method} {network}".strip(), "day": f"{later.valid_from:%d-%m-%Y}"},
                field="valid_from",
            )


def _plain(row: Row) -> dict[str, Any]:
    return {
        "method": row["method"],
        "network": row["network"].strip(),
        "from_paise": row["from_paise"],
        "percent": str(row["percent"]),
        "flat_paise": row["flat_paise"],
        "cap_paise": row["cap_paise"],
        "tax_percent": str(row["tax_percent"]),
    }


@transaction.atomic
def approve(card: RateCard, *, checker: User, answer: str = "") -> RateCard:
    """Bring a card into force: its rows become rates of the channel. Never by its maker."""
    person = User.objects.get(pk=checker.pk)  # their roles as they are in this transaction
    if not has_role(person, FINANCE_APPROVER):
        raise NotYourCard(_("A finance approver brings rates into force."))
    channel = Channel.objects.select_for_update().get(pk=card.channel_id)
    locked = _locked(card)
    if locked.maker_id == person.pk:
        raise NotYourCard(_("Who proposed rates does not approve them."))
    _refuse_wrong(channel, list(_read(locked)), locked.valid_from)
    FeeRate.objects.bulk_create(rates_of(locked))
    _answer(locked, person, RateCard.State.APPROVED, answer)
    _record(person, "approved", locked)
    return locked


@transaction.atomic
def withdraw(card: RateCard, *, by: User, answer: str = "") -> RateCard:
    """Say no to a card, with a reason; its own maker may take it back without one."""
    person = _finance(by)
    locked = _locked(card)
    is_own = locked.maker_id == person.pk
    if not is_own and not has_role(person, FINANCE_APPROVER):
        raise NotYourCard(_("A finance approver answers a card."))
    if not is_own and not answer.strip():
        raise NotACard(_("Say why: the maker reads it."), field="answer")
    _answer(locked, None if is_own else person, RateCard.State.WITHDRAWN, answer)
    _record(person, "withdrawn", locked)
    return locked


def rates_of(card: RateCard) -> list[FeeRate]:
    """The rates that a card would be; not stored."""
    return [FeeRate(channel=card.channel, valid_from=card.valid_from, **row) for row in _read(card)]


def _read(card: RateCard) -> Iterator[dict[str, Any]]:
    for row in card.rows:
        yield {
            **row,
            "percent": Decimal(row["percent"]),
            "tax_percent": Decimal(row["tax_percent"]),
        }


class Effect(NamedTuple):
    """The lines of some days under the card in force, and as they would be under another."""

    since: date
    until: date
    held: rate_card.Judged
    other: rate_card.Judged


def effect_of(card: RateCard) -> Effect:
    """The lines of the last weeks, had the card been in force on them."""
    until = today()
    since = until - timedelta(days=LOOKED_AT - 1)
    named = {(row["method"], row["network"].lower()) for row in card.rows}
    kept = [
        rate
        for rate in card.channel.fee_rates.all()
        if (rate.method, rate.network.lower()) not in named
    ]
    as_if = rates_of(card)
    for rate in as_if:
        rate.valid_from = since - timedelta(days=366)
    return Effect(
        since=since,
        until=until,
        held=rate_card.judge(card.channel, since, until),
        other=rate_card.judge(card.channel, since, until, rates=[*kept, *as_if]),
    )


# ---- claims ----


def overcharged(channel: Channel | None = None, *, month: date | None = None) -> QuerySet[Break]:
    """Open breaks of lines of which a channel kept more than agreed, with how much more."""
    found = Break.objects.filter(reason=Reason.FEE_DIFFERS, state=Break.State.OPEN)
    if channel is not None:
        found = found.filter(channel=channel)
    if month is not None:
        found = found.filter(business_date__range=(month, last_of(month)))
    whole = BigIntegerField()
    kept = Cast(KT("facts__kept"), whole)
    agreed = Cast(KT("facts__agreed"), whole)
    return found.annotate(kept=kept, agreed=agreed).filter(kept__gt=F("agreed"))


def last_of(month: date) -> date:
    """The last day of the month that begins on a day."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


@transaction.atomic
def note_claimed(
    channel: Channel, *, month: date, claimed_on: date, note: str, by: User
) -> FeeClaim:
    """Note that the month's claim went to the channel; what it came to is kept as it stood."""
    person = _finance(by)
    locked = Channel.objects.select_for_update().get(pk=channel.pk)
    # A month is claimed once: what breaks after the claim could never be claimed.
    if not last_of(month) < claimed_on <= today():
        raise NotAClaim(_("A month is claimed once it is over, on no day still to come."))
    sums = overcharged(locked, month=month).aggregate(n=Count("pk"), paise=Sum("amount_paise"))
    if not sums["n"]:
        raise NotAClaim(_("Nothing of this month was charged above the rate card."))
    if FeeClaim.objects.filter(channel=locked, month=month).exists():
        raise NotAClaim(_("This month was claimed already."))
    claim = FeeClaim.objects.create(
        channel=locked,
        month=month,
        claimed_on=claimed_on,
        claimed_count=sums["n"],
        claimed_paise=sums["paise"],
        note=note.strip(),
        claimed_by=person,
    )
    _tell(person, "claimed", claim)
    return claim


@transaction.atomic
def note_answered(
    claim: FeeClaim, *, answered_on: date, paid_back_paise: int, answer: str, by: User
) -> FeeClaim:
    """Note what the channel answered, and how much it says that it pays back."""
    person = _finance(by)
    locked = FeeClaim.objects.select_for_update(of=("self",)).get(pk=claim.pk)
    if locked.answered_on is not None:
        raise NotAClaim(_("This claim was answered already."))
    if not locked.claimed_on <= answered_on <= today():
        raise NotAClaim(_("It was answered after it was claimed, on a day that is over."))
    locked.answered_on, locked.paid_back_paise = answered_on, paid_back_paise
    locked.answer, locked.answered_by = answer.strip(), person
    locked.save(update_fields=["answered_on", "paid_back_paise", "answer", "answered_by"])
    _tell(person, "answered", locked)
    return locked


# ---- helpers ----


def _locked(card: RateCard) -> RateCard:
    locked = RateCard.objects.select_for_update(of=("self",)).get(pk=card.pk)
    if locked.state != RateCard.State.PROPOSED:
        raise NotACard(
            _("This card is decided already: %(state)s.") % {"state": locked.get_state_display()}
        )
    return locked


def _answer(card: RateCard, person: User | None, state: RateCard.State, answer: str) -> None:
    card.state, card.answer = state, answer.strip()[:300]
    if person is not None:
        card.checker, card.checked_at = person, now()
    card.save(update_fields=["state", "answer", "checker", "checked_at"])


def _finance(user: User) -> User:
    person = User.objects.get(pk=user.pk)  # their roles as they are in this transaction
    if not has_role(person, FINANCE_OFFICER, FINANCE_APPROVER):
        raise NotYourCard(_("A finance officer keeps the rate cards."))
    return person


def _record(actor: User, what: str, card: RateCard) -> None:
    audit.record(
        actor,
        f"rate_card.{what}",
        ("rate_card", str(card)),
        after={
            "valid_from": card.valid_from.isoformat(),
            "rows": card.rows,
            "reason": card.reason,
            "answer": card.answer,
        },
    )


def _tell(actor: User, what: str, claim: FeeClaim) -> None:
    audit.record(
        actor,
        f"fee_claim.{what}",
        ("fee_claim", str(claim)),
        after={
            "claimed_paise": claim.claimed_paise,
            "paid_back_paise": claim.paid_back_paise,
            "note": claim.note,
            "answer": claim.answer,
        },
    )
