"""A small day an accountant can follow: three channels, five payments, two breaks, one run."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from channels_.models import BankAccount, Channel
from cspdcl.kernel.clock import INDIA
from payments.models import Counter, Payment
from people.models import Office
from reconciliation.models import Book, Break, BreakLine, Entry, Expected, Kind, Proof, Run, Stage
from tests import factories

DAY = date(2026, 8, 18)
NOON = datetime(2026, 8, 18, 12, 0, tzinfo=INDIA)


@dataclass
class Played:
    """What the small day is made of."""

    run: Run
    razorpay: Channel
    cash: Channel
    counter: Counter
    other_counter: Counter
    payments: list[Payment]
    breaks: list[Break]


def entry(book: Book, key: str, paise: int, **more: Any) -> Entry:
    """One entry of the day with what every entry needs."""
    fields = {
        "kind": Kind.PAYMENT,
        "business_date": DAY,
        "due_on": DAY,
        "net_paise": paise - more.get("fee_paise", 0) - more.get("tax_paise", 0),
        "in_channel_stage": False,
        "in_bank_stage": False,
        **more,
    }
    return Entry.objects.create(book=book, source_key=key, amount_paise=paise, **fields)


@pytest.fixture
def played(offices: dict[str, Office]) -> Played:
    """Two payments through a gateway, two at a counter of Z1, one at a counter of Z3."""
    razorpay = Channel.objects.create(
        code="razorpay", name="Razorpay", adapter="razorpay", route="settlement", position=1
    )
    cash = Channel.objects.create(
        code="cash", name="Cash counters", adapter="counter", route="deposit", position=2
    )
    here = Counter.objects.create(code="z1c1", name="Z1 window 1", office=offices["Z1"])
    there = Counter.objects.create(code="z3c1", name="Z3 window 1", office=offices["Z3"])
    made = []
    for number, (channel, counter, office, method, paise) in enumerate(
        (
            (razorpay, None, "Z1", "upi", 10_000_001),
            (razorpay, None, "Z2", "card", 250_000),
            (cash, here, "Z1", "cash", 50_050),
            (cash, here, "Z1", "cash", 12_345_678_901),
            (cash, there, "Z3", "cash", 100),
        ),
        start=1,
    ):
        payment = Payment.objects.create(
            reference=f"REF-{number}",
            channel=channel,
            channel_ref=f"pay_{number}",
            counter=counter,
            office=offices[office],
            consumer_number=f"00{number}",
            amount_paise=paise,
            method=method,
            state="succeeded",
            succeeded_at=NOON + timedelta(minutes=number),
            created_at=NOON,
            business_date=DAY,
        )
        series = counter.code.upper() if counter else "WEB"
        factories.ReceiptFactory(payment=payment, series=series, year="2026-27", number=number)
        entry(
            Book.RECEIPTS, f"payment:REF-{number}", paise, channel=channel, method=method,
            reference=f"REF-{number}", in_channel_stage=channel == razorpay,
            in_bank_stage=channel == cash,
        )  # fmt: skip
        made.append(payment)
    run = Run.objects.create(
        business_date=DAY, state=Run.State.DONE, started_by="test", worker="here",
        started_at=NOON, finished_at=NOON + timedelta(seconds=9), output_hash="ab" * 32,
        rule_versions={"rrn_exact": 1},
    )  # fmt: skip
    Proof.objects.create(
        run=run, business_date=DAY, stage=Stage.CHANNEL, book=Book.RECEIPTS,
        opening_count=0, opening_paise=0, arrived_count=2, arrived_paise=10_250_001,
        matched_count=1, matched_paise=10_000_001, written_off_count=0, written_off_paise=0,
        closing_count=1, closing_paise=250_000, broken_count=1, broken_paise=250_000,
        expected_count=0, expected_paise=0, later_count=0, later_paise=0,
    )  # fmt: skip
    Expected.objects.create(
        run=run, business_date=DAY, stage=Stage.BANK, book=Book.RECEIPTS, channel=cash,
        why="not_deposited", count=3, paise=12_345_729_051,
    )  # fmt: skip
    return Played(run, razorpay, cash, here, there, made, _breaks(run, razorpay))


def _breaks(run: Run, razorpay: Channel) -> list[Break]:
    line = Entry.objects.get(source_key="payment:REF-2")
    missing = Break.objects.create(
        public_id="b1", stage=Stage.CHANNEL, leg="receipt_channel", reason="missing_in_channel",
        book=Book.RECEIPTS, channel=razorpay, reference="=REF-2", subject_key="s1",
        amount_paise=250_000, business_date=DAY, opened_by=run,
        facts={"amount": 250_000, "due": "2026-08-18", "until": "2026-08-18"},
    )  # fmt: skip
    BreakLine.objects.create(open_break=missing, entry=line)
    account = BankAccount.objects.create(
        code="bank", name="Collection account", bank="A bank", account_number="1"
    )
    unknown = Break.objects.create(
        public_id="b2", stage=Stage.BANK, leg="transfer_bank", reason="unidentified_credit",
        book=Book.BANK, bank_account=account, reference="UTR2", subject_key="s2",
        amount_paise=1, business_date=DAY - timedelta(days=2), opened_by=run, facts={"amount": 1},
    )  # fmt: skip
    return [missing, unknown]
