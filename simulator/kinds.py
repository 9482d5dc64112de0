"""The closed list of what can be planted, and of what only looks odd."""

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """One kind of discrepancy."""

    # single payments
    NOT_LISTED = "not_listed"
    NOT_TOLD = "not_told"
    DAY_BEFORE = "day_before"
    TOLD_AS_FAILED = "told_as_failed"
    OTHER_AMOUNT = "other_amount"
    FEE_WRONG = "fee_wrong"
    TAX_WRONG = "tax_wrong"
    LISTED_TWICE = "listed_twice"
    SETTLED_AGAIN = "settled_again"
    ORDER_PAID_TWICE = "order_paid_twice"
    # what a report takes back
    REFUND_UNKNOWN = "refund_unknown"
    REFUND_TWICE = "refund_twice"
    CHARGEBACK = "chargeback"
    UNKNOWN_CODE = "unknown_code"
    # settlements and their credits
    NOT_CREDITED = "not_credited"
    STRAY_CREDIT = "stray_credit"
    SHORT_CREDIT = "short_credit"
    EXCESS_CREDIT = "excess_credit"
    SPLIT_CREDIT = "split_credit"
    UTR_CUT = "utr_cut"
    UTR_MISTYPED = "utr_mistyped"
    UTR_EXCHANGED = "utr_exchanged"
    # transfers
    NOT_RECEIVED = "not_received"
    NAMELESS = "nameless"
    CREDITED_TWICE = "credited_twice"
    # counters
    SLIP_MISSING = "slip_missing"
    SLIP_COUNTED = "slip_counted"
    SLIP_MISTYPED = "slip_mistyped"
    SLIP_TWICE = "slip_twice"
    SLIP_AGAIN = "slip_again"
    TWO_SLIPS = "two_slips"
    CHEQUE_BOUNCED = "cheque_bounced"
    CHEQUE_KEPT = "cheque_kept"
    # the ERP, which posts when the day is over
    NOT_POSTED = "not_posted"
    POSTED_LESS = "posted_less"
    POSTED_ELSEWHERE = "posted_elsewhere"
    POSTED_TWICE = "posted_twice"
    POSTED_AND_BACK = "posted_and_back"
    LEFT_UNCLEAR = "left_unclear"
    POSTED_FOR_NOBODY = "posted_for_nobody"

    @property
    def note(self) -> str:
        """What was done."""
        return _NOTES[self]


_NOTES: Final = {
    Kind.NOT_LISTED: "captured, but not in the report",
    Kind.NOT_TOLD: "in the books of the other side, and nobody told us",
    Kind.DAY_BEFORE: "a line of the day before in the report",
    Kind.TOLD_AS_FAILED: "told as failed, reported as paid",
    Kind.OTHER_AMOUNT: "the two sides name different amounts",
    Kind.FEE_WRONG: "fee and GST above the rate card",
    Kind.TAX_WRONG: "the fee as agreed, and GST of another rate on it",
    Kind.LISTED_TWICE: "the same row twice, and paid twice",
    Kind.SETTLED_AGAIN: "the same row again in another settlement, and paid twice",
    Kind.ORDER_PAID_TWICE: "one order paid twice",
    Kind.REFUND_UNKNOWN: "a refund that nobody asked for",
    Kind.REFUND_TWICE: "one refund is taken from us twice",
    Kind.CHARGEBACK: "the payer's bank took the money back",
    Kind.UNKNOWN_CODE: "a kind of row that is in no contract",
    Kind.NOT_CREDITED: "reported as settled, the bank has no such credit",
    Kind.STRAY_CREDIT: "a settlement credit that no report knows",
    Kind.SHORT_CREDIT: "the bank paid less than the settlement",
    Kind.EXCESS_CREDIT: "the bank paid more than the settlement",
    Kind.SPLIT_CREDIT: "one settlement paid by two credits",
    Kind.UTR_CUT: "the bank's narration cuts the UTR short",
    Kind.UTR_MISTYPED: "one sign of the UTR is another in the bank's narration",
    Kind.UTR_EXCHANGED: "two digits of the UTR are exchanged in the bank's narration",
    Kind.NOT_RECEIVED: "a notice came, the money did not",
    Kind.NAMELESS: "credited, it names no consumer",
    Kind.CREDITED_TWICE: "the bank lists the credit twice",
    Kind.SLIP_MISSING: "paid in by the slip, the bank has no such credit",
    Kind.SLIP_COUNTED: "the bank counted another amount",
    Kind.SLIP_MISTYPED: "the slip is typed with two digits exchanged",
    Kind.SLIP_TWICE: "the bank credits the slip twice",
    Kind.SLIP_AGAIN: "a slip of the day before is credited again",
    Kind.TWO_SLIPS: "one credit for two slips",
    Kind.CHEQUE_BOUNCED: "the bank took a cheque back, nobody has told us",
    Kind.CHEQUE_KEPT: "returned in our books, and the bank took nothing back",
    Kind.NOT_POSTED: "the ERP never posted it",
    Kind.POSTED_LESS: "the ERP posted less",
    Kind.POSTED_ELSEWHERE: "the ERP posted it to another consumer",
    Kind.POSTED_TWICE: "the ERP posted it twice",
    Kind.POSTED_AND_BACK: "the ERP took it back, our receipt stands",
    Kind.LEFT_UNCLEAR: "in clarification for longer than its term",
    Kind.POSTED_FOR_NOBODY: "the ERP posted for a receipt that was never issued",
}

# Planted in the ERP's exports, not in the day that is played before them.
OF_THE_ERP: Final = frozenset(
    {
        Kind.NOT_POSTED,
        Kind.POSTED_LESS,
        Kind.POSTED_ELSEWHERE,
        Kind.POSTED_TWICE,
        Kind.POSTED_AND_BACK,
        Kind.LEFT_UNCLEAR,
        Kind.POSTED_FOR_NOBODY,
    }
)


class Odd(StrEnum):
    """What looks like a discrepancy and is none."""

    TWINS = "twins"  # two payments of one consumer, amount and day, by two orders
    PAID_TOGETHER = "settlements_paid_together"
    PAYS_NOTHING = "settlements_that_pay_nothing"
    CARRIED = "settlements_carried"  # below zero, and a later credit is less by it
    OTHER_ACCOUNT = "credited_on_another_account"
