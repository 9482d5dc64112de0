"""Each break and each match explains itself in one sentence, in whole words."""
# ruff: noqa: E501 - a sentence is read in one piece

from typing import Any

import pytest

from channels_.models import Channel
from people.models import User
from reconciliation.desk.explain import match_sentence, sentence
from reconciliation.models import Break, Decision, Match, Reason, Rule

RAZORPAY = Channel(name="Razorpay")

SAID: list[tuple[Reason, str, int, dict[str, Any], str]] = [
    (Reason.MISSING_IN_CHANNEL, "receipt_channel", 50000,
     {"amount": 50000, "due": "2026-08-12", "until": "2026-08-13"},
     "We receipted 500.00; it was due on 12-08-2026, and no report of Razorpay up to 13-08-2026 lists it."),
    (Reason.MISSING_IN_CHANNEL, "receipt_channel", 50000,
     {"amount": -50000, "due": "2026-08-12", "until": "2026-08-13"},
     "We hold a refund of 500.00; it was due on 12-08-2026, and no report of Razorpay up to 13-08-2026 lists it."),
    (Reason.MISSING_IN_CHANNEL, "transfer_bank", 50000, {"amount": 50000, "until": "2026-08-13"},
     "We receipted 500.00; the bank's statements up to 13-08-2026 hold no credit with its UTR."),
    (Reason.MISSING_IN_BOOKS, "receipt_channel", 50000, {"amount": 50000, "line": "pay_1"},
     "Razorpay lists pay_1 as paid with 500.00; we hold no receipt for it."),
    (Reason.MISSING_IN_BOOKS, "transfer_bank", 50000, {"amount": 50000, "consumer": "5001"},
     "The bank credited 500.00 for consumer 5001; no notice of it reached us."),
    (Reason.AMOUNT_DIFFERS, "receipt_channel", 100,
     {"key": "channel_ref", "value": "pay_1", "left": 12345600, "right": 12345500, "receipts": 1, "lines": 1},
     "Same payment id pay_1: our receipt says 1,23,456.00, the other side 1,23,455.00."),
    (Reason.AMOUNT_DIFFERS, "transfer_bank", 100,
     {"key": "utr", "value": "U1", "left": 200, "right": 100, "receipts": 2, "lines": 1},
     "Same UTR U1: our 2 receipts say 2.00, the other side 1.00."),
    (Reason.STATUS_DIFFERS, "receipt_channel", 100, {"amount": 100, "line": "pay_1", "failed": "R1"},
     "Razorpay lists pay_1 as paid with 1.00; we hold R1 as failed."),
    (Reason.DUPLICATE, "receipt_channel", 100, {"key": "channel_ref", "value": "pay_1", "lines": 2, "repeats": 0},
     "The channel lists pay_1 more than once; one receipt is one payment."),
    (Reason.DUPLICATE, "receipt_channel", 100, {"value": "pay_2", "repeats": 1, "lines": 1},
     "The consumer was charged twice for one order: pay_2 is the second payment."),
    (Reason.DUPLICATE, "receipt_channel", 100, {"line": "pay_2", "paid": "R1", "amount": 100},
     "The order of R1 is paid; pay_2 is a second payment for it."),
    (Reason.DUPLICATE, "transfer_bank", 100, {"utr": "REF", "amount": 100},
     "The bank credited REF a second time, with 1.00."),
    (Reason.SETTLED_NOT_CREDITED, "channel_bank", 100, {"settlement": "S1", "utr": "U1", "net": 100, "until": "2026-08-13"},
     "Settlement S1 promises 1.00 under UTR U1; no statement up to 13-08-2026 has that credit."),
    (Reason.SETTLED_NOT_CREDITED, "channel_bank", 100, {"settlement": "S1", "net": 100, "until": "2026-08-13"},
     "Settlement S1 promises 1.00 and tells no UTR; no statement up to 13-08-2026 names it."),
    (Reason.CREDITED_NOT_SETTLED, "channel_bank", 100, {"amount": 100, "utr": "U1"},
     "The bank credited 1.00 as a settlement; no settlement of the channel has UTR U1."),
    (Reason.CREDITED_NOT_SETTLED, "channel_bank", 100, {"amount": 100, "narration": "RAZORPAY"},
     "The bank credited 1.00 as a settlement; it names no settlement of the channel. The bank wrote: RAZORPAY"),
    (Reason.SHORT_CREDIT, "channel_bank", 100, {"settlement": "S1", "utr": "U1", "net": 500, "credit": 400},
     "Same UTR U1, 1.00 short: settlement S1 promises 5.00, the bank paid 4.00."),
    (Reason.EXCESS_CREDIT, "channel_bank", 100, {"settlement": "S1", "utr": "U1", "net": 400, "credit": 500},
     "Same UTR U1, 1.00 too much: settlement S1 promises 4.00, the bank paid 5.00."),
    (Reason.OUTSIDE_RULES, "receipt_channel", 500, {"value": "R1", "ours_on": "2026-08-10", "theirs_on": "2026-08-14"},
     "R1 and 5.00 agree, ours of 10-08-2026 and theirs of 14-08-2026: no rule in force may match them."),
    (Reason.FEE_DIFFERS, "receipt_channel", 100, {"kept": 100, "amount": 10000, "percent": "0.0000", "agreed": 0},
     "Razorpay kept 1.00 of 100.00; the rate card of 0 % gives 0.00 with GST."),
    (Reason.FEE_DIFFERS, "receipt_channel", 100, {"kept": 400, "amount": 10000, "percent": "1.9500", "flat": 100, "agreed": 348},
     "Razorpay kept 4.00 of 100.00; the rate card of 1.95 % and 1.00 gives 3.48 with GST."),
    (Reason.REFUND_UNMATCHED, "receipt_channel", 100, {"amount": -100, "line": "rfnd_1", "original": "pay_1"},
     "Razorpay paid 1.00 of payment pay_1 back as rfnd_1; we know of no such refund."),
    (Reason.CHARGEBACK, "receipt_channel", 100, {"amount": -100, "original": "pay_1"},
     "Razorpay took 1.00 back for pay_1: the payer's bank disputes it."),
    (Reason.CHEQUE_RETURNED, "deposit_bank", 100, {"amount": -100, "instrument": "004417", "receipt": "R1"},
     "The bank returned cheque 004417 of receipt R1 and took 1.00 back."),
    (Reason.CHEQUE_RETURNED, "deposit_bank", 100, {"amount": -100},
     "The bank took 1.00 back for a returned cheque; no single receipt of ours has its number and amount."),
    (Reason.DEPOSIT_MISSING, "deposit_bank", 100, {"receipts": 1},
     "1 receipt of 1.00 was taken and is on no deposit slip yet."),
    (Reason.DEPOSIT_MISSING, "deposit_bank", 300, {"slip": "DS1", "receipts": 3, "due": "2026-08-13"},
     "Slip DS1 carried 3 receipts of 3.00; it was due on 13-08-2026 and the bank has no such credit."),
    (Reason.DEPOSIT_DIFFERS, "deposit_bank", 100, {"value": "DS1", "left": 300, "right": 200},
     "Slip DS1 carried 3.00; the bank credited 2.00."),
    (Reason.UNIDENTIFIED_CREDIT, "transfer_bank", 100, {"amount": 100, "narration": "NEFT A PAYER"},
     "The bank credited 1.00; neither its references nor its narration name a receipt, a slip or a consumer of ours. The bank wrote: NEFT A PAYER"),
    (Reason.AMBIGUOUS, "channel_bank", 100, {"settlement": "S1", "utr": "U1", "credits": 2},
     "Several credits or settlements share UTR U1; which belongs to which would be a guess."),
    (Reason.AMBIGUOUS, "deposit_bank", 100, {"key": "deposit_ref", "value": "DS1", "receipts": 1, "lines": 2, "groups": 1},
     "Deposit slip DS1 stands on 1 receipt and on 2 credits of the bank; pairing them would be a guess."),
    (Reason.AMBIGUOUS, "receipt_channel", 100, {"key": "rrn", "value": "42", "receipts": 2, "lines": 1},
     "RRN 42 stands on 2 receipts and on 1 line of the channel; pairing them would be a guess."),
    (Reason.AMBIGUOUS, "deposit_bank", 100, {"key": "deposit_ref", "value": "DS1", "receipts": 1, "lines": 1, "groups": 2},
     "The credit that names deposit slip DS1 names another one too; which it pays would be a guess."),
    (Reason.UNKNOWN_CODE, "receipt_channel", 100, {"code": "reserve_hold"},
     "Razorpay calls this line “reserve_hold”, a word we do not know; a person must say what it is."),
    (Reason.NOT_POSTED, "receipt_erp", 50000, {"amount": 50000, "due": "2026-08-11", "until": "2026-08-12"},
     "We receipted 500.00; the ERP should have posted it by 11-08-2026, and its postings up to 12-08-2026 do not hold it."),
    (Reason.NOT_POSTED, "receipt_erp", 50000, {"amount": -50000, "due": "2026-08-11", "until": "2026-08-12"},
     "We took back 500.00; the ERP should have posted that by 11-08-2026, and its postings up to 12-08-2026 do not hold it."),
    (Reason.WRONG_CONSUMER, "receipt_erp", 30000, {"amount": 30000, "value": "R1", "consumer": "1000000001", "posted_to": "1000000002", "document": "400001"},
     "300.00 of R1 was paid for consumer 1000000001; the ERP posted it to 1000000002 with document 400001."),
    (Reason.IN_CLARIFICATION, "receipt_erp", 30000, {"amount": 30000, "document": "400001", "posted": "2026-08-11", "due": "2026-08-18"},
     "The ERP could not assign 300.00 of document 400001, posted on 11-08-2026; it was to be clarified by 18-08-2026."),
    (Reason.MISSING_IN_BOOKS, "receipt_erp", 30000, {"amount": 30000, "document": "400001", "receipt": "R9"},
     "The ERP posted 300.00 with document 400001 for the receipt R9, which we never issued."),
    (Reason.MISSING_IN_BOOKS, "receipt_erp", 30000, {"amount": 30000},
     "The ERP posted 300.00 with a posting, which names no receipt."),
    (Reason.AMOUNT_DIFFERS, "receipt_erp", 5000, {"left": 50000, "right": 45000, "value": "R1", "document": "400001"},
     "We receipted 500.00 for R1; the ERP posted 450.00 with document 400001."),
    (Reason.DUPLICATE, "receipt_erp", 50000, {"amount": 50000, "receipt": "R1", "document": "400002", "found": "twice"},
     "The ERP posted 500.00 of R1 once more with document 400002; the receipt has its posting."),
    (Reason.DUPLICATE, "receipt_erp", 50000, {"value": "R1", "lines": 2, "receipts": 1},
     "The ERP posted R1 2 times; one receipt is one posting."),
    (Reason.STATUS_DIFFERS, "receipt_erp", 50000, {"amount": -50000, "receipt": "R1", "document": "400002", "found": "reversed"},
     "The ERP took back 500.00 with document 400002; our receipt R1 stands."),
    (Reason.STATUS_DIFFERS, "receipt_erp", 50000, {"amount": 50000, "receipt": "R1", "document": "400002", "found": "cancelled"},
     "The ERP posted 500.00 with document 400002; our receipt R1 was cancelled before."),
    (Reason.AMBIGUOUS, "receipt_erp", 100, {"value": "R1", "receipts": 2, "lines": 1},
     "R1 names 2 amounts of ours and 1 posting; pairing them would be a guess."),
    (Reason.UNKNOWN_CODE, "receipt_erp", 100, {"code": "ZZ", "document": "400001"},
     "The ERP calls the state of document 400001 “ZZ”, a word nobody agreed on; a person must say what it is."),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "leg", "paise", "facts", "said"), SAID)
def test_a_break_says_what_stands_where(
    reason: Reason, leg: str, paise: int, facts: dict[str, Any], said: str
) -> None:
    one = Break(
        reason=reason, leg=leg, amount_paise=paise, facts=facts, reference="REF", channel=RAZORPAY
    )

    assert sentence(one) == said


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_sentence_even_without_facts(reason: Reason) -> None:
    said = sentence(Break(reason=reason, leg="channel_bank", amount_paise=0, reference="REF"))

    assert said.endswith((".", "time, with 0.00."))
    assert "%(" not in said


def test_every_reason_is_told_above() -> None:
    assert {case[0] for case in SAID} == set(Reason)


@pytest.mark.parametrize(
    ("cardinality", "key", "difference", "said"),
    [
        ("one_to_one", "rrn", 0, "Rule r v2: same RRN, the amounts agree."),
        ("one_to_one", "rrn", -50, "Rule r v2: same RRN, the amounts agree. 0.50 is rounding."),
        ("many_to_one", "utr", 0, "Rule r v2: the credit names the UTR, the sums agree."),
        ("nil", "utr", 0, "Rule r v2: together they come to nothing, so no credit is due."),
        (
            "carried",
            "utr",
            0,
            "Rule r v2: the credit names the UTR and is less by exactly what was carried.",
        ),
    ],
)
def test_a_match_of_a_rule_says_what_agreed(
    cardinality: str, key: str, difference: int, said: str
) -> None:
    rule = Rule(code="r", version=2, cardinality=cardinality, key=key)

    assert match_sentence(Match(kind="rule", rule=rule, difference_paise=difference)) == said


def test_a_match_of_people_says_who_and_why() -> None:
    decision = Decision(
        kind="match", maker=User(username="maker"), checker=User(username="checker"), why="Same."
    )

    said = match_sentence(Match(kind="hand", decision=decision))

    assert said.startswith("Match by hand: proposed by ")
    assert said.endswith(" Same.")


def test_a_match_within_the_limit_of_one_person_names_no_second() -> None:
    maker = User(username="maker")
    decision = Decision(kind="write_off", state="alone", maker=maker, why="Too small.")

    said = match_sentence(Match(kind="write_off", decision=decision))

    assert said == f"Write off: decided by {maker} within the limit of one person. Too small."
