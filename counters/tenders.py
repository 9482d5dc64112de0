"""What is handed over: which papers are good, how they cover what is paid, where they go."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from attachments.models import Attachment
from channels_.contract import Method
from channels_.models import Channel
from counters.models import OfficePolicy
from counters.paper import ifsc, micr, validity
from counters.paper.validity import PaperRules, Validity, Verdict
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from payments.selectors import COUNTER_ADAPTER

CARD_ADAPTER: Final = "card_terminal"
SETTING: Final = "tenders"  # of a channel: which tenders go with it

PAPER: Final = frozenset({Method.CHEQUE, Method.DEMAND_DRAFT, Method.POSTAL_ORDER})
SLIPS: Final = PAPER | {Method.CARD}  # what is an Instrument
METHODS: Final = frozenset({Method.CASH, *SLIPS})

_NUMBERS: Final = {
    Method.CHEQUE: re.compile(r"[0-9]{6,12}"),
    Method.DEMAND_DRAFT: re.compile(r"[0-9]{6,12}"),
    Method.POSTAL_ORDER: re.compile(r"[0-9A-Z]{6,12}"),
    Method.CARD: re.compile(r"[0-9]{12}"),
}
_BANK_KEY_MAX: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderAsked:
    """One instrument that the payer hands over; ``details`` are those of its method."""

    method: Method
    amount_paise: int
    instrument: str = ""
    instrument_date: date | None = None
    bank_name: str = ""
    micr: str = ""  # sort code
    account_id: str = ""
    transaction_code: str = ""
    ifsc: str = ""
    branch_name: str = ""
    drawer: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    front: Attachment | None = field(default=None, compare=False)

    @property
    def bank_key(self) -> str:
        """The bank as far as two papers of one number are told apart by it."""
        if self.method is Method.CARD:
            return str(self.details.get("terminal", ""))[:_BANK_KEY_MAX]
        return (self.micr or self.ifsc or " ".join(self.bank_name.upper().split()))[:_BANK_KEY_MAX]


class Problem(NamedTuple):
    """Why a tender cannot be taken, and at which of its fields."""

    field: str
    words: str


class Part(NamedTuple):
    """What one tender pays of one share."""

    share: int
    tender: int
    paise: int


class NoChannel(DomainError):
    """No channel takes this tender to the bank."""

    code = "no_channel"


def waterfall(shares: Sequence[int], tenders: Sequence[int]) -> list[Part]:
    """Which tender pays how much of which share: both in their order, to the paisa.

    Their sums are equal and every amount is above zero; so is every part.
    """
    if sum(shares) != sum(tenders) or min([*shares, *tenders], default=0) <= 0:
        raise ValueError("expected amounts above zero whose sums are equal")
    parts, left = [], list(tenders)
    tender = 0
    for share, wanted in enumerate(shares):
        open_paise = wanted
        while open_paise:
            paise = min(open_paise, left[tender])
            parts.append(Part(share, tender, paise))
            open_paise -= paise
            left[tender] -= paise
            tender += left[tender] == 0
    return parts


# ---- is the paper good ----


def problems(asked: TenderAsked, *, on: date, policy: OfficePolicy) -> Iterator[Problem]:
    """Everything that keeps one tender from being taken on a day, each at its field."""
    if asked.method not in METHODS or (policy.tenders and asked.method not in policy.tenders):
        yield Problem("tender", _("This is not taken here."))
        return
    if asked.method is Method.CASH:
        return
    if not _NUMBERS[asked.method].fullmatch(asked.instrument):
        yield Problem("instrument", _number_words(asked.method))
    yield from _bank_problems(asked)
    yield from _date_problems(asked, on=on, policy=policy)
    if asked.method is Method.CHEQUE and asked.amount_paise < policy.cheque_from_paise:
        least = grouped_rupees(policy.cheque_from_paise)
        yield Problem("tender", _("Cheques are taken from %(least)s.") % {"least": least})
    if asked.method is Method.POSTAL_ORDER:
        yield from _order_problems(asked)


def is_held(asked: TenderAsked, *, on: date, policy: OfficePolicy) -> bool:
    """Whether it is a cheque of a later day that this office keeps until then."""
    return (
        asked.method is Method.CHEQUE
        and policy.post_dated == OfficePolicy.Late.HOLD
        and asked.instrument_date is not None
        and asked.instrument_date > on
    )


def _bank_problems(asked: TenderAsked) -> Iterator[Problem]:
    if asked.micr and not re.fullmatch(r"[0-9]{9}", asked.micr):
        yield Problem("micr", _("Nine digits are expected."))
    if asked.account_id and asked.transaction_code and asked.micr and len(asked.instrument) == 6:
        try:
            micr.read_parts(
                number=asked.instrument,
                sort_code=asked.micr,
                account_id=asked.account_id,
                transaction_code=asked.transaction_code,
            )
        except micr.UnreadMicr as error:
            yield Problem("micr", str(error))
    if asked.ifsc and not ifsc.is_well_formed(asked.ifsc):
        yield Problem("ifsc", _("Four letters, a zero and six characters, such as SBIN0004343."))


def _date_problems(asked: TenderAsked, *, on: date, policy: OfficePolicy) -> Iterator[Problem]:
    if asked.instrument_date is None or asked.method is Method.CARD:
        return
    found = validity_of(asked, on=on, policy=policy)
    if found.verdict is Verdict.POST_DATED and not is_held(asked, on=on, policy=policy):
        yield Problem("instrument_date", _("Dated ahead: it cannot be cashed today."))
    elif found.verdict is Verdict.REVALIDATE:
        yield Problem("instrument_date", _("Too old: the post office must renew it first."))
    elif found.verdict is Verdict.STALE:
        until = f"{found.good_until:%d-%m-%Y}" if found.good_until else ""
        words = _("Too old: it was good until %(until)s.") % {"until": until}
        if asked.method is not Method.POSTAL_ORDER:
            words = _("Too old for the bank: it is good until %(until)s only.") % {"until": until}
        yield Problem("instrument_date", words)


def validity_of(asked: TenderAsked, *, on: date, policy: OfficePolicy) -> Validity:
    """From when to when a paper is good, by its kind and the rules of the office."""
    rules = PaperRules(
        cheque_months=policy.cheque_months,
        draft_months=policy.cheque_months,
        days_to_bank=policy.days_to_bank,
    )
    kinds = {Method.POSTAL_ORDER: validity.postal_order, Method.DEMAND_DRAFT: validity.draft}
    judge = kinds.get(asked.method, validity.cheque)
    return judge(asked.instrument_date, on=on, rules=rules)


def _order_problems(asked: TenderAsked) -> Iterator[Problem]:
    face = asked.details.get("face_paise")
    if face is None:
        return
    try:
        worth = validity.order_paise(face, stamps_paise=asked.details.get("stamps_paise", ()))
    except validity.NotAnOrder as error:
        yield Problem("face", str(error))
        return
    if worth != asked.amount_paise:
        words = _("The order with its stamps is worth %(worth)s, not %(amount)s.")
        facts = {"worth": grouped_rupees(worth), "amount": grouped_rupees(asked.amount_paise)}
        yield Problem("face", words % facts)


def _number_words(method: Method) -> str:
    if method is Method.CARD:
        return _("The RRN has twelve digits; it stands on the slip.")
    if method is Method.POSTAL_ORDER:
        return _("The number has 6 to 12 digits or capitals.")
    return _("The number has 6 to 12 digits; it stands on the lower edge.")


# ---- which way to the bank ----


def ways() -> QuerySet[Channel]:
    """The live channels that take a counter's tenders to the bank, in the order of the boards."""
    return Channel.objects.filter(
        adapter__in=(COUNTER_ADAPTER, CARD_ADAPTER), is_live=True
    ).order_by("position", "code")


def channels_by_method(channels: Sequence[Channel]) -> dict[Method, Channel]:
    """The channel of each tender: what was agreed with the channel, else the one of its name.

    Cheques take drafts and postal orders with them; an office that has a single counter channel
    takes everything but cards with it.
    """
    found: dict[Method, Channel] = {}
    counters = [one for one in channels if one.adapter == COUNTER_ADAPTER]
    by_code = {one.code: one for one in counters}
    for method in METHODS - {Method.CARD}:
        named = by_code.get(method.value)
        if named is None and method in PAPER:
            named = by_code.get(Method.CHEQUE.value)
        if named is None and len(counters) == 1:
            named = counters[0]
        if named is not None:
            found[method] = named
    terminals = [one for one in channels if one.adapter == CARD_ADAPTER]
    if terminals:
        found[Method.CARD] = terminals[0]
    agreed = {
        Method(word): one
        for one in reversed(channels)
        for word in one.settings.get(SETTING, ())
        if word in METHODS
    }
    return found | agreed
