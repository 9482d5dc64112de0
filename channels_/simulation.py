"""The vocabulary in which a simulated day is told to an adapter's ``simulate.py``. No Django in it.

The simulator knows what happened; only the channel's folder knows how that looks on its wire and
in its files. ``simulate.py`` of an adapter is pure: facts in, bytes out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from channels_.contract import Method, Outcome, Setup, Wire


class SamplePayment(NamedTuple):
    """One payment through a channel as it really happened. Money is whole paise."""

    channel_ref: str
    order_ref: str
    amount_paise: int
    method: Method
    network: str  # card network, else ""
    issuer: str  # four letters of the payer's bank
    payer: str  # UPI address, last four digits of the card, or account
    mobile: str
    rrn: str
    utr: str
    consumer_number: str
    bill_number: str
    created_at: datetime
    paid_at: datetime
    fee_paise: int  # without tax
    tax_paise: int
    reference: str = ""  # ours, when the payment began with an order of ours


class SampleRefund(NamedTuple):
    """Money of one payment that went back."""

    channel_ref: str
    payment: SamplePayment
    amount_paise: int
    created_at: datetime
    processed_at: datetime
    rrn: str
    reference: str = ""  # ours, when we asked for it


class SampleDispute(NamedTuple):
    """A payer's objection to one payment, at the payer's bank."""

    dispute_ref: str
    payment: SamplePayment
    amount_paise: int
    raised_at: datetime
    respond_by: datetime
    reason: str


Subject = SamplePayment | SampleRefund | SampleDispute


class ReportRow(NamedTuple):
    """One row of a channel's settlement report. Debit and credit are unsigned, net of the fee."""

    channel_ref: str
    word: str  # "payment", "refund", "adjustment" or a word nobody agreed on
    debit_paise: int
    credit_paise: int
    amount_paise: int
    fee_paise: int  # without tax
    tax_paise: int
    created_at: datetime
    settled_at: datetime
    settlement_ref: str
    utr: str
    description: str = ""
    payment_ref: str = ""
    order_ref: str = ""
    method: str = ""
    network: str = ""
    issuer: str = ""
    dispute_ref: str = ""
    consumer_number: str = ""

    @property
    def net_paise(self) -> int:
        """What the row adds to its settlement."""
        return self.credit_paise - self.debit_paise


class News(StrEnum):
    """What a channel may tell us about a payment or refund."""

    AUTHORISED = "authorised"
    PAID = "paid"
    ORDER_PAID = "order_paid"
    FAILED = "failed"
    REFUND_CREATED = "refund_created"
    REFUND_PROCESSED = "refund_processed"
    REFUND_FAILED = "refund_failed"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"


class Envelope(NamedTuple):
    """A message before it is signed: the exact bytes and the headers that go with them."""

    body: bytes
    headers: Mapping[str, str]
    path: str = ""  # what follows the door's address


class Called(NamedTuple):
    """A call that a partner's server got: the address behind its root, with the query."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True)
class Happened:
    """A payment in a partner's books, and what became of it there."""

    payment: SamplePayment
    outcome: Outcome
    refunds: Sequence[SampleRefund] = ()


class World(Protocol):
    """A partner's books, as its API needs them. References are any that name a payment."""

    def begin(self, reference: str, amount_paise: int, *, consumer_number: str) -> str:
        """Note an order of ours; answers the partner's id of it."""

    def find(self, ref: str) -> Happened | None:
        """The payment with this reference of ours, channel_ref or order_ref."""

    def refund(self, ref: str, *, reference: str, amount_paise: int) -> SampleRefund | None:
        """Pay back, once per reference of ours; None when there is not so much to pay back."""

    def refunded(self, reference: str) -> SampleRefund | None:
        """The refund with our or their reference."""

    def between(self, since: datetime, until: datetime) -> Sequence[Happened]:
        """The payments that ended between two moments, in order."""

    def report(self, day: date) -> Sequence[ReportRow]:
        """The rows that were settled on a day."""


class SampleKeys(NamedTuple):
    """Fresh secrets in the shapes the channel has: what our row holds, and what the partner holds.

    The same names mean the same thing on both sides; with key pairs the values differ.
    """

    ours: Mapping[str, str]
    theirs: Mapping[str, str]


Tell = Callable[[News, Subject, datetime, str], Envelope]
Sign = Callable[[Envelope, Setup], Mapping[str, str]]
Seal = Callable[[Envelope, Setup], Envelope]
WriteReport = Callable[[Sequence[ReportRow]], Mapping[str, bytes]]
AnswerCall = Callable[[Called, World, Setup], Wire]

EVERYTHING = frozenset(News) - {News.DISPUTE_OPENED, News.DISPUTE_WON, News.DISPUTE_LOST}


class Listed(StrEnum):
    """What a settlement report can list and tell beside its payments and their gross amounts."""

    REFUND = "refund"
    CHARGEBACK = "chargeback"
    OTHER = "other"  # a word of its own for the row, hence one that nobody agreed on too
    FEE = "fee"  # fee, tax and method, so that the rate card can judge them


class Takes(StrEnum):
    """Whose money a channel takes."""

    ANYBODY = "anybody"
    POSTPAID = "postpaid"  # who has a bill
    PREPAID = "prepaid"


# The channel's own names, as patterns: # is a digit, ? a capital or digit, * any letter or digit,
# the rest stands for itself; "rrn" alone is the payment's RRN, {consumer} the consumer number.
REFS: Mapping[str, str] = {
    "payment": "pay_**************",
    "order": "order_**************",
    "refund": "rfnd_**************",
    "settlement": "setl_**************",
    "dispute": "disp_**************",
    "row": "row_**************",  # a row of the report that is none of these
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """How a channel looks from outside: its messages, its signature, its report files, its API.

    ``tell(news, subject, at, event_id)`` writes one message of the ``news`` it tells at all,
    ``sign(envelope, setup)`` gives all of its headers (and may only look at the envelope),
    ``seal(envelope, setup)`` wraps what travels encrypted or signed inside the body, before that.
    ``report(rows)`` gives the settlement report by the ending of its file's name; ``answer`` is
    the partner's API. ``door`` is where messages go, with the channel's {code} and their {path}.

    The rest says what can happen at the channel at all: ``refs`` are patterns of its names (those
    that are not given are as in ``REFS``), ``lists`` is what its report can show,
    ``is_begun_by_us`` whether its payments carry a reference of ours, ``is_ordered`` whether two
    payments of one order can be told from two orders, ``is_exact`` whether it takes
    nothing but the whole bill, ``takes`` from whom. ``share`` weighs its part of the day's payments
    among the channels; ``is_accepted`` reads our answer where a refusal hides behind a good status.
    """

    tell: Tell
    sign: Sign
    seal: Seal | None = None
    report: WriteReport | None = None
    answer: AnswerCall | None = None
    news: frozenset[News] = EVERYTHING
    methods: Sequence[tuple[Method, int]] = ((Method.UPI, 80), (Method.CARD, 20))
    door: str = "/in/{code}/{path}"
    settings: Mapping[str, object] = field(default_factory=dict)  # Channel.settings it speaks with
    merchant_id: str = ""
    make_keys: Callable[[], "SampleKeys"] | None = None  # None: any text will do
    refs: Mapping[str, str] = field(default_factory=dict)
    lists: frozenset[Listed] = frozenset(Listed)
    is_begun_by_us: bool = True
    is_ordered: bool = True
    is_exact: bool = False
    takes: Takes = Takes.ANYBODY
    share: int = 20
    is_accepted: Callable[[Wire], bool] | None = None
