"""The vocabulary between a channel's folder and the rest of the house. No Django in it.

An adapter is pure: bytes in, facts out. It reads no clock, no database and no network; what it
cannot understand it refuses with ``Malformed``, who it cannot trust with ``Unverified``.

Three directions, each a part that a channel has or has not: what it tells us (``verify`` and
``parse``), what it asks and waits for (``ask``), what we ask it (``order``, ``status`` ...).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Generic, NamedTuple, TypeVar

from cspdcl.kernel.errors import Malformed, Unverified
from cspdcl.kernel.money import Paise

if TYPE_CHECKING:
    import polars as pl

NOTHING: Final = Paise(0)
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Unreadable(Malformed):
    """Not even the channel's own shape: refused at the door. What is only wrong inside is kept."""


class Stale(Unverified):
    """Properly signed, but the signed moment is too far from now."""


class WrongMerchant(Unverified):
    """Properly signed, but meant for another merchant."""


class Declined(Exception):
    """The partner said a definite no to a call of ours: nothing happened there.

    What is merely unclear (a timeout, a 500, an answer nobody understands) is never this.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class Outcome(StrEnum):
    """What a notice says became of a payment or refund."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class NoticeKind(StrEnum):
    """What a notice is about. IGNORED: understood, and nothing for us to do."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    SETTLEMENT = "settlement"
    IGNORED = "ignored"


class Method(StrEnum):
    """The instrument inside a payment, as every channel's words are translated."""

    CASH = "cash"
    CHEQUE = "cheque"
    DEMAND_DRAFT = "demand_draft"
    POSTAL_ORDER = "postal_order"
    CARD = "card"
    UPI = "upi"
    NETBANKING = "netbanking"
    WALLET = "wallet"
    NEFT = "neft"
    RTGS = "rtgs"
    IMPS = "imps"
    UNKNOWN = "unknown"  # the channel does not tell, or uses a word nobody agreed on


class LineKind(StrEnum):
    """What one line of a settlement report or bank statement is.

    The first group is a channel's, the second a bank's. UNKNOWN keeps a foreign word for a person.
    A refund or chargeback that is taken back keeps its kind and has the other sign.
    """

    PAYMENT = "payment"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    ADJUSTMENT = "adjustment"
    TRANSFER = "transfer"
    FEE = "fee"

    CREDIT = "credit"
    DEBIT = "debit"

    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message as it came: the raw body, the headers (names in lower case), what follows the
    channel's code in our address, and where it came from.
    """

    body: bytes
    headers: Mapping[str, str]
    path: str = ""
    address: str = ""  # of the sender, as our proxy saw it


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What an adapter may know of its channel's row: who we are there, the keys, what was agreed.

    ``at`` is the moment of the message or call and ``nonce`` 32 random hex digits made for it: a
    pure function needs both given.
    """

    merchant_id: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)  # Channel.settings, as agreed
    api_url: str = ""  # where the partner's API is, without a slash at its end
    at: datetime = LONG_AGO
    nonce: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request to a partner, as data. The house sends it, once, to allowed hosts only."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Wire:
    """An answer of HTTP: one we give to a partner, or one a partner gave to a call of ours."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One fact a channel asserts, in our words. Times are aware; money is whole paise."""

    kind: NoticeKind
    event: str
    outcome: Outcome = Outcome.PENDING
    reference: str = ""  # ours, when the channel carries it back
    channel_ref: str = ""  # theirs, for the payment
    order_ref: str = ""  # theirs, for the order around the payment
    refund_ref: str = ""
    amount_paise: Paise = NOTHING
    currency: str = "INR"
    occurred_at: datetime | None = None
    method: Method = Method.UNKNOWN
    rrn: str = ""
    utr: str = ""
    consumer_number: str = ""
    bill_number: str = ""
    payer: str = ""  # what the channel tells of the payer (name, account or VPA)
    code: str = ""  # their status or error word, kept as sent
    detail: str = ""  # their plain text, for people
    dispute_ref: str = ""  # theirs; a dispute's outcome: SUCCEEDED is won by us, FAILED is lost
    respond_by: datetime | None = None  # when a dispute wants its evidence
    phase: str = ""  # of a dispute: chargeback, pre_arbitration ..., as the channel says
    confirm: bool = False  # the message alone proves too little: the channel must be asked first


class StatementLine(NamedTuple):
    """One line of a settlement report or bank statement. Signed paise, + is money to us.

    A tuple, not a dataclass: a report has a million of them.
    """

    line: int  # where it stands in the file: the line or row number, from 1
    key: str  # the line's own identity within its source, stable across re-sent files
    kind: LineKind
    amount_paise: int  # gross, signed
    business_date: date  # the day it counts for: settled or booked
    fee_paise: int = 0  # kept by the channel out of the amount, without tax
    tax_paise: int = 0  # GST on that fee
    occurred_at: datetime | None = None
    channel_ref: str = ""
    reference: str = ""
    order_ref: str = ""
    utr: str = ""
    rrn: str = ""
    settlement_ref: str = ""
    original_ref: str = ""  # a refund's or chargeback's original payment
    method: str = ""
    network: str = ""
    instrument: str = ""  # cheque or draft number
    consumer_number: str = ""
    code: str = ""  # the foreign word for its kind, kept as sent
    narration: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one statement inside a file says of itself. Balances in signed minor units."""

    account: str = ""
    number: str = ""
    currency: str = ""
    opened_on: date | None = None
    closed_on: date | None = None
    opening_paise: int | None = None
    closing_paise: int | None = None
    declared_count: int | None = None
    declared_paise: int | None = None  # declared net sum of the entries
    must_balance: bool = False  # a bank's page: opening + entries = closing, or it is refused
    is_interim: bool = False  # its lines come again in the bank's statement


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a line or a file was refused: where, what was expected and what came.

    Only a line of money has its ``text``: it could be set aside and the rest be taken. What holds
    for the whole file, its balances and sums, has none.
    """

    line: int
    problem: str
    text: str | None = None


@dataclass(slots=True)
class Statement:
    """One statement of a file: its page and its lines, the lines read once and lazily.

    ``page`` may become complete only when ``lines`` is exhausted, because closing balances stand
    at the end of the files; a reader then replaces it.
    """

    page: Page
    lines: Iterable[StatementLine]
    refusals: list[Refusal] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)  # what was left out on purpose, counted
    # The same lines in blocks of columns, where the layout and the file allow it; else None. Who
    # takes the blocks leaves ``lines`` alone.
    blocks: Callable[[], Iterator["Block"] | None] | None = None


class Block(NamedTuple):
    """Some lines of a statement: most as columns in the order of StatementLine, the odd ones as
    rows.

    In columns days and moments are texts in ISO form; what is not told is an empty text.
    """

    frame: "pl.DataFrame"
    rest: list[StatementLine]


StatementReader = Callable[[BinaryIO], Iterator[Statement]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementFormat:
    """A file layout we read. ``sniff`` looks at the first bytes; ``read`` yields statements."""

    code: str
    title: str
    sniff: Callable[[bytes], bool]
    read: StatementReader


# ---- What we ask a partner ------------------------------------------------------------------

Asked = TypeVar("Asked")
Read = TypeVar("Read")


@dataclass(frozen=True)
class Exchange(Generic[Asked, Read]):
    """A call and the reading of its answer.

    ``read`` raises ``Declined`` for a definite no and ``Malformed`` for everything it does not
    understand, error pages included; it must never turn an unclear answer into FAILED.
    """

    call: Callable[[Asked, Setup], Call]
    read: Callable[[Wire, Setup, Asked], Read]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A payment we want to be made: the bill, and where the payer and the news shall go."""

    reference: str  # ours
    amount_paise: Paise
    consumer_number: str
    bill_number: str = ""
    payer_name: str = ""
    mobile: str = ""
    email: str = ""
    expires_at: datetime | None = None
    return_url: str = ""
    notify_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """What the partner made of an order: its own id, and the way for the payer to go on."""

    order_ref: str = ""
    pay_url: str = ""  # to open, or the upi:// link to show
    form: Mapping[str, str] = field(default_factory=dict)  # to post to pay_url by the browser


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A pass that a partner wants with every call; the house keeps it until it expires."""

    value: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAsk:
    """The payment we want to know about."""

    reference: str
    amount_paise: Paise
    channel_ref: str = ""
    order_ref: str = ""
    created_at: datetime = LONG_AGO


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAsk:
    """Money of one payment that shall go back. ``reference`` is ours and equal on every try."""

    reference: str
    amount_paise: Paise
    payment_reference: str
    channel_ref: str
    order_ref: str = ""
    paid_paise: Paise = NOTHING
    paid_at: datetime = LONG_AGO  # when the payment succeeded, as the channel said it
    refund_ref: str = ""  # theirs, once it is known
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The news between two moments, or the report of a day; ``cursor`` is "" for the first page."""

    since: datetime
    until: datetime
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """One page of news; without a cursor it was the last."""

    notices: Sequence[Notice]
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledReport:
    """One page of a settlement report, as a file that one of the adapter's formats reads."""

    content: bytes  # b"" when the partner has nothing for this day
    name: str = ""
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What we answer to a dispute."""

    dispute_ref: str
    channel_ref: str
    amount_paise: Paise
    summary: str  # at most 1,000 characters
    accept: bool = False  # true: we give in


# ---- What a partner asks, and waits for -----------------------------------------------------


class AskKind(StrEnum):
    """What a partner wants to know or have done."""

    DUES = "dues"
    VALIDATE = "validate"  # may this money be credited to this account?
    PAY = "pay"
    STATUS = "status"
    REVERSE = "reverse"
    COMPLAINT = "complaint"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question of a partner, in our words."""

    kind: AskKind
    key: str  # theirs, of the business: equal for every repeat of the same payment
    message_ref: str = ""  # theirs, of this message
    notice: Notice | None = None  # PAY and VALIDATE: the payment it speaks of
    consumer_number: str = ""
    reference: str = ""  # STATUS: ours, if they have it
    already_paid: bool = False  # PAY: the payer was told it is paid, we may not refuse any more
    extra: Mapping[str, str] = field(default_factory=dict)  # what the reply must repeat


class ReplyCode(StrEnum):
    """The outcome of a question; each channel says it in its own codes."""

    OK = "ok"
    PENDING = "pending"  # kept, not decided yet
    UNKNOWN_CONSUMER = "unknown_consumer"
    INACTIVE_CONSUMER = "inactive_consumer"
    NO_DUES = "no_dues"
    AMOUNT_NOT_ALLOWED = "amount_not_allowed"
    UNKNOWN_PAYMENT = "unknown_payment"
    CONFLICT = "conflict"  # the same key with other contents
    NOT_ALLOWED = "not_allowed"
    MALFORMED = "malformed"
    UNAVAILABLE = "unavailable"  # paused, or the books are away: ask again


@dataclass(frozen=True, slots=True, kw_only=True)
class Dues:
    """What a consumer owes, as a partner may show it."""

    consumer_number: str
    name: str
    plan: str  # postpaid | prepaid
    amount_paise: Paise  # all open bills
    bill_number: str = ""  # of the newest open bill
    bill_period: str = ""
    issued_on: date | None = None
    due_on: date | None = None
    least_paise: Paise = NOTHING
    most_paise: Paise = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Our answer to a question. A repeat of the question gets an equal one."""

    code: ReplyCode
    detail: str = ""
    dues: Dues | None = None
    reference: str = ""  # of our payment
    receipt: str = ""
    outcome: Outcome | None = None
    amount_paise: Paise = NOTHING
    occurred_at: datetime | None = None
    is_repeat: bool = field(default=False, compare=False)  # it was answered before


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """How a channel asks us: reading its question and writing our reply.

    A channel that wants the answer apart gets ``acknowledge`` at once and ``deliver`` as a call.
    """

    parse: Callable[[Inbound, Setup], Ask]
    reply: Callable[[Ask, Reply, Setup], Wire]
    refuse: Callable[[Reply, Setup], Wire]  # when there is no question that could be read
    acknowledge: Callable[[Ask, Setup], Wire] | None = None
    deliver: Exchange[tuple[Ask, Reply], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """What a channel can do: a part that is present is a capability; code = folder name.

    ``secret_names`` prove what comes in, ``call_secret_names`` sign what goes out. ``formats``
    reads files whose layout is fixed, ``layouts`` makes formats of the channel's settings.
    An order is a call (``order``), or a form that only the payer's browser takes there (``offer``).
    A partner that wants a pass with its calls has ``token``: it is asked for first, and the calls
    find its value among the secrets as ``TOKEN``.
    """

    code: str
    title: str
    verify: Callable[[Inbound, Setup], None] | None = None
    parse: Callable[[Inbound, Setup], Sequence[Notice]] | None = None
    event_key: Callable[[Inbound, Setup], str] | None = None
    ask: Answering | None = None
    order: Exchange[Order, Ordered] | None = None
    offer: Callable[[Order, Setup], Ordered] | None = None
    token: Exchange[None, Token] | None = None
    status: Exchange[StatusAsk, Sequence[Notice]] | None = None
    refund: Exchange[RefundAsk, Notice] | None = None
    refund_status: Exchange[RefundAsk, Notice] | None = None
    history: Exchange[Window, Pulled] | None = None
    report: Exchange[Window, PulledReport] | None = None
    dispute: Exchange[Evidence, Notice] | None = None
    formats: tuple[StatementFormat, ...] = ()
    layouts: Callable[[Mapping[str, Any]], tuple[StatementFormat, ...]] | None = None
    secret_names: tuple[str, ...] = ()
    call_secret_names: tuple[str, ...] = ()
    spare_secret_names: tuple[str, ...] = ()  # those of them that a channel may do without
    single_headers: tuple[str, ...] = ()  # headers that may come only once, in lower case
    settings: Mapping[str, str] = field(default_factory=dict)  # key -> what it means, for people

    def __post_init__(self) -> None:
        listens = self.parse is not None or self.ask is not None
        if (self.verify is None) == listens:
            raise TypeError(
                f"{self.code}: verify and parse come together, an unverified parser must not exist"
            )
        if self.verify is not None and not self.secret_names:
            raise TypeError(f"{self.code}: verify needs the names of its secrets")
        calls = (*CALLS, "offer", "token")
        if any(getattr(self, name) is not None for name in calls) and not self.call_secret_names:
            raise TypeError(f"{self.code}: calls need the names of their secrets")

    @property
    def capabilities(self) -> frozenset[str]:
        """The names of the parts that are present."""
        named = {one.name for one in fields(self)} & _CAPABILITIES.keys()
        found = {_CAPABILITIES[name] for name in named if getattr(self, name)}
        return frozenset(found)


TOKEN: Final = "token"  # noqa: S105 - under this name a call finds its token among the secrets

CALLS: Final = ("order", "status", "refund", "refund_status", "history", "report", "dispute")

_CAPABILITIES: Final[Mapping[str, str]] = {
    "parse": "notices",
    "ask": "questions",
    "formats": "statements",
    "layouts": "statements",
    **{name: name for name in CALLS},
    "offer": "order",
}

INDIAN_CURRENCY: Final = "INR"
