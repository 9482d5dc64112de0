"""Small books made by hand, for tests of pages and of the API: a few entries, a run, a break."""

import itertools
from datetime import date, timedelta
from typing import Any

from channels_.models import BankAccount, Channel
from reconciliation.models import (
    Book,
    Break,
    BreakLine,
    Entry,
    Expected,
    Kind,
    Leg,
    Match,
    MatchLine,
    Proof,
    Reason,
    Run,
    Stage,
)
from tests import factories as make

DAY = date(2026, 8, 18)
ACCOUNT_NUMBER = "30000000001"

_numbers = itertools.count(1)


def bank() -> BankAccount:
    """The account into which everything comes."""
    known = BankAccount.objects.filter(code="sbi").first()
    return known or make.BankAccountFactory(
        code="sbi", name="SBI collection", account_number=ACCOUNT_NUMBER
    )


def channel(code: str = "razorpay", route: str = Channel.Route.SETTLEMENT) -> Channel:
    """A live channel."""
    known = Channel.objects.filter(code=code).first()
    return known or make.ChannelFactory(
        code=code,
        name=code.title(),
        adapter="razorpay" if route == Channel.Route.SETTLEMENT else "counter",
        route=route,
        bank_account=bank(),
    )


def entry(book: str, paise: int, **columns: Any) -> Entry:
    """One entry; a receipt and a channel line of razorpay, or a credit of the bank."""
    number = next(_numbers)
    is_bank = book == Book.BANK
    fee, tax = columns.pop("fee_paise", 0), columns.pop("tax_paise", 0)
    values: dict[str, Any] = {
        "kind": Kind.SETTLEMENT if is_bank else Kind.PAYMENT,
        "channel": None if is_bank else channel(),
        "bank_account": bank() if is_bank else None,
        "source_key": f"test:{number}",
        "business_date": DAY,
        "due_on": columns.get("business_date", DAY),
        "in_channel_stage": not is_bank,
        "in_bank_stage": book != Book.RECEIPTS,
    }
    return Entry.objects.create(
        book=book,
        amount_paise=paise,
        fee_paise=fee,
        tax_paise=tax,
        net_paise=paise - fee - tax,
        **values | columns,
    )


def run(day: date = DAY, **columns: Any) -> Run:
    """A finished run."""
    values = {"state": Run.State.DONE, "started_by": "timetable", "worker": "test"}
    made = Run.objects.create(business_date=day, **values | columns)
    if made.state != Run.State.RUNNING and made.finished_at is None:
        made.finished_at = made.started_at + timedelta(seconds=3)
        made.save(update_fields=["finished_at"])
    return made


def broken(*entries: Entry, reason: Reason = Reason.MISSING_IN_CHANNEL, **columns: Any) -> Break:
    """An open break of these entries."""
    first = entries[0]
    values: dict[str, Any] = {
        "public_id": f"break{next(_numbers):06d}",
        "stage": Stage.CHANNEL,
        "leg": Leg.RECEIPT_CHANNEL,
        "book": first.book,
        "channel": first.channel,
        "bank_account": first.bank_account,
        "reference": first.reference or first.utr or first.source_key,
        "subject_key": f"test|{next(_numbers)}",
        "amount_paise": abs(first.amount_paise),
        "business_date": first.business_date,
        "facts": {"amount": first.amount_paise},
    }
    if "opened_by" not in columns:
        columns["opened_by"] = Run.objects.filter(state=Run.State.DONE).first() or run()
    made = Break.objects.create(reason=reason, **values | columns)
    BreakLine.objects.bulk_create(BreakLine(open_break=made, entry=one) for one in entries)
    return made


def matched(*entries: Entry, stage: str = Stage.CHANNEL, **columns: Any) -> Match:
    """A match of these entries by a rule."""
    made = Match.objects.create(
        stage=stage,
        leg=Leg.RECEIPT_CHANNEL if stage == Stage.CHANNEL else Leg.CHANNEL_BANK,
        matched_on=max(one.business_date for one in entries),
        **columns,
    )
    MatchLine.objects.bulk_create(MatchLine(match=made, entry=one, stage=stage) for one in entries)
    return made


def proof(
    of: Run, *, stage: str = Stage.CHANNEL, book: str = Book.RECEIPTS, **columns: int
) -> Proof:
    """A proof row in which all that opened is still open for a reason."""
    names = (
        "opening",
        "arrived",
        "matched",
        "written_off",
        "closing",
        "broken",
        "expected",
        "later",
    )
    values = {f"{name}_{what}": 0 for name in names for what in ("count", "paise")}
    return Proof.objects.create(
        run=of, business_date=of.business_date, stage=stage, book=book, **values | columns
    )


def expected(of: Run, count: int, paise: int, **columns: Any) -> Expected:
    """What a run left open because it is not due."""
    values: dict[str, Any] = {
        "business_date": of.business_date,
        "stage": Stage.CHANNEL,
        "book": Book.RECEIPTS,
        "channel": channel(),
        "why": "not_due",
    }
    return Expected.objects.create(run=of, count=count, paise=paise, **values | columns)


def mt940(
    *fields: str, opening: str = "C260817INR1000,00", closing: str, day: str = "260818"
) -> bytes:
    """A bank statement of the account."""
    lines = [":20:STMT0001", f":25:{ACCOUNT_NUMBER}", ":28C:237/1", f":60F:{opening}"]
    return "\r\n".join([*lines, *fields, f":62F:C{day}INR{closing}", "-", ""]).encode()


CREDIT = ":61:2608180818CR30,00NTRFNONREF"
ONE_CREDIT = mt940(CREDIT, ":86:NEFT CR SAMPLE", closing="1030,00")
