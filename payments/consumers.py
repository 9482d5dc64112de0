"""Consumers and their bills from the ERP's file: CSV or XLSX, all of it or nothing.

Reading is set against hostile files: formulas, full-width digits, archives that swell. Writing is
one COPY into a temporary table and three set-based statements, so that a file of a hundred
thousand rows takes seconds.
"""

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import IO, BinaryIO, Final

from django.db import connection, transaction
from python_calamine import CalamineError, CalamineWorkbook

from channels_.formats.guard import ZIP_FAULTS, ZIP_METHODS
from cspdcl.kernel import crypto
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import NotMoney, paise_from_rupees
from payments.models import Consumer
from people import audit
from people.models import Office

REQUIRED: Final = ("business_partner", "consumer_number", "name", "office")
OPTIONAL: Final = ("mobile", "category", "plan")
BILL: Final = ("bill_number", "period", "amount", "issued_on", "due_on")
COLUMNS: Final = (*REQUIRED, *OPTIONAL, *BILL, "meter")

BYTES_MAX: Final = 512 * 1024 * 1024
UNPACKED_MAX: Final = 256 * 1024 * 1024  # in memory it takes some four times that
RATIO_MAX: Final = 100
MEMBERS_MAX: Final = 2000
CELLS_MAX: Final = 24_000_000  # a sheet is laid out whole, up to its last cell, in memory
ROWS_MAX: Final = 8_000_000
PROBLEMS_MAX: Final = 200  # bad rows that are told; more of them say nothing new
MOBILE_PLACE: Final = "payments_consumer.mobile"

_MANY: Final = 20_000  # rows that make the planner's statistics stale
_ZIP: Final = b"PK\x03\x04"
_WORKBOOK: Final = "xl/workbook.xml"  # what makes an archive a workbook of this kind
# Where a row or a cell of a sheet says it stands: r="7", r="XFD1048576".
_PLACE: Final = re.compile(rb"""\br\s*=\s*["']([A-Z]{0,3})([0-9]{1,8})["']""")
_PLACE_LONGEST: Final = 32
_PARTNER: Final = re.compile(r"[0-9]{10}")
_NUMBER: Final = re.compile(r"[0-9]{6,12}")
_MOBILE: Final = re.compile(r"(?:\+?91|0)?([6-9][0-9]{9})")
_PERIOD: Final = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")
_METER: Final = re.compile(r"[A-Z0-9/-]{3,20}")
_BILL_NUMBER: Final = re.compile(r"[A-Za-z0-9/._-]{1,20}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "|")
_PLANS: Final = {"": "postpaid", "postpaid": "postpaid", "prepaid": "prepaid"}
_ERP_DATES: Final = ("%Y-%m-%d", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%Y")


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that cannot be taken: its number in the file, and why."""

    row: int
    problem: str


class BadFile(Malformed):
    """Nothing was loaded; ``problems`` names the bad rows, at most the first few hundred."""

    def __init__(self, message: str, problems: Sequence[BadRow] = ()) -> None:
        super().__init__(message)
        self.problems = list(problems)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file brought."""

    rows: int
    consumers_added: int
    consumers_changed: int
    bills_added: int
    bills_changed: int


@dataclass(slots=True)
class _Reading:
    """The rows of one file while they are checked."""

    offices: Mapping[str, int]
    problems: list[BadRow] = field(default_factory=list)
    bad_count: int = 0
    rows: int = 0
    places: dict[str, int] = field(default_factory=dict)
    bills: dict[str, int] = field(default_factory=dict)

    def refuse(self, row: int, problem: str) -> None:
        """Note a bad row; after a few hundred only their number grows."""
        self.bad_count += 1
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(BadRow(row, problem))


def load_consumers(file: BinaryIO, *, name: str, actor: str = audit.SYSTEM) -> Loaded:
    """Load a file of consumers; any bad row, and nothing of it is loaded."""
    reading = _Reading(offices=dict(Office.objects.values_list("code", "pk")))
    with closing(_cells(file)) as cells, transaction.atomic():
        _stage(cells, reading)
        if reading.bad_count:
            raise BadFile(
                f"{name}: {reading.bad_count} of {reading.rows} rows cannot be taken, "
                "nothing was loaded",
                reading.problems,
            )
        if not reading.rows:
            raise BadFile(f"{name}: there is no row in it")
        loaded = _merge(reading.rows)
        audit.record(
            actor,
            "consumers.loaded",
            ("file", Path(name).name[:80]),
            after={
                "rows": loaded.rows,
                "consumers_added": loaded.consumers_added,
                "consumers_changed": loaded.consumers_changed,
                "bills_added": loaded.bills_added,
                "bills_changed": loaded.bills_changed,
            },
        )
    return loaded


def seal_mobile(mobile: str) -> tuple[bytes, bytes]:
    """A mobile number as it is stored: encrypted, and the index that finds it."""
    return (
        crypto.seal(mobile.encode(), place=MOBILE_PLACE),
        crypto.blind_index(mobile, place=MOBILE_PLACE),
    )


def mobile_of(consumer: Consumer) -> str:
    """The consumer's mobile number in clear; show its end only."""
    if consumer.mobile is None:
        return ""
    return crypto.unseal(consumer.mobile, place=MOBILE_PLACE).decode()


# ---- reading ----

_Rows = Generator[Sequence[object], None, None]


def _cells(file: BinaryIO) -> _Rows:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if not 0 < size <= BYTES_MAX:
        raise BadFile(f"the file has {size} bytes, expected 1 to {BYTES_MAX}")
    head = file.read(4)
    file.seek(0)
    if head == _ZIP:
        _check_archive(file)
        return _sheet_rows(file)
    return _csv_rows(file)


def _check_archive(file: BinaryIO) -> None:
    """Refuse an archive that would swell: by its directory, then by inflating it and counting."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            declared = sum(member.file_size for member in members)
            packed = sum(member.compress_size for member in members) or 1
            if any(member.compress_type not in ZIP_METHODS for member in members):
                raise BadFile("the workbook is packed in an unusual way; deflate is expected")
            if len(members) > MEMBERS_MAX or declared > UNPACKED_MAX:
                raise BadFile("the workbook unpacks to more than is read")
            if declared > packed * RATIO_MAX:
                raise BadFile("the workbook is packed tighter than any real one")
            if _WORKBOOK not in archive.namelist():
                raise BadFile("the archive is no XLSX workbook")
            left = UNPACKED_MAX
            for member in members:
                with archive.open(member) as plain:
                    left -= _check_member(plain, left)
    except ZIP_FAULTS as error:
        raise BadFile(f"the workbook cannot be opened: {error}") from error
    file.seek(0)


def _check_member(plain: IO[bytes], most: int) -> int:
    """The size of a member; refuses one that lies about it, and two far cells that span a desert.

    Whoever reads a sheet makes room for all between its first and its last cell, empty or not.
    """
    size, rows, columns, before = 0, 0, 0, b""
    while chunk := plain.read(1024 * 1024):
        size += len(chunk)
        if size > most:
            raise BadFile("the workbook unpacks to more than it says")
        for letters, digits in _PLACE.findall(before + chunk):
            rows, columns = max(rows, int(digits)), max(columns, _column(letters))
        if rows * columns > CELLS_MAX:
            raise BadFile(f"a sheet spans {rows} rows and {columns} columns, too many to lay out")
        before = chunk[-_PLACE_LONGEST:]
    return size


def _column(letters: bytes) -> int:
    """The number of a column: A is 1, XFD is 16384."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _sheet_rows(file: BinaryIO) -> _Rows:
    try:
        workbook = CalamineWorkbook.from_filelike(file)
        sheet = workbook.get_sheet_by_index(0)
        yield from sheet.iter_rows()
    except (CalamineError, IndexError) as error:
        raise BadFile(f"the workbook cannot be read: {error}") from error


def _csv_rows(file: BinaryIO) -> _Rows:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="strict", newline="")
    try:
        yield from csv.reader(text, strict=True)
    except UnicodeDecodeError as error:
        raise BadFile(f"expected UTF-8, byte {error.start} of a block is otherwise") from error
    except csv.Error as error:
        raise BadFile(f"not a CSV file: {error}") from error
    finally:
        text.detach()


def _plain(cell: object) -> str:
    """A cell as text: full-width digits become digits, whole numbers lose their point."""
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    text = str(cell).strip()
    return text if text.isascii() else unicodedata.normalize("NFKC", text).strip()


def _header(cells: Sequence[object]) -> dict[str, int]:
    names = [_plain(cell).lower().replace(" ", "_") for cell in cells]
    unknown = [name for name in names if name and name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in names]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if unknown or missing or twice:
        raise BadFile(
            f"row 1: missing {missing or 'nothing'}, unknown {unknown or 'nothing'}, "
            f"twice {twice or 'nothing'}; expected {', '.join(COLUMNS)}"
        )
    if any(name in names for name in BILL) and not all(name in names for name in BILL):
        raise BadFile(f"row 1: a bill needs all of {', '.join(BILL)}")
    return {name: names.index(name) for name in COLUMNS if name in names}


def _checked_rows(rows: Iterator[Sequence[object]], reading: _Reading) -> Iterator[str]:
    """The lines for COPY of every row that can be taken; the others are noted."""
    first = next(rows, None)
    if first is None:
        raise BadFile("row 1: expected the names of the columns")
    places = _header(first)
    for number, cells in enumerate(rows, start=2):
        values = {
            name: _plain(cells[place]) if place < len(cells) else ""
            for name, place in places.items()
        }
        if not any(values.values()):
            continue
        reading.rows += 1
        if reading.rows > ROWS_MAX:
            raise BadFile(f"more than {ROWS_MAX} rows")
        try:
            yield _copy_line(_consumer(values, number, reading) + _bill(values, number, reading))
        except ValueError as problem:
            reading.refuse(number, str(problem))


def _consumer(values: Mapping[str, str], number: int, reading: _Reading) -> tuple[str | None, ...]:
    account = _match(_NUMBER, values["consumer_number"], "consumer_number of 6 to 12 digits")
    partner = _match(_PARTNER, values["business_partner"], "business_partner of 10 digits")
    office = reading.offices.get(values["office"])
    if office is None:
        raise ValueError(f"office {values['office'][:24]!r} is not known")
    plan = _PLANS.get(values.get("plan", "").lower())
    if plan is None:
        raise ValueError(f"plan must be postpaid or prepaid, got {values['plan'][:20]!r}")
    name = _text(values["name"], "name", 120)
    meter = values.get("meter", "").upper()
    if meter:
        _match(_METER, meter, "meter of 3 to 20 letters and digits")
    facts = f"{partner}|{name}|{office}|{plan}|{values.get('mobile', '')}|{meter}"
    _once(reading.places, account, facts=hash(facts), row=number, what="consumer_number")
    sealed, index = _mobile(values.get("mobile", ""))
    return (
        account,
        partner,
        name,
        str(office),
        _text(values.get("category", "") or "-", "category", 24, may_lead=("-",)),
        plan,
        sealed,
        index,
        meter,
    )


def _bill(values: Mapping[str, str], number: int, reading: _Reading) -> tuple[str | None, ...]:
    given = [name for name in BILL if values.get(name)]
    if not given:
        return (None,) * len(BILL)
    if len(given) < len(BILL):
        raise ValueError(f"a bill needs all of {', '.join(BILL)}")
    bill_number = _match(_BILL_NUMBER, values["bill_number"], "bill_number")
    if bill_number in reading.bills:
        raise ValueError(
            f"bill_number {bill_number} stands in row {reading.bills[bill_number]} too"
        )
    reading.bills[bill_number] = number
    try:
        amount = paise_from_rupees(values["amount"])
    except NotMoney as error:
        raise ValueError(f"amount: {error}") from error
    if amount <= 0:
        raise ValueError("amount must be above zero")
    issued, due = _day(values["issued_on"], "issued_on"), _day(values["due_on"], "due_on")
    if due < issued:
        raise ValueError("due_on is before issued_on")
    period = _match(_PERIOD, values["period"], "period such as 2026-08")
    return (bill_number, period, str(amount), issued.isoformat(), due.isoformat())


def _once(seen: dict[str, int], key: str, *, facts: int, row: int, what: str) -> None:
    """A consumer may stand in many rows, one per bill, but must be the same in all of them."""
    if seen.setdefault(key, facts) != facts:
        raise ValueError(f"{what} {key} was described otherwise in a row above {row}")


def _match(pattern: re.Pattern[str], text: str, expected: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"expected {expected}, got {text[:30]!r}")
    return text


def _text(text: str, name: str, longest: int, may_lead: tuple[str, ...] = ()) -> str:
    if not text or len(text) > longest:
        raise ValueError(f"{name} must have 1 to {longest} characters")
    if text.startswith(_FORMULA) and not text.startswith(may_lead or ("\0",)):
        raise ValueError(f"{name} starts like a formula: {text[:20]!r}")
    if _CONTROL.search(text):
        raise ValueError(f"{name} holds a control character")
    return text


@lru_cache(maxsize=4096)  # a file has a hundred thousand rows and a few dozen days
def _day(text: str, name: str) -> date:
    for layout in _ERP_DATES:
        try:
            return datetime.strptime(text, layout).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise ValueError(f"{name}: expected a day such as 2026-08-31 or 31.08.2026, got {text[:20]!r}")


def _mobile(text: str) -> tuple[str | None, str | None]:
    """Encrypted, in the hexadecimal form that COPY reads; empty is allowed, wrong is not."""
    if not text:
        return None, None
    found = _MOBILE.fullmatch(text.replace(" ", "").replace("-", ""))
    if found is None:
        raise ValueError("mobile: expected ten digits beginning with 6 to 9")
    sealed, index = seal_mobile(found[1])
    return f"\\x{sealed.hex()}", f"\\x{index.hex()}"


# ---- writing ----

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _copy_line(values: Iterable[str | None]) -> str:
    return "\t".join(map(_copy_text, values)) + "\n"


def _copy_text(value: str | None) -> str:
    if value is None:
        return "\\N"
    return value if value.isalnum() else value.translate(_ESCAPES)


class _Lines(io.TextIOBase):
    """Lines as a file that COPY reads from, so that no second copy of them is held."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._rest = ""

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> str:
        wanted = 1 << 20 if size is None or size < 0 else size
        parts, length = [self._rest], len(self._rest)
        while length < wanted:
            line = next(self._lines, None)
            if line is None:
                break
            parts.append(line)
            length += len(line)
        whole = "".join(parts)
        self._rest = whole[wanted:]
        return whole[:wanted]


def _stage(rows: Iterator[Sequence[object]], reading: _Reading) -> None:
    lines = _checked_rows(rows, reading)
    first = next(lines, None)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10min'")
        cursor.execute("DROP TABLE IF EXISTS pg_temp.told_consumer")
        cursor.execute(
            """
            CREATE TEMPORARY TABLE told_consumer (
                number text, business_partner text, name text, office_id bigint, category text,
                plan text, mobile bytea, mobile_index bytea, meter text,
                bill_number text, period text, amount_paise bigint, issued_on date, due_on date
            ) ON COMMIT DROP
            """
        )
        if first is not None:
            cursor.copy_expert(
                "COPY told_consumer FROM STDIN", _Lines(chain([first], lines)), 1 << 16
            )
        cursor.execute("ANALYZE told_consumer")


def _merge(rows: int) -> Loaded:
    consumers = _upsert(
        """
        INSERT INTO payments_consumer AS kept
            (number, business_partner, name, office_id, mobile, mobile_index, category, plan,
             meter, is_active)
        SELECT DISTINCT ON (number)
            number, business_partner, name, office_id, mobile, mobile_index, category, plan,
            meter, true
        FROM told_consumer ORDER BY number
        ON CONFLICT (number) DO UPDATE SET
            business_partner = EXCLUDED.business_partner,
            name = EXCLUDED.name,
            office_id = EXCLUDED.office_id,
            mobile = EXCLUDED.mobile,
            mobile_index = EXCLUDED.mobile_index,
            category = EXCLUDED.category,
            plan = EXCLUDED.plan,
            meter = EXCLUDED.meter,
            is_active = true
        WHERE (kept.business_partner, kept.name, kept.office_id, kept.mobile_index, kept.category,
               kept.plan, kept.meter, kept.is_active)
            IS DISTINCT FROM
              (EXCLUDED.business_partner, EXCLUDED.name, EXCLUDED.office_id,
               EXCLUDED.mobile_index, EXCLUDED.category, EXCLUDED.plan, EXCLUDED.meter, true)
        RETURNING xmax = 0
        """
    )
    if sum(consumers) > _MANY:
        # Statistics from before would make the planner try each row with each.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE (SKIP_LOCKED) payments_consumer, payments_bill")
    _refuse_moved_bills()
    bills = _upsert(
        """
        INSERT INTO payments_bill AS kept
            (consumer_id, number, period, amount_paise, issued_on, due_on)
        SELECT consumer.id, told.bill_number, told.period, told.amount_paise, told.issued_on,
               told.due_on
        FROM told_consumer AS told
        JOIN payments_consumer AS consumer ON consumer.number = told.number
        WHERE told.bill_number IS NOT NULL
        ON CONFLICT (number) DO UPDATE SET
            period = EXCLUDED.period,
            amount_paise = EXCLUDED.amount_paise,
            issued_on = EXCLUDED.issued_on,
            due_on = EXCLUDED.due_on
        WHERE (kept.period, kept.amount_paise, kept.issued_on, kept.due_on)
            IS DISTINCT FROM
              (EXCLUDED.period, EXCLUDED.amount_paise, EXCLUDED.issued_on, EXCLUDED.due_on)
        RETURNING xmax = 0
        """
    )
    return Loaded(rows, *consumers, *bills)


def _upsert(statement: str) -> tuple[int, int]:
    """How many rows were added, and how many changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH touched AS ({statement.replace('xmax = 0', 'xmax = 0 AS is_new')}) "  # noqa: S608
            "SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM touched"
        )
        added, changed = cursor.fetchone()
    return int(added), int(changed)


def _refuse_moved_bills() -> None:
    """A bill number that belongs to another consumer is a mix-up, not a change."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT told.bill_number, told.number, consumer.number
            FROM told_consumer AS told
            JOIN payments_bill AS bill ON bill.number = told.bill_number
            JOIN payments_consumer AS consumer ON consumer.id = bill.consumer_id
            WHERE consumer.number <> told.number
            ORDER BY told.bill_number LIMIT 20
            """
        )
        moved = cursor.fetchall()
    if moved:
        bill, told, held = moved[0]
        raise BadFile(
            f"bill {bill} is of consumer {held}, the file says {told}; nothing was loaded "
            f"({len(moved)} such bills or more)"
        )
