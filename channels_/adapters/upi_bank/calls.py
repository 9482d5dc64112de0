"""What we ask the bank: a payment, a refund, the news between two moments, the MIS of a day."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from channels_ import json_strict, upi
from channels_.adapters.upi_bank import wire
from channels_.adapters.upi_bank.notices import notice_of
from channels_.contract import (
    Call,
    Declined,
    Exchange,
    Notice,
    NoticeKind,
    Pulled,
    PulledReport,
    RefundAsk,
    Setup,
    StatusAsk,
    Window,
    Wire,
)
from cspdcl.kernel.clock import business_date
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import rupees_from_paise

ACCEPTED: Final = "ACCEPTED"
REFUSED: Final = "REFUSED"
NOT_FOUND: Final = "RNF"


def ask_status(asked: StatusAsk, setup: Setup) -> Call:
    """Ask what became of one attempt."""
    said = {"merchantTranId": upi.carried(asked.reference)}
    return wire.call(setup, path="status", said=said)


def read_status(answer: Wire, setup: Setup, asked: StatusAsk) -> Sequence[Notice]:
    """What the bank says of it; one that it does not know stays open, nobody may have tried yet."""
    said = wire.answer(answer, setup)
    if said.get("merchantTranId") != upi.carried(asked.reference):
        raise Malformed("the answer speaks of another merchantTranId")
    if said.get("responseCode") == NOT_FOUND:
        # There is no amount in it; the amount of what nobody paid is the one that we asked for.
        said = {**said, "amount": rupees_from_paise(asked.amount_paise)}
    return [notice_of(said, setup)]


def ask_refund(asked: RefundAsk, setup: Setup) -> Call:
    """Ask for money to go back; our reference makes a second try the same refund."""
    said = {
        "merchantRefundId": upi.carried(asked.reference),
        "merchantTranId": upi.carried(asked.payment_reference),
        "originalRRN": asked.channel_ref,
        "amount": rupees_from_paise(asked.amount_paise),
        "note": asked.reason[:50],
    }
    return wire.call(setup, path="refund", said=said)


def ask_refund_status(asked: RefundAsk, setup: Setup) -> Call:
    """Ask what became of a refund."""
    said = {"merchantRefundId": upi.carried(asked.reference), "refundId": asked.refund_ref}
    return wire.call(setup, path="refund-status", said=said)


def read_refund(answer: Wire, setup: Setup, asked: RefundAsk) -> Notice:
    """What the bank did; only a signed refusal is a definite no."""
    said = wire.answer(answer, setup)
    if said.get("merchantRefundId") != upi.carried(asked.reference):
        raise Malformed("the answer speaks of another merchantRefundId")
    word = said.get("answer")
    if word == REFUSED:
        code = json_strict.text_at(said, "responseCode", at_most=16)
        raise Declined(code or REFUSED, json_strict.text_at(said, "detail"))
    if word != ACCEPTED:
        raise Malformed(f"expected {ACCEPTED} or {REFUSED} as answer")
    notice = notice_of(said, setup)
    if notice.kind is not NoticeKind.REFUND or notice.channel_ref != asked.channel_ref:
        raise Malformed("the answer speaks of another refund")
    return notice


def ask_history(asked: Window, setup: Setup) -> Call:
    """Ask for the news between two moments, a page at a time."""
    said = {
        "from": asked.since.isoformat(),
        "until": asked.until.isoformat(),
        "cursor": asked.cursor,
    }
    return wire.call(setup, path="history", said=said)


def read_history(answer: Wire, setup: Setup, _asked: Window) -> Pulled:
    """One page of news."""
    said = wire.answer(answer, setup)
    rows = said.get("transactions")
    if not isinstance(rows, list):
        raise Malformed("expected a list as transactions")
    notices = [notice_of(_mapping(row), setup) for row in rows]
    return Pulled(notices=notices, cursor=json_strict.text_at(said, "cursor"))


def ask_report(asked: Window, setup: Setup) -> Call:
    """Ask for the MIS of the day that the window begins with."""
    said = {"date": business_date(asked.since).isoformat(), "cursor": asked.cursor}
    return wire.call(setup, path="mis", said=said)


def read_report(answer: Wire, setup: Setup, asked: Window) -> PulledReport:
    """The MIS as a file; HTTP 204 when the bank settled nothing on that day."""
    if answer.status == 204:
        wire.checked(Wire(answer.body, 200, answer.headers), setup)
        return PulledReport(content=b"")
    day = business_date(asked.since)
    return PulledReport(content=wire.checked(answer, setup), name=f"upi-mis-{day}.csv")


STATUS: Final = Exchange(ask_status, read_status)
REFUND: Final = Exchange(ask_refund, read_refund)
REFUND_STATUS: Final = Exchange(ask_refund_status, read_refund)
HISTORY: Final = Exchange(ask_history, read_history)
REPORT: Final = Exchange(ask_report, read_report)


def _mapping(row: Any) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        raise Malformed("expected an object for every transaction")
    return row
