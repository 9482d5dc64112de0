"""MT940 bank statements and MT942 interim reports, by the fields of the mt-940 library.

The library knows the layout of a field and the year of an entry date. Signs, amounts and balances
are read here: by default it adds a reversed credit (RC) and it ignores what follows a balance.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import Any, BinaryIO, Final, NamedTuple

from mt940 import models, tags

from channels_.contract import (
    LineKind,
    Page,
    Statement,
    StatementFormat,
    StatementLine,
)
from channels_.formats.guard import MEGABYTE, guarded, open_text, refuse
from channels_.formats.identity import Keys
from channels_.formats.references import rrn_in, utr_among
from cspdcl.kernel.errors import Malformed

SIZE_MAX: Final = 100 * MEGABYTE
LINE_MAX: Final = 10_000
FIELD_MAX: Final = 20_000

# R turns the mark round: a reversed credit takes money away, a reversed debit gives it back.
SIGNS: Final[Mapping[str, int]] = {"C": 1, "D": -1, "RC": -1, "RD": 1}

OPENING: Final = frozenset({"60", "60F", "60M"})
CLOSING: Final = frozenset({"62", "62F", "62M"})
SUMS: Final = frozenset({"90C", "90D"})
KNOWN: Final = frozenset(
    {"13", "13D", "20", "21", "25", "25P", "28", "28C", "34F", "61", "64", "65"}
) | frozenset({"86", "90", "NS"} | OPENING | CLOSING | SUMS)
NO_REFERENCE: Final = "NONREF"

_TAG: Final = re.compile(r":(\d{2}[A-Z]?|NS):")
_AMOUNT: Final = re.compile(r"([0-9]{1,13})(?:,([0-9]{0,2})0*)?")
_BALANCE: Final = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9,]+)(?:\s.*)?", re.DOTALL)
_SUM: Final = re.compile(r"([0-9]{0,5})([A-Z]{3})([0-9,]+)")
_ENVELOPE: Final = re.compile(r"\{[^{}]*\}|\{[^{}]*\{[^{}]*\}[^{}]*\}|\{4:")
_CONTROL: Final = "\x01\x02\x03\x1a"

# The second layout takes references that are longer than 16 characters up to their "//", the third
# an IBAN in place of the reference and details on the next line.
_PLAIN: Final = tags.Statement()
_LONG: Final = tags.StatementGLS()
_IBAN: Final = tags.StatementASNB()
_NOWHERE: Final = models.Transactions()


class _Field(NamedTuple):
    tag: str  # empty where a message of the envelope ends
    text: str
    line: int


class _Entry(NamedTuple):
    """A :61: that waits for its :86:."""

    line: int
    amount_paise: int
    mark: str
    booked_on: date
    code: str
    reference: str
    channel_ref: str
    extra: str


def _read(file: BinaryIO) -> Iterator[Statement]:
    fields = _Fields(file)
    keys = Keys()
    found = False
    while fields.next is not None:
        if not fields.next.tag:
            fields.take()
            continue
        found = True
        statement = Statement(page=Page(must_balance=True), lines=())
        lines = _lines(statement, fields, keys)
        # The opening balance stands before the first line, so reading one line brings it.
        first = next(lines, None)
        statement.lines = lines if first is None else chain([first], lines)
        yield statement
        for _ in lines:
            pass
    if not found:
        raise Malformed("no field of an MT940 statement found: expected :20:, :25:, :60F: ...")


def _lines(statement: Statement, fields: "_Fields", keys: Keys) -> Iterator[StatementLine]:
    entry: _Entry | None = None
    details: list[str] = []
    opened = False
    tags_read: set[str] = set()
    while (field := fields.next) is not None and field.tag:
        if (field.tag == "20" and tags_read) or (field.tag in OPENING and opened):
            break
        tags_read.add(field.tag)
        opened = opened or field.tag in OPENING
        fields.take()
        if field.tag == "86":
            details.append(field.text)
            continue
        if entry is not None:
            yield _line(statement.page, entry, details, keys)
        entry, details = None, []
        try:
            if field.tag == "61":
                entry = _entry(field)
            else:
                statement.page = _page(statement.page, field)
        except ValueError as error:
            row = f":61:{field.text}" if field.tag == "61" else None
            refuse(statement, field.line, f":{field.tag}: {error}", row=row)
    if entry is not None:
        yield _line(statement.page, entry, details, keys)
    if not tags_read >= SUMS:  # one side alone declares nothing about the whole
        statement.page = replace(statement.page, declared_count=None, declared_paise=None)


def _line(page: Page, entry: _Entry, details: list[str], keys: Keys) -> StatementLine:
    references = [ref for ref in (entry.reference, entry.channel_ref) if ref]
    narration = " ".join(" ".join([*details, entry.extra, *references]).split())
    return StatementLine(
        line=entry.line,
        key=keys.key(
            page.account,
            day=entry.booked_on,
            amount_paise=entry.amount_paise,
            reference=entry.reference,
            channel_ref=entry.channel_ref,
            narration=narration,
        ),
        kind=LineKind.CREDIT if SIGNS[entry.mark] > 0 else LineKind.DEBIT,
        amount_paise=entry.amount_paise,
        business_date=entry.booked_on,
        channel_ref=entry.channel_ref,
        reference=entry.reference,
        utr=utr_among(entry.reference, entry.channel_ref, narration),
        rrn=rrn_in(narration),
        instrument=entry.reference if entry.code == "NCHK" else "",
        code=entry.code,
        narration=narration,
    )


def _entry(field: _Field) -> _Entry:
    layout, groups = _layout(field.text)
    mark = groups["status"].upper()
    if mark not in SIGNS:
        raise ValueError(f"expected the mark C, D, RC or RD, got {mark}")
    amount = SIGNS[mark] * _paise(groups["amount"])
    days = layout(_NOWHERE, dict(groups))
    reference = (groups["customer_reference"] or "").strip()
    return _Entry(
        line=field.line,
        amount_paise=amount,
        mark=mark,
        booked_on=_day(days),
        code=(groups["id"] or "").strip().upper(),
        reference="" if reference.upper() == NO_REFERENCE else reference,
        channel_ref=(groups["bank_reference"] or "").strip(),
        extra=groups["extra_details"] or "",
    )


def _layout(text: str) -> tuple[tags.Statement, dict[str, Any]]:
    first = text.partition("\n")[0]
    for layout in (_LONG if "//" in first else _PLAIN, _IBAN):
        if found := layout.re.match(text):
            return layout, found.groupdict()
    raise ValueError("expected YYMMDD[MMDD] mark amount Nxxx reference[//bank reference]")


def _page(page: Page, field: _Field) -> Page:
    """The page with what the field says of it; fields without a bearing on money pass."""
    tag, text = field.tag, field.text
    if tag in {"25", "25P"}:
        return replace(page, account=text.partition("\n")[0].strip())
    if tag in {"28", "28C"}:
        return replace(page, number=text.partition("\n")[0].strip())
    if tag in OPENING | CLOSING:
        day, currency, paise = _balance(text)
        if page.currency and currency != page.currency:
            raise ValueError(f"expected a balance in {page.currency}, got {currency}")
        page = replace(page, currency=currency)
        if tag in OPENING:
            return replace(page, opened_on=day, opening_paise=paise)
        return replace(page, closed_on=day, closing_paise=paise)
    if tag in SUMS:
        return _declared(page, tag, text)
    return page


def _declared(page: Page, tag: str, text: str) -> Page:
    found = _SUM.fullmatch(text.strip())
    if found is None:
        raise ValueError("expected a count, a currency and an amount")
    count, currency, amount = found.groups()
    sign = 1 if tag == "90C" else -1
    return replace(
        page,
        currency=page.currency or currency,
        declared_count=(page.declared_count or 0) + int(count or 0),
        declared_paise=(page.declared_paise or 0) + sign * _paise(amount),
    )


def _balance(text: str) -> tuple[date, str, int]:
    found = _BALANCE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"expected C or D, YYMMDD, currency and amount, got {text!r}")
    mark, day, currency, amount = found.groups()
    stamp = models.Date(year=day[:2], month=day[2:4], day=day[4:])
    return _plain(stamp), currency, SIGNS[mark] * _paise(amount)


def _paise(text: str) -> int:
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError(f"expected an amount such as 1234,50, got {text!r}")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def _day(groups: Mapping[str, object]) -> date:
    """The day of booking, which the library completes with its year, else the value date."""
    stamp = groups.get("entry_date") or groups["date"]
    if not isinstance(stamp, date):
        raise TypeError(f"the mt-940 library gave {stamp!r} for a date")
    return _plain(stamp)


def _plain(stamp: date) -> date:
    """The library's own kind of date is no business of anybody else."""
    return date(stamp.year, stamp.month, stamp.day)


class _Fields:
    """The fields of a file one by one, with a look at the next."""

    def __init__(self, file: BinaryIO) -> None:
        self._fields = _fields(file)
        self.next: _Field | None = next(self._fields, None)

    def take(self) -> None:
        self.next = next(self._fields, None)


def _fields(file: BinaryIO) -> Iterator[_Field]:
    tag, parts, start = "", [""], 0
    for number, line in _clean_lines(file):
        if line is None:
            if tag:
                yield _Field(tag, "\n".join(parts), start)
            yield _Field("", "", number)
            tag, parts = "", []
            continue
        found = _TAG.match(line)
        # A narration may hold a time such as :12:30; only a known tag ends it.
        if found and (found[1] in KNOWN or tag != "86"):
            if tag:
                yield _Field(tag, "\n".join(parts), start)
            tag, parts, start = found[1], [line[found.end() :]], number
        elif tag:
            parts.append(line)
            if sum(map(len, parts)) > FIELD_MAX:
                raise Malformed(
                    f"line {number}: field :{tag}: is longer than {FIELD_MAX} characters"
                )
    if tag:
        yield _Field(tag, "\n".join(parts), start)


def _clean_lines(file: BinaryIO) -> Iterator[tuple[int, str | None]]:
    """The lines with their numbers, without blank ones; None where an envelope opens or ends."""
    text = open_text(file)
    number, broken = 0, ""
    while line := text.readline(LINE_MAX + 1):
        number += 1
        if len(line) > LINE_MAX:
            raise Malformed(f"line {number} is longer than {LINE_MAX} characters")
        line = broken + line.strip(_CONTROL).rstrip().rstrip(_CONTROL).lstrip(_CONTROL)
        broken = ""
        if line == ":":  # one bank breaks its lines inside the tag itself
            broken = line
            continue
        if line.startswith(("{", "-}")):
            yield number, None
            line = _ENVELOPE.sub("", line).removeprefix("-}").strip()
        if line not in {"", "-"}:
            yield number, line


def _sniff(head: bytes) -> bool:
    return (
        re.search(rb"(?:^|[\r\n{:\x01\x1a\xbf]):?:(?:20|25|28C?|60[FM]|61|62[FM]):", head)
        is not None
    )


MT940: Final = StatementFormat(
    code="mt940",
    title="MT940 bank statement",
    sniff=_sniff,
    read=guarded(_read, limit=SIZE_MAX),
)
