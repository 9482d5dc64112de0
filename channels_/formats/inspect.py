"""What a statement file says, without loading it: the answer of ``inspect_statement``."""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import import_module
from typing import Any, BinaryIO

from channels_ import adapters
from channels_.contract import Adapter, LineKind, Statement, StatementFormat
from channels_.formats import FORMATS, prove, sniff
from channels_.formats.guard import head_of
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import rupees_from_paise


def inspect(format_code: str, file: BinaryIO) -> dict[str, Any]:
    """Read the whole file and report it, ready for JSON; raise Malformed when it is no such file.

    ``format_code`` is a format such as ``mt940``, or a channel such as ``razorpay`` whose format
    is found by the first bytes.
    """
    return report_of(format_of(format_code, head_of(file)), file)


def report_of(statement_format: StatementFormat, file: BinaryIO) -> dict[str, Any]:
    """The same for a format that is no common one, such as a mapping that somebody tries."""
    pages = [_tally(statement) for statement in statement_format.read(file)]
    return {
        "format": statement_format.code,
        "statements": [page.report() for page in pages],
        **_totals(pages),
        "refusals": [
            {"line": refusal.line, "problem": refusal.problem}
            for page in pages
            for refusal in page.statement.refusals
        ],
    }


def format_of(code: str, head: bytes) -> StatementFormat:
    """The format of that code; a channel's code chooses among its formats by the first bytes."""
    known = known_formats()
    if code in known:
        return known[code]
    family = [known[name] for name in known if name.startswith(f"{code}-")]
    if not family:
        raise Malformed(f"expected a format out of {', '.join(known)}, got {code!r}")
    return sniff(head, among=family)


@cache
def known_formats() -> Mapping[str, StatementFormat]:
    """Every format by its code: the shared ones and what each channel's folder brings."""
    known = dict(FORMATS)
    for module in pkgutil.iter_modules(adapters.__path__):
        folder = f"{adapters.__name__}.{module.name}"
        adapter: Adapter = import_module(folder).ADAPTER
        agreed = adapter.layouts({}) if adapter.layouts else ()
        known |= {found.code: found for found in (*agreed, *adapter.formats)}
    return known


@dataclass
class _Tally:
    """One statement, read to its end and summed."""

    statement: Statement
    credit_paise: int = 0
    debit_paise: int = 0
    credits: int = 0
    debits: int = 0
    days: list[date] = field(default_factory=list)  # first and last

    def report(self) -> dict[str, Any]:
        page = self.statement.page
        difference = self.difference_paise
        return {
            "account": page.account,
            "number": page.number,
            "currency": page.currency,
            "opening_balance": _amount(page.opening_paise),
            "closing_balance": _amount(page.closing_paise),
            "opened_on": _day(page.opened_on),
            "closed_on": _day(page.closed_on),
            "entries": self.credits + self.debits,
            "credits": _amount(self.credit_paise),
            "debits": _amount(self.debit_paise),
            "credit_entries": self.credits,
            "debit_entries": self.debits,
            "difference": _amount(difference),
            "balances": None if difference is None else difference == 0,
            "problem": prove(
                page,
                self.credit_paise - self.debit_paise,
                lines_count=self.credits + self.debits,
            ),
            "notes": self.statement.notes,
        }

    @property
    def difference_paise(self) -> int | None:
        """Closing less opening and entries, where both balances are given."""
        page = self.statement.page
        if page.opening_paise is None or page.closing_paise is None:
            return None
        return page.closing_paise - page.opening_paise - self.credit_paise + self.debit_paise


def _tally(statement: Statement) -> _Tally:
    tally = _Tally(statement)
    first = last = None
    for line in statement.lines:
        net = line.amount_paise - line.fee_paise - line.tax_paise
        if line.kind is LineKind.CREDIT or (line.kind is not LineKind.DEBIT and net >= 0):
            tally.credits += 1
            tally.credit_paise += net
        else:
            tally.debits += 1
            tally.debit_paise -= net
        day = line.business_date
        first = day if first is None or day < first else first
        last = day if last is None or day > last else last
    page = statement.page
    bounds = (first or page.opened_on or page.closed_on, last or page.closed_on or page.opened_on)
    tally.days = [day for day in bounds if day is not None]
    return tally


def _totals(pages: list[_Tally]) -> dict[str, Any]:
    """Sums over the file; none over several currencies, no balances over several accounts."""
    currencies = {tally.statement.page.currency for tally in pages} - {""}
    accounts = {tally.statement.page.account for tally in pages}
    single = len(currencies) <= 1
    chained = single and len(accounts) == 1
    days = [day for tally in pages for day in tally.days]
    return {
        "entries": sum(tally.credits + tally.debits for tally in pages),
        "credits": _amount(sum(tally.credit_paise for tally in pages)) if single else None,
        "debits": _amount(sum(tally.debit_paise for tally in pages)) if single else None,
        "opening_balance": _amount(pages[0].statement.page.opening_paise) if chained else None,
        "closing_balance": _amount(pages[-1].statement.page.closing_paise) if chained else None,
        "currency": currencies.pop() if len(currencies) == 1 else None,
        "dates": {"from": _day(min(days, default=None)), "to": _day(max(days, default=None))},
    }


def _amount(paise: int | None) -> str | None:
    return None if paise is None else rupees_from_paise(paise)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
