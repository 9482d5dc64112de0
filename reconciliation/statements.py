"""Loading a file of a channel or bank: kept by content, read as a stream, proved, then believed.

Either the whole file is in the books or nothing of it is; what was refused is recorded with why.
"""

import hashlib
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Final

from django.conf import settings
from django.db import transaction

from channels_ import registry
from channels_.contract import LineKind, Page, Refusal, Statement, StatementFormat, StatementLine
from channels_.formats import FORMATS, prove, sniff
from channels_.formats.guard import head_of
from channels_.models import BankAccount, Channel, StatementFile
from cspdcl.kernel.errors import DomainError, Malformed
from cspdcl.kernel.workdays import known_holidays, working_day_after
from people import audit
from reconciliation import chargebacks, intake, locks
from reconciliation.bank_lines import BankLines
from reconciliation.intake import NewEntry
from reconciliation.models import Book, Kind

if TYPE_CHECKING:
    from people.models import User

CHUNK: Final = 1 << 20
REFUSALS_SHOWN: Final = 100


class UnknownSource(DomainError):
    """No channel and no bank account has that code."""

    code: ClassVar[str] = "unknown_source"


class AlreadyLoaded(DomainError):
    """The same bytes are in the books; ``file`` says since when."""

    code: ClassVar[str] = "already_loaded"

    def __init__(self, file: StatementFile) -> None:
        super().__init__(
            f"the same content was loaded as {file.name!r} on {file.loaded_at:%d-%m-%Y}; "
            "nothing was added"
        )
        self.file = file


def source_of(code: str) -> Channel | BankAccount:
    """The channel or bank account a file speaks for."""
    source = (
        Channel.objects.filter(code=code).first() or BankAccount.objects.filter(code=code).first()
    )
    if source is None:
        known = [
            *Channel.objects.values_list("code", flat=True),
            *BankAccount.objects.values_list("code", flat=True),
        ]
        raise UnknownSource(
            f"expected a channel or bank account out of {', '.join(sorted(known))}, got {code!r}"
        )
    return source


def formats_for(source: Channel | BankAccount) -> tuple[StatementFormat, ...]:
    """The layouts a source may send."""
    if isinstance(source, BankAccount):
        return tuple(FORMATS.values())
    return registry.formats_of(source.adapter, source.settings)


def load(
    source: Channel | BankAccount,
    stream: BinaryIO,
    *,
    name: str,
    by: "User | None" = None,
    format_code: str = "",
) -> StatementFile:
    """Load one file. Answers its row, loaded or refused; raises AlreadyLoaded for bytes we have."""
    kept = _keep(stream)
    file = _row(source, kept, name=name, by=by)
    _refuse_known(file)
    try:
        with transaction.atomic():
            _take_turn(file)
            _load(file, kept, source=source, format_code=format_code, by=by)
            chargebacks.tell_disputes(file)
    except (Malformed, intake.ChangedLine) as error:
        refused = _row(source, kept, name=name, by=by)
        refused.state, refused.problem, refused.format = (
            StatementFile.State.REFUSED,
            str(error),
            file.format,
        )
        refused.refusals = file.refusals
        with transaction.atomic():
            refused.save()
            audit.record(
                by or "command",
                "statement.refused",
                refused,
                after={"name": name, "problem": str(error)},
            )
        return refused
    return file


def _take_turn(file: StatementFile) -> None:
    """One load of a source at a time; who waited looks again what is loaded."""
    locks.wait_patiently()
    source = file.channel or file.bank_account
    if source is not None:
        type(source).objects.select_for_update(no_key=True).get(pk=source.pk)
    _refuse_known(file)
    file.version = _version_of(file)


def _refuse_known(file: StatementFile) -> None:
    known = StatementFile.objects.filter(
        channel=file.channel,
        bank_account=file.bank_account,
        sha256=file.sha256,
        state=StatementFile.State.LOADED,
    ).first()
    if known:
        raise AlreadyLoaded(known)


def _version_of(file: StatementFile) -> int:
    earlier = StatementFile.objects.filter(
        channel=file.channel,
        bank_account=file.bank_account,
        name=file.name,
        state=StatementFile.State.LOADED,
    )
    return earlier.count() + 1


@dataclass(frozen=True, slots=True)
class _Kept:
    path: Path
    sha256: str
    size: int


def path_of(file: StatementFile) -> Path:
    """Where the bytes of a file are kept."""
    return Path(settings.STATEMENTS_DIR) / file.sha256[:2] / file.sha256


def _keep(stream: BinaryIO) -> _Kept:
    """Copy the bytes to their place, by their hash: written aside, synced, then renamed."""
    folder = Path(settings.STATEMENTS_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=folder, prefix="arriving-", delete=False) as aside:
        try:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                _refuse_too_large(size)
                digest.update(chunk)
                aside.write(chunk)
            aside.flush()
            os.fsync(aside.fileno())
        except BaseException:
            Path(aside.name).unlink()
            raise
    name = digest.hexdigest()
    place = folder / name[:2] / name
    place.parent.mkdir(exist_ok=True)
    Path(aside.name).rename(place)
    _sync(place.parent)
    return _Kept(path=place, sha256=name, size=size)


def _refuse_too_large(size: int) -> None:
    most = settings.STATEMENT_BYTES_MAX
    if size > most:
        raise Malformed(f"the file has more than {most} bytes; no more are read")


def _sync(folder: Path) -> None:
    """Until its folder is on the disk a renamed file may be lost with the power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _row(
    source: Channel | BankAccount, kept: _Kept, *, name: str, by: "User | None"
) -> StatementFile:
    row = StatementFile(
        channel=source if isinstance(source, Channel) else None,
        bank_account=source if isinstance(source, BankAccount) else None,
        sha256=kept.sha256,
        name=Path(name).name[:200],
        size=kept.size,
        state=StatementFile.State.LOADED,
        loaded_by=by,
    )
    row.version = _version_of(row)
    return row


def _load(
    file: StatementFile,
    kept: _Kept,
    *,
    source: Channel | BankAccount,
    format_code: str,
    by: "User | None",
) -> None:
    with kept.path.open("rb") as stream:
        layout = _layout(source, stream, format_code=format_code)
        file.format = layout.code
        file.save()  # its number goes into the entries; a refusal takes it back
        reading = _Reading(file=file, source=source)
        added = intake.add_entries(
            reading.entries(layout.read(stream)), is_computed=isinstance(source, Channel)
        )
    if reading.refusals:
        file.refusals = [
            {"line": one.line, "problem": one.problem} for one in reading.refusals[:REFUSALS_SHOWN]
        ]
        first = reading.refusals[0]
        raise Malformed(
            f"{len(reading.refusals)} lines cannot be read, "
            f"the first is line {first.line}: {first.problem}"
        )
    file.line_count, file.added_count = added.lines, added.new
    file.credit_paise, file.debit_paise = reading.credit_paise, reading.debit_paise
    file.opening_paise, file.closing_paise = reading.opening_paise, reading.closing_paise
    file.covers_from, file.covers_to = reading.first, reading.last
    file.save()
    audit.record(
        by or "command",
        "statement.loaded",
        file,
        after={"name": file.name, "lines": added.lines, "new": added.new, "sha256": file.sha256},
    )


def _layout(
    source: Channel | BankAccount, stream: BinaryIO, *, format_code: str
) -> StatementFormat:
    formats = formats_for(source)
    if not formats:
        raise Malformed(f"{source.code} sends no files that we read")
    if format_code:
        for layout in formats:
            if layout.code == format_code:
                return layout
        raise Malformed(
            f"expected a format out of {', '.join(f.code for f in formats)}, got {format_code!r}"
        )
    head = head_of(stream)
    return (
        formats[0]
        if head.startswith(b"PK\x03\x04") and len(formats) == 1
        else sniff(head, among=formats)
    )


@dataclass(slots=True)
class _Reading:
    """The sums and bounds of a file, gathered while its lines stream into the books."""

    file: StatementFile
    source: Channel | BankAccount
    credit_paise: int = 0
    debit_paise: int = 0
    opening_paise: int | None = None
    closing_paise: int | None = None
    first: date | None = None
    last: date | None = None
    refusals: list[Refusal] = field(default_factory=list)
    # Asked for here, because lines are turned into entries on a thread without the database.
    holidays: Collection[date] = field(default_factory=known_holidays)

    def entries(self, statements: Iterator[Statement]) -> Iterator[NewEntry]:
        for statement in statements:
            count, net_paise = 0, 0
            for entry in self._entries_of(statement):
                count += 1
                net_paise += entry.net_paise
                yield entry
            self.refusals += statement.refusals
            if not statement.refusals:
                self._check(statement.page, net_paise=net_paise, count=count)

    def _entries_of(self, statement: Statement) -> Iterator[NewEntry]:
        lines = self._watched(statement.lines)
        if isinstance(self.source, BankAccount):
            yield from BankLines.of(self.source, file_id=self.file.pk).entries(lines)
        else:
            yield from _channel_entries(
                lines, channel=self.source, file_id=self.file.pk, holidays=self.holidays
            )

    def _watched(self, lines: Iterable[StatementLine]) -> Iterator[StatementLine]:
        credit = debit = 0
        first, last = self.first, self.last
        for line in lines:
            net = line.amount_paise - line.fee_paise - line.tax_paise
            if net >= 0:
                credit += net
            else:
                debit -= net
            day = line.business_date
            if first is None or day < first:
                first = day
            if last is None or day > last:
                last = day
            yield line
        self.credit_paise += credit
        self.debit_paise += debit
        self.first, self.last = first, last

    def _check(self, page: Page, *, net_paise: int, count: int) -> None:
        problem = prove(page, net_paise, lines_count=count)
        if problem:
            raise Malformed(problem)
        if isinstance(self.source, BankAccount):
            self._check_account(self.source, page)
            self.last = max((day for day in (self.last, page.closed_on) if day), default=None)
            self.first = min((day for day in (self.first, page.closed_on) if day), default=None)
        if self.opening_paise is None:
            self.opening_paise = page.opening_paise
        self.closing_paise = page.closing_paise

    def _check_account(self, account: BankAccount, page: Page) -> None:
        if page.currency and page.currency != account.currency:
            raise Malformed(f"expected a statement in {account.currency}, got {page.currency}")
        number = _plain(account.account_number).lstrip("0")
        if page.account and number not in _plain(page.account):
            raise Malformed(
                f"expected a statement of the account ending {account.account_number[-4:]}, "
                f"got the account ending {page.account[-4:]}"
            )


def _plain(text: str) -> str:
    return "".join(char for char in text.upper() if char.isalnum())


_KINDS: Final = {
    LineKind.PAYMENT: Kind.PAYMENT,
    LineKind.REFUND: Kind.REFUND,
    LineKind.CHARGEBACK: Kind.CHARGEBACK,
    LineKind.ADJUSTMENT: Kind.ADJUSTMENT,
    LineKind.TRANSFER: Kind.ADJUSTMENT,
    LineKind.FEE: Kind.CHARGE,
    LineKind.UNKNOWN: Kind.UNKNOWN,
}
# Adjustments and the channel's own fees have no receipt of ours; they count in the settlement only.
_NEED_A_RECEIPT: Final = frozenset({Kind.PAYMENT, Kind.REFUND, Kind.CHARGEBACK, Kind.UNKNOWN})


def _channel_entries(
    lines: Iterator[StatementLine], *, channel: Channel, file_id: int, holidays: Collection[date]
) -> Iterator[NewEntry]:
    days_as_text: dict[date, tuple[str, str]] = {}
    code, pk, days, book = channel.code, channel.pk, channel.credit_days, Book.CHANNEL.value
    for line in lines:
        day = line.business_date
        text = days_as_text.get(day)
        if text is None:
            text = days_as_text[day] = (str(day), str(working_day_after(day, days, holidays)))
        kind = _KINDS[line.kind]
        # By position: this runs a million times for a large report. The order is NewEntry's.
        yield NewEntry(
            book, kind.value, pk, None, file_id, line.line, f"{code}:{line.key}", *text,
            line.occurred_at, line.amount_paise, line.fee_paise, line.tax_paise,
            line.amount_paise - line.fee_paise - line.tax_paise,
            line.reference, line.channel_ref, line.order_ref, line.original_ref,
            line.settlement_ref, "", line.utr, line.rrn, line.instrument, line.consumer_number,
            line.method, line.network, line.code, line.narration, kind in _NEED_A_RECEIPT, True,
        )  # fmt: skip
