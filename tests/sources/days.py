"""Statements of one account, a day each, made by hand: for tests that need a history."""

import io
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from channels_.models import BankAccount, StatementFile
from people.models import User
from reconciliation.incoming import statements
from tests import factories as make

ACCOUNT_NUMBER: Final = "30000000001"
MON: Final = date(2026, 8, 10)
CSV_HEADER: Final = (
    "entity_id,type,debit,credit,amount,currency,fee,tax,settled,created_at,settled_at,"
    "settlement_id,payment_id,settlement_utr,order_id,order_receipt,method,dispute_id"
)


def bank(**fields: Any) -> BankAccount:
    """The account, once."""
    known = BankAccount.objects.filter(code="sbi").first()
    return known or make.BankAccountFactory(
        code="sbi", name="SBI collection", account_number=ACCOUNT_NUMBER, **fields
    )


def line(day: date, paise: int, *, code: str = "NTRF", words: str = "NEFT CR SAMPLE") -> str:
    """One line of a statement."""
    mark = "C" if paise >= 0 else "D"
    return f":61:{day:%y%m%d}{day:%m%d}{mark}{_amount(paise)}{code}NONREF\r\n:86:{words}"


def mt940(
    lines: Sequence[str], *, day: date = MON, opening: int = 100_000, closing: int, number: int = 1
) -> bytes:
    """A statement with these lines and balances."""
    head = [f":20:STMT{number:04d}", f":25:{ACCOUNT_NUMBER}", f":28C:{number}/1"]
    balances = (
        f":60F:C{day:%y%m%d}INR{_amount(opening)}",
        f":62F:C{day:%y%m%d}INR{_amount(closing)}",
    )
    return "\r\n".join([*head, balances[0], *lines, balances[1], "-", ""]).encode()


def of_day(day: date, paise: Sequence[int], **more: Any) -> bytes:
    """A statement of a day whose lines are these amounts, each worded otherwise."""
    words = more.pop("words", "NEFT CR SAMPLE")
    code = more.pop("code", "NTRF")
    opening = more.get("opening", 100_000)
    lines = [
        line(day, one, code=code, words=f"{words} {at}" if words else "")
        for at, one in enumerate(paise)
    ]
    return mt940(lines, day=day, closing=opening + sum(paise), **more)


def load(
    content: bytes, *, name: str = "day.sta", by: User | None = None, **more: Any
) -> StatementFile:
    """Hand a file of the account in."""
    return statements.load(bank(), io.BytesIO(content), name=name, by=by, **more)


def history(count: int = 8, *, lines: int = 6, paise: int = 50_000, **more: Any) -> date:
    """So many ordinary days, loaded; answers the day after the last."""
    for at in range(count):
        day = MON + timedelta(days=at)
        file = load(of_day(day, [paise + 100 * n for n in range(lines)], **more))
        assert file.state == StatementFile.State.LOADED, file.problem
    return MON + timedelta(days=count)


def _amount(paise: int) -> str:
    return f"{abs(paise) // 100},{abs(paise) % 100:02d}"
