"""How much cash one payer may hand over: the law's limits and our own, and what they say."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Final

from django.db.models import Sum
from django.utils.translation import gettext as _

from channels_.contract import Method
from counters.models import CashRule
from cspdcl.kernel import crypto
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from payments.models import Consumer, Payment
from payments.states import State

PAN_PLACE: Final = "counters_collection.pan"

Sums = dict[tuple[str, date], int]  # cash by payer and day


class RuleStops(DomainError):
    """A rule stops what is handed over; some a supervisor may let through, once."""

    code = "cash_rule"

    def __init__(
        self,
        words: str,
        *,
        rule: str,
        may_override: bool,
        amount_paise: int,
        wants_pan: bool = False,
    ) -> None:
        super().__init__(words)
        self.wants_pan = wants_pan
        self.rule = rule
        self.may_override = may_override
        self.amount_paise = amount_paise


def index_of(pan: str) -> bytes | None:
    """What finds a PAN's payments of the day without telling it."""
    return crypto.blind_index(pan, place=PAN_PLACE) if pan else None


def payers(cash_of: Mapping[str, int], *, pan_index: bytes | None) -> dict[str, int]:
    """Who hands over how much cash, by a word for each payer.

    ``cash_of`` is the cash by business partner. All of it is one person's who shows a PAN.
    """
    found = {f"partner:{partner}": paise for partner, paise in cash_of.items() if paise}
    if pan_index is not None and found:
        found[f"pan:{pan_index.hex()}"] = sum(cash_of.values())
    return found


def cash_taken(payers: Collection[str], *, days: Collection[date]) -> Sums:
    """What these payers have paid in cash on these days, anywhere; by payer and day."""
    told = [word.partition(":")[::2] for word in payers]
    partners = [value for kind, value in told if kind == "partner"]
    indexes = [bytes.fromhex(value) for kind, value in told if kind == "pan"]
    cash = Payment.objects.filter(
        method=Method.CASH.value, state=State.SUCCEEDED, business_date__in=days
    )
    sums: Sums = {}
    if partners:
        # Looked up first: the planner then goes by the consumer, not by the day.
        known = Consumer.objects.filter(business_partner__in=partners)
        of = dict(known.values_list("pk", "business_partner"))
        rows = cash.filter(consumer__in=list(of)).values_list("consumer", "business_date")
        for consumer, day, paise in rows.annotate(paise=Sum("amount_paise")):
            word = (f"partner:{of[consumer]}", day)
            sums[word] = sums.get(word, 0) + paise
    if indexes:
        field = "collection_line__collection__payer_index"
        rows = cash.filter(**{f"{field}__in": indexes}).values_list(field, "business_date")
        for index, day, paise in rows.annotate(paise=Sum("amount_paise")):
            sums[f"pan:{bytes(index).hex()}", day] = paise
    return sums


def stops(
    rules: Iterable[CashRule],
    *,
    on: date,
    cash: Mapping[str, int],
    before: Sums,
    total_paise: int,
    has_pan: bool,
) -> Iterator[RuleStops]:
    """Every rule that the cash of one hand-over would break, the smallest limit first.

    ``cash`` is by payer, ``before`` what they have paid that day. One hand-over is one person's,
    whoever it pays for.
    """
    most = max([total_paise, *(before.get((who, on), 0) + paise for who, paise in cash.items())])
    for rule in rules:
        reached = total_paise if rule.per == CashRule.Per.PAYMENT else most
        if total_paise and not _is_kept(rule, reached, has_pan=has_pan):
            yield RuleStops(
                _words(rule, reached),
                rule=rule.code,
                may_override=rule.may_override,
                amount_paise=total_paise,
                wants_pan=rule.effect == CashRule.Effect.WANTS_PAN,
            )


def _is_kept(rule: CashRule, paise: int, *, has_pan: bool) -> bool:
    if rule.effect == CashRule.Effect.BELOW:
        return paise < rule.limit_paise
    is_above = paise > rule.limit_paise
    return not is_above or (rule.effect == CashRule.Effect.WANTS_PAN and has_pan)


def _words(rule: CashRule, reached: int) -> str:
    facts = {
        "limit": grouped_rupees(rule.limit_paise),
        "reached": grouped_rupees(reached),
        "law": rule.law or rule.code,
    }
    if rule.effect == CashRule.Effect.WANTS_PAN:
        return _("Above %(limit)s in cash the payer's PAN is wanted (%(law)s).") % facts
    if rule.per == CashRule.Per.PAYMENT:
        if rule.effect == CashRule.Effect.BELOW:
            return _("In cash less than %(limit)s only (%(law)s).") % facts
        return _("In cash at most %(limit)s only (%(law)s).") % facts
    if rule.effect == CashRule.Effect.BELOW:
        return (
            _(
                "In cash less than %(limit)s from one payer on one day; with this it would be "
                "%(reached)s (%(law)s)."
            )
            % facts
        )
    return (
        _(
            "In cash at most %(limit)s from one payer on one day; with this it would be "
            "%(reached)s (%(law)s)."
        )
        % facts
    )
