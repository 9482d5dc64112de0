"""The vocabulary in which a simulated day is told to an adapter's ``simulate.py``. No Django in it.

The simulator knows what happened; only the channel's folder knows how that looks on its wire and
in its files. ``simulate.py`` of an adapter is pure: facts in, bytes out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from channels_.contract import Method


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


class SampleRefund(NamedTuple):
    """Money of one payment that went back."""

    channel_ref: str
    payment: SamplePayment
    amount_paise: int
    created_at: datetime
    processed_at: datetime
    rrn: str


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


class Envelope(NamedTuple):
    """A message before it is signed: the exact bytes and the headers that go with them."""

    body: bytes
    headers: Mapping[str, str]


Tell = Callable[[News, SamplePayment | SampleRefund, datetime, str], Envelope]
Sign = Callable[[Envelope, Mapping[str, str]], Mapping[str, str]]
WriteReport = Callable[[Sequence[ReportRow]], Mapping[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """How a channel looks from outside: its messages, its signature, its report files.

    ``tell(news, subject, at, event_id)`` writes one message, ``sign(envelope, secrets)`` gives all
    of its headers, ``report(rows)`` gives the settlement report by the ending of its file's name.
    """

    tell: Tell
    sign: Sign
    report: WriteReport | None = None
