"""BAI2 balance reports: one statement for each account record, one line for each transaction.

A record is a line that ends in ``/``; records 88 go on with the one before. Amounts are whole minor
units without a sign: the type code says where the money went. Three kinds of trailers count records
and add up every amount, and all of them are held against what was read.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import BinaryIO, Final

from channels_.contract import LineKind, Page, Statement, StatementFormat, StatementLine
from channels_.formats.guard import MEGABYTE, guarded, has_lost_a_row, open_text, refuse
from channels_.formats.identity import Keys
from channels_.formats.references import rrn_in, utr_among
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import PAISE_MAX

SIZE_MAX: Final = 2000 * MEGABYTE
LINE_MAX: Final = 10_000
RECORDS_MAX: Final = 2_000  # of one transaction or one account's summary, with its continuations

DEFAULT_CURRENCY: Final = "USD"  # where neither account nor group name one
UPDATE: Final = "1"
GROUP_STATUS: Final = {"2": "a deletion", "3": "a correction", "4": "a test"}

OPENING: Final = "010"  # ledger, at the start of the day
CLOSING: Final = "015"
NOT_MONEY: Final = "890"

# The second range of each is for what banks agree on with their customers.
SIGNS: Final = {1: ((100, 399), (920, 959)), -1: ((400, 699), (960, 999))}

# Which records may follow which; 88 may follow any.
_NEXT: Final = {
    "": frozenset({"01"}),
    "01": frozenset({"02", "99"}),
    "02": frozenset({"03", "98"}),
    "03": frozenset({"16", "49"}),
    "16": frozenset({"16", "49"}),
    "49": frozenset({"03", "98"}),
    "98": frozenset({"02", "99"}),
    "99": frozenset({"01"}),
}
_CODES: Final = frozenset({*_NEXT, "88"}) - {""}
_START: Final = re.compile(r"(\d\d)(?:,|/|$)")
_MONEY: Final = re.compile(r"[+-]?[0-9]{1,17}")
_COUNT: Final = re.compile(r"[0-9]{1,9}")


@dataclass(slots=True)
class _Record:
    """One record with its continuations: the pieces of text, without their last slash."""

    code: str
    line: int
    pieces: list[str] = field(default_factory=list)

    @property
    def lines(self) -> int:
        """How many records it counts for in the trailers."""
        return len(self.pieces)


class _Fields:
    """The fields of one record, taken from the left; what is not taken is free text."""

    def __init__(self, record: _Record) -> None:
        self._pieces = deque(record.pieces)
        self._rest: str | None = self._pieces.popleft() if self._pieces else None

    def take(self) -> str:
        """The next field, trimmed; empty behind the end of the record."""
        if self._rest is None:
            return ""
        found, comma, rest = self._rest.partition(",")
        if comma:
            self._rest = rest
        else:
            self._rest = self._pieces.popleft() if self._pieces else None
        return found.strip()

    @property
    def is_spent(self) -> bool:
        """Whether no field is left; some banks write one comma too many at a line's end."""
        while self._rest is not None and not self._rest.strip():
            self._rest = self._pieces.popleft() if self._pieces else None
        return self._rest is None

    def text(self) -> str:
        """All that is left, as one text."""
        rest = [self._rest or "", *self._pieces]
        self._rest, self._pieces = None, deque()
        return " ".join(" ".join(rest).split())


@dataclass(slots=True)
class _Sums:
    """What a trailer has to say: the sum of amounts, and how many records and parts there were."""

    amount: int = 0
    records: int = 0
    parts: int = 0


def _read(file: BinaryIO) -> Iterator[Statement]:
    reading = _Reading(_Records(file))
    while reading.find_account():
        statement = reading.statement
        statement.lines = lines = reading.lines()
        yield statement
        for _line in lines:
            pass


class _Reading:
    """A file while it is read. An account lasts until the next one, its group's trailer included:
    what a trailer disproves is refused with the last account before it.
    """

    def __init__(self, records: "_Records") -> None:
        self.statement = Statement(page=Page(), lines=())
        self._records = records
        self._keys = Keys()
        self._file, self._group, self._account = _Sums(), _Sums(), _Sums()
        self._currency = DEFAULT_CURRENCY
        self._status = UPDATE
        self._day: date | None = None
        self._code = ""  # of the last record
        self._seen = False  # an account

    def find_account(self) -> bool:
        """Go on to the next account record; without one the file must have come to its end."""
        while (record := self._records.next) is not None:
            self._check_order(record)
            if record.code == "03":
                self._open_account(record)
                return True
            self._turn(record)
        if self._code != "99":
            raise Malformed(
                f"the file is cut short: expected its trailer (99) behind record {self._code!r}"
            )
        if not self._seen:
            raise Malformed("expected an account (03) in the file, found none")
        return False

    def lines(self) -> Iterator[StatementLine]:
        """The transactions of one account, and what stands until the next account."""
        while (record := self._records.next) is not None and record.code != "03":
            self._check_order(record)
            if record.code == "16":
                self._account.records += record.lines
                try:
                    line = self._line(record)
                except ValueError as error:
                    refuse(self.statement, record.line, f"16: {error}", row=record.pieces)
                else:
                    if line is not None:
                        yield line
                self._step(record)
            else:
                self._turn(record)

    def _step(self, record: _Record) -> None:
        self._code = record.code
        self._records.take()

    def _check_order(self, record: _Record) -> None:
        expected = _NEXT[self._code]
        if record.code not in expected:
            wanted = " or ".join(sorted(expected))
            raise Malformed(f"line {record.line}: expected record {wanted}, got {record.code}")

    def _turn(self, record: _Record) -> None:
        fields = _Fields(record)
        if record.code == "01":
            self._file = _Sums(records=record.lines)
        elif record.code == "02":
            self._open_group(record, fields)
        elif record.code == "49":
            self._close_account(record, fields)
        elif record.code == "98":
            self._close(record, fields, own=self._group, outer=self._file, parts="accounts")
        else:
            self._close(record, fields, own=self._file, outer=None, parts="groups")
        self._step(record)

    def _open_group(self, record: _Record, fields: _Fields) -> None:
        self._group = _Sums(records=record.lines)
        _receiver, _sender, self._status, day = (fields.take() for _ in range(4))
        _time, currency = fields.take(), fields.take()
        self._currency = currency or DEFAULT_CURRENCY
        self._day = _day(day) if day else None
        if self._day is None:
            raise Malformed(f"line {record.line}: expected the group's day as YYMMDD, got nothing")

    def _open_account(self, record: _Record) -> None:
        fields = _Fields(record)
        self._seen = True
        self._account = _Sums(records=record.lines)
        page = Page(account=fields.take(), must_balance=True)
        page = replace(page, currency=fields.take() or self._currency, closed_on=self._day)
        self.statement = Statement(page=page, lines=())
        if self._status != UPDATE:
            what = GROUP_STATUS.get(self._status, f"of the status {self._status!r}")
            refuse(self.statement, record.line, f"02: expected an update (1), the group is {what}")
        try:
            self.statement.page = self._summary(page, fields)
        except ValueError as error:
            refuse(self.statement, record.line, f"03: {error}")
        self._step(record)

    def _summary(self, page: Page, fields: _Fields) -> Page:
        while not fields.is_spent:
            code, amount = fields.take(), fields.take()
            fields.take()  # how many items it sums up
            self._skip_funds(fields)
            if not amount:
                continue
            minor = _minor(amount)
            self._account.amount += minor
            if code == OPENING:
                page = replace(page, opening_paise=minor, opened_on=page.closed_on)
            elif code == CLOSING:
                page = replace(page, closing_paise=minor)
        return page

    def _skip_funds(self, fields: _Fields) -> None:
        """When the money is at hand: a word that says how many fields it brings."""
        word = fields.take().upper()
        if word == "S":
            count = 3
        elif word == "V":
            count = 2
        elif word == "D":
            count = 2 * _count(fields.take())
        elif word in {"", "0", "1", "2", "Z"}:
            count = 0
        else:
            raise ValueError(f"expected the funds type 0, 1, 2, S, V, D or Z, got {word!r}")
        for _ in range(count):
            fields.take()

    def _line(self, record: _Record) -> StatementLine | None:
        fields = _Fields(record)
        code, amount = fields.take(), fields.take()
        minor = _minor(amount) if amount else 0
        self._account.amount += minor
        self._skip_funds(fields)
        channel_ref, reference, text = fields.take(), fields.take(), fields.text()
        if code == NOT_MONEY:
            self.statement.notes["not_money"] = self.statement.notes.get("not_money", 0) + 1
            return None
        if not amount or minor < 0:
            raise ValueError(f"expected an amount without a sign, got {amount!r}")
        paise = _sign(code) * minor
        page, day = self.statement.page, self._day
        if day is None:
            raise ValueError("expected the day of the group")
        return StatementLine(
            line=record.line,
            key=self._keys.key(
                page.account,
                day=day,
                amount_paise=paise,
                reference=reference,
                channel_ref=channel_ref,
                narration=text,
            ),
            kind=LineKind.CREDIT if _sign(code) > 0 else LineKind.DEBIT,
            amount_paise=paise,
            business_date=day,
            channel_ref=channel_ref,
            reference=reference,
            utr=utr_among(reference, channel_ref, text),
            rrn=rrn_in(text),
            code=code,
            narration=" ".join(filter(None, (text, reference, channel_ref))),
        )

    def _close_account(self, record: _Record, fields: _Fields) -> None:
        self._account.records += record.lines
        own = self._account
        self._prove(record, fields, "the account", (("amounts", own.amount),))
        self._prove(record, fields, "the account", (("records", own.records),))
        self._group.parts += 1
        self._group.amount += own.amount
        self._group.records += own.records

    def _close(
        self, record: _Record, fields: _Fields, *, own: _Sums, outer: _Sums | None, parts: str
    ) -> None:
        own.records += record.lines
        name = "the group" if outer else "the file"
        told = (("amounts", own.amount), (parts, own.parts), ("records", own.records))
        self._prove(record, fields, name, told)
        if outer:
            outer.parts += 1
            outer.amount += own.amount
            outer.records += own.records

    def _prove(
        self, record: _Record, fields: _Fields, name: str, told: Sequence[tuple[str, int]]
    ) -> None:
        for what, found in told:
            text = fields.take()
            try:
                stated = _minor(text)
            except ValueError as error:
                refuse(self.statement, record.line, f"{record.code}: {what} of {name}: {error}")
                continue
            if stated != found and not has_lost_a_row(self.statement):
                problem = f"{what} of {name}: expected {found} as they were read, got {stated}"
                refuse(self.statement, record.line, f"{record.code}: {problem}")


def _sign(code: str) -> int:
    if not (len(code) == 3 and code.isascii() and code.isdigit()):
        raise ValueError(f"expected a type code of three digits, got {code!r}")
    for sign, ranges in SIGNS.items():
        if any(first <= int(code) <= last for first, last in ranges):
            return sign
    raise ValueError(f"expected the type code of a credit or a debit (100 to 699), got {code}")


def _minor(text: str) -> int:
    if not _MONEY.fullmatch(text) or not text.isascii() or abs(int(text)) > PAISE_MAX:
        raise ValueError(f"expected whole minor units, got {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not _COUNT.fullmatch(text) or int(text) > RECORDS_MAX:
        raise ValueError(f"expected a number of at most {RECORDS_MAX}, got {text!r}")
    return int(text)


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%y%m%d").date()  # noqa: DTZ007 - a day, not a moment
    except ValueError:
        raise Malformed(f"expected a day as YYMMDD, got {text!r}") from None


class _Records:
    """The records of a file with their continuations, with a look at the next."""

    def __init__(self, file: BinaryIO) -> None:
        self._records = _records(file)
        self.next: _Record | None = next(self._records, None)

    def take(self) -> None:
        self.next = next(self._records, None)


def _records(file: BinaryIO) -> Iterator[_Record]:
    record: _Record | None = None
    for number, line in _lines(file):
        found = _START.match(line)
        code = found[1] if found else ""
        if code not in _CODES and record is None:
            raise Malformed(f"line {number}: expected a file header (01), got {line[:20]!r}")
        if record is not None and (code == "88" or code not in _CODES):
            # A line that begins like no record goes on with the text before it.
            record.pieces.append(_piece(line[3:] if code == "88" else line))
            if len(record.pieces) > RECORDS_MAX:
                raise Malformed(f"line {number}: one record has more than {RECORDS_MAX} lines")
            continue
        if record is not None:
            yield record
        record = _Record(code=code, line=number, pieces=[_piece(line[3:])])
    if record is not None:
        yield record


def _piece(text: str) -> str:
    return text.removesuffix("/")


def _lines(file: BinaryIO) -> Iterator[tuple[int, str]]:
    text = open_text(file)
    number = 0
    while line := text.readline(LINE_MAX + 1):
        number += 1
        if len(line) > LINE_MAX:
            raise Malformed(f"line {number} is longer than {LINE_MAX} characters")
        line = line.strip("\x1a").strip()
        if line:
            yield number, line


def _sniff(head: bytes) -> bool:
    return re.match(rb"(?:\xef\xbb\xbf)?\s*01,[^,\r\n]*,[^,\r\n]*,\d{6},\d{0,4},", head) is not None


BAI2: Final = StatementFormat(
    code="bai2",
    title="BAI2 balance report",
    sniff=_sniff,
    read=guarded(_read, limit=SIZE_MAX),
)
