"""What may be asked of a counter: one payer's hand-over, and the answer to it.

What can be judged from the request alone is judged here; the books are asked in ``taking``.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _

from channels_.contract import Method
from counters import cash_rules
from counters.models import Collection, Instrument
from counters.tenders import Part, TenderAsked, waterfall
from cspdcl.kernel.clock import business_date
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import PAISE_MAX, grouped_rupees
from payments import receipts
from payments.models import Receipt

CLOCKS_DIFFER: Final = timedelta(minutes=5)


class NotTaken(DomainError):
    """The counter may not take this; the drawer stays shut.

    ``field`` is what a form calls it; ``share`` or ``tender`` say of which one, from 0.
    """

    code = "not_taken"

    def __init__(
        self, words: str, *, field: str = "", share: int | None = None, tender: int | None = None
    ) -> None:
        super().__init__(words)
        self.field = field
        self.share = share
        self.tender = tender


class PaidMeanwhile(NotTaken):
    """More is offered than is due by now: somebody has paid, or the clerk saw older dues."""

    code = "paid_already"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareAsked:
    """What of it is for one consumer. Without a bill it pays the oldest dues first.

    Only an advance may be more than is due. Who has taken the money already says so, too: facts
    of an offline counter or of a machine are not judged by the dues of today.
    """

    consumer_number: str
    amount_paise: int
    bill_number: str = ""
    is_advance: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """What a clerk asks to take. ``taken_at`` is earlier than now only for offline counters."""

    submit_key: str
    shares: Sequence[ShareAsked]
    tenders: Sequence[TenderAsked]
    channel: str = ""  # for all of it; else each tender goes the way that takes it
    taken_at: datetime | None = None
    received_paise: int | None = None  # cash, as counted into the hand
    denominations_in: Mapping[str, object] = field(default_factory=dict)
    denominations_out: Mapping[str, object] = field(default_factory=dict)
    payer: str = ""
    pan: str = ""
    reserved: receipts.Reserved | None = None  # its receipt was given before it came: one payment

    @property
    def amount_paise(self) -> int:
        """What is paid in all."""
        return sum(one.amount_paise for one in self.shares)

    @property
    def cash_paise(self) -> int:
        """What of it is cash."""
        return sum(one.amount_paise for one in self.tenders if one.method is Method.CASH)

    @property
    def fingerprint(self) -> str:
        """The same for the same request, whatever its key."""
        parts = (
            self.channel,
            *(repr(one) for one in self.shares),
            *(repr(replace(one, front=None)) for one in self.tenders),
            repr(self.taken_at),
            self.payer,
            # By its index: whoever reads the books could guess ten characters from a plain hash.
            (cash_rules.index_of(self.pan) or b"").hex(),
            *(self.reserved or ()),
        )
        return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The answer to one: receipts, new or given before; a paper that waits; or why not."""

    submit_key: str
    receipts: tuple[Receipt, ...] = ()
    collection: Collection | None = None
    held: Instrument | None = None
    is_new: bool = False
    refusal: DomainError | None = None

    @property
    def change_paise(self) -> int:
        """What to give back of the cash."""
        made = self.collection
        if made is None or made.received_paise is None:
            return 0
        return made.received_paise - made.cash_paise


def merged(asked: HandOver) -> HandOver:
    """Cash counts as one tender, where the first of it stood."""
    cash_tenders = [one for one in asked.tenders if one.method is Method.CASH]
    if len(cash_tenders) < 2:
        return asked
    whole = replace(cash_tenders[0], amount_paise=asked.cash_paise)
    others = [one for one in asked.tenders if one.method is not Method.CASH]
    place = list(asked.tenders).index(cash_tenders[0])
    return replace(asked, tenders=[*others[:place], whole, *others[place:]])


def parts_of(asked: HandOver) -> list[Part]:
    """Which tender pays how much of which share."""
    return waterfall(
        [one.amount_paise for one in asked.shares], [one.amount_paise for one in asked.tenders]
    )


def check_money(asked: HandOver) -> None:
    """The sums of it agree, to the paisa."""
    if not asked.shares:
        raise NotTaken(_("Say for whom it is."))
    if not asked.tenders:
        raise NotTaken(_("Say what it is paid with."))
    for place, share in enumerate(asked.shares):
        if not 0 < share.amount_paise <= PAISE_MAX:
            words = _("More than zero is expected.")
            raise NotTaken(words, field="amount", share=place)
    tendered = sum(one.amount_paise for one in asked.tenders)
    if tendered != asked.amount_paise or any(one.amount_paise <= 0 for one in asked.tenders):
        words = _("Handed over %(tendered)s, to pay %(wanted)s.")
        facts = {
            "tendered": grouped_rupees(tendered),
            "wanted": grouped_rupees(asked.amount_paise),
        }
        raise NotTaken(words % facts, field="tender_amount")
    if asked.received_paise is not None and asked.received_paise < asked.cash_paise:
        raise NotTaken(_("Less than the amount."), field="received")
    if asked.received_paise is not None and asked.received_paise > PAISE_MAX:
        raise NotTaken(_("Nobody hands over so much."), field="received")


def day_of(asked: HandOver, moment: datetime) -> date:
    """The day it says; today for what is refused for its moment, so that no far day is locked."""
    if asked.taken_at is None or why_not_then(asked, moment):
        return business_date(moment)
    return business_date(asked.taken_at)


def why_not_then(asked: HandOver, moment: datetime) -> str:
    """Why it cannot have been taken when it says; empty when it can."""
    if asked.taken_at is None:
        return ""
    if asked.taken_at > moment + CLOCKS_DIFFER:
        return _("It cannot have been taken in the future.")
    if asked.taken_at < moment - timedelta(days=settings.COUNTER_OFFLINE_DAYS_MAX):
        return _("It was taken too long ago to be entered here.")
    return ""


def tender_of(paper: Instrument) -> TenderAsked:
    """A paper that was kept, as it would be handed over now."""
    return TenderAsked(
        method=Method(paper.method),
        amount_paise=paper.amount_paise,
        instrument=paper.number,
        instrument_date=paper.dated,
        bank_name=paper.bank_name,
        micr=paper.micr,
        account_id=paper.account_id,
        transaction_code=paper.transaction_code,
        ifsc=paper.ifsc,
        branch_name=paper.branch_name,
        drawer=paper.drawer,
    )
