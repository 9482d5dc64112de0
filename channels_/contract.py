"""The vocabulary between a channel's folder and the rest of the house. No Django in it.

An adapter is pure: bytes in, facts out. It reads no clock, no database and no network; what it
cannot understand it refuses with ``Malformed``, who it cannot trust with ``Unverified``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import BinaryIO, Final, NamedTuple

from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import Paise

NOTHING: Final = Paise(0)


class Unreadable(Malformed):
    """Not even the channel's own shape: refused at the door. What is only wrong inside is kept."""


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
    UNKNOWN = "unknown"


class LineKind(StrEnum):
    """What one line of a settlement report or bank statement is.

    The first group is a channel's, the second a bank's. UNKNOWN keeps a foreign word for a person.
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
    """One message as it came: the raw body and the headers, names in lower case."""

    body: bytes
    headers: Mapping[str, str]


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


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a line or a file was refused: where, what was expected and what came."""

    line: int
    problem: str


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


StatementReader = Callable[[BinaryIO], Iterator[Statement]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementFormat:
    """A file layout we read. ``sniff`` looks at the first bytes; ``read`` yields statements."""

    code: str
    title: str
    sniff: Callable[[bytes], bool]
    read: StatementReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """What a channel can do: a part that is present is a capability; code = folder name."""

    code: str
    title: str
    verify: Callable[[Inbound, Mapping[str, str]], None] | None = None
    parse: Callable[[Inbound], Sequence[Notice]] | None = None
    event_key: Callable[[Inbound], str] | None = None
    formats: tuple[StatementFormat, ...] = ()
    secret_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.verify is None) != (self.parse is None):
            raise TypeError(
                f"{self.code}: verify and parse come together, an unverified parser must not exist"
            )
        if self.verify is not None and not self.secret_names:
            raise TypeError(f"{self.code}: verify needs the names of its secrets")

    @property
    def capabilities(self) -> frozenset[str]:
        """The names of the parts that are present."""
        parts = {"notices": self.parse is not None, "statements": bool(self.formats)}
        return frozenset(name for name, present in parts.items() if present)


INDIAN_CURRENCY: Final = "INR"
