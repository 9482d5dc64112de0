"""Loading a file of a channel or bank: kept by content, read as a stream, proved, then believed.

Either the whole file is in the books or nothing of it is; what was refused is recorded with why.
A source may agree that single rows are set aside instead, and a file unlike the last ones waits.
"""

import hashlib
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Final

from django.conf import settings
from django.db import IntegrityError, transaction

from channels_ import registry
from channels_.contract import Block, Page, Refusal, Statement, StatementFormat, StatementLine
from channels_.formats import FORMATS, prove, sniff
from channels_.formats.guard import head_of
from channels_.formats.postings import postings_format
from channels_.models import (
    BankAccount,
    Channel,
    FileSource,
    LedgerSystem,
    Source,
    StatementFile,
)
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError, Malformed
from cspdcl.kernel.workdays import known_holidays, working_day_after
from people import audit
from reconciliation import locks
from reconciliation.incoming import chargebacks, cut_days, intake
from reconciliation.incoming.bank_lines import BankLines
from reconciliation.incoming.intake import NewEntry
from reconciliation.incoming.line_columns import KINDS, NEED_A_RECEIPT, ChannelColumns, sums_of
from reconciliation.incoming.postings import Postings
from reconciliation.models import Book
from sources import doubts, mappings, quarantine
from sources.models import Doubt
from sources.profile import Profile, Watch
from sources.strange import Reason, reasons_against

if TYPE_CHECKING:
    import polars as pl

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


class AlreadyWaiting(DomainError):
    """The same bytes wait for a second person; ``file`` is the one that waits."""

    code: ClassVar[str] = "already_waiting"

    def __init__(self, file: StatementFile) -> None:
        super().__init__(
            f"the same content came as {file.name!r} on {file.loaded_at:%d-%m-%Y} and waits for a "
            "second person; nothing was added"
        )
        self.file = file


def source_of_file(file: StatementFile) -> Source:
    """Whom a file speaks for; the database knows that there is one."""
    source = file.source
    if source is None:
        raise UnknownSource(f"{file} has no source")
    return source


def source_of(code: str) -> Source:
    """The channel, bank account or ERP a file speaks for."""
    kinds = (Channel, BankAccount, LedgerSystem)
    for kind in kinds:
        found: Source | None = kind.objects.filter(code=code).first()
        if found is not None:
            return found
    known = {one for kind in kinds for one in kind.objects.values_list("code", flat=True)}
    raise UnknownSource(
        f"expected a channel, bank account or ERP out of {', '.join(sorted(known))}, got {code!r}"
    )


def formats_for(source: Source) -> tuple[StatementFormat, ...]:
    """The layouts a source may send."""
    if isinstance(source, LedgerSystem):
        return (postings_format(source.settings),)
    if isinstance(source, BankAccount):
        own = mappings.live_format(source)
        return (*FORMATS.values(), *([own] if own else []))
    return registry.formats_of(source.adapter, source.settings)


def load(
    source: Source,
    stream: BinaryIO,
    *,
    name: str,
    by: "User | None" = None,
    format_code: str = "",
    corrects: StatementFile | None = None,
) -> StatementFile:
    """Load one file. Answers its row: loaded, waiting for a second person, or refused.

    Raises AlreadyLoaded or AlreadyWaiting for bytes we have. A file that ``corrects`` another is
    loaded whole, brings the rows of it that were set aside, and nothing beside them.
    """
    kept = _keep(stream)
    file = _row(source, kept, name=name, by=by)
    _refuse_known(file)
    asked = _Asked(source=source, path=kept.path, by=by, format_code=format_code, corrects=corrects)
    try:
        with transaction.atomic():
            _take_turn(file)
            _load(file, asked)
            chargebacks.tell_disputes(file)
    except _Strange as strange:
        return _let_wait(file, asked, strange)
    except (Malformed, intake.ChangedLine) as error:
        return _refused(file, asked, str(error))
    return file


def release(file: StatementFile, *, checker: "User", answer: str = "") -> StatementFile:
    """Load a file that waited, exactly as it was handed in; a second person says so.

    What cannot be loaded any more is refused, as when it comes.
    """
    asked = _Asked(
        source=source_of_file(file),
        path=path_of(file),
        by=file.loaded_by,
        format_code=file.format,
        is_released=True,
    )
    try:
        with transaction.atomic():
            doubts.answer(file, to=Doubt.State.RELEASED, checker=checker, words=answer)
            waiting = StatementFile.objects.select_for_update().get(pk=file.pk)
            _take_turn(waiting)
            _refuse_other_bytes(waiting, asked.path)
            _load(waiting, asked)
            chargebacks.tell_disputes(waiting)
    except (Malformed, intake.ChangedLine) as error:
        with transaction.atomic():
            doubts.answer(file, to=Doubt.State.RELEASED, checker=checker, words=answer)
            return _refuse_waiting(file, problem=str(error), by=checker)
    return waiting


@transaction.atomic
def refuse(file: StatementFile, *, checker: "User", answer: str) -> StatementFile:
    """Refuse a file that waits, with why; nothing of it was in the books."""
    doubt = doubts.answer(file, to=Doubt.State.REFUSED, checker=checker, words=answer)
    problem = f"{checker.username}: {doubt.answer}"
    return _refuse_waiting(file, problem=problem, by=checker)


def _refuse_waiting(file: StatementFile, *, problem: str, by: "User") -> StatementFile:
    waiting = StatementFile.objects.select_for_update().get(pk=file.pk)
    waiting.state, waiting.problem = StatementFile.State.REFUSED, problem
    waiting.save(update_fields=["state", "problem"])
    after = {"name": waiting.name, "problem": problem}
    audit.record(by, "statement.refused", waiting, after=after)
    return waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One file as it was handed in, and what is agreed with its source."""

    source: Source
    path: Path
    by: "User | None"
    format_code: str = ""
    corrects: StatementFile | None = None
    is_released: bool = False

    @property
    def sets_rows_aside(self) -> bool:
        """Whether a row that cannot be taken leaves the others in peace."""
        return self.source.file_policy == FileSource.Policy.ROW and self.corrects is None

    @property
    def is_compared(self) -> bool:
        """Whether it must look like the last files of its source."""
        return self.source.file_compared and not self.is_released and self.corrects is None


class _Strange(Exception):
    """The file looks unlike its last ones; nothing of it stays in the books."""

    def __init__(self, reasons: Sequence[Reason], profile: Profile) -> None:
        super().__init__()
        self.reasons = reasons
        self.profile = profile


def _let_wait(file: StatementFile, asked: _Asked, strange: _Strange) -> StatementFile:
    """What was read of it is told on its page; the lines are not in the books."""
    file.pk, file.state = None, StatementFile.State.WAITING
    file.added_count = 0
    try:
        with transaction.atomic():
            file.save()
            doubts.raise_against(
                file, reasons=strange.reasons, profile=strange.profile, by=asked.by
            )
    except IntegrityError:  # the same bytes came twice at once
        _refuse_known(file)
        raise
    return file


def _refused(file: StatementFile, asked: _Asked, problem: str) -> StatementFile:
    refused = StatementFile(
        channel=file.channel,
        bank_account=file.bank_account,
        ledger=file.ledger,
        sha256=file.sha256,
        name=file.name,
        version=file.version,
        size=file.size,
        format=file.format,
        state=StatementFile.State.REFUSED,
        problem=problem,
        refusals=file.refusals,
        loaded_by=asked.by,
    )
    with transaction.atomic():
        refused.save()
        after = {"name": file.name, "problem": problem}
        audit.record(asked.by or "command", "statement.refused", refused, after=after)
    return refused


def _take_turn(file: StatementFile) -> None:
    """One load of a source at a time; who waited looks again what is loaded."""
    locks.wait_patiently()
    source = file.source
    if source is not None:
        type(source).objects.select_for_update(no_key=True).get(pk=source.pk)
    _refuse_known(file)
    file.version = _version_of(file)


def _refuse_known(file: StatementFile) -> None:
    known = StatementFile.objects.filter(
        channel=file.channel,
        bank_account=file.bank_account,
        ledger=file.ledger,
        sha256=file.sha256,
        state__in=[StatementFile.State.LOADED, StatementFile.State.WAITING],
    )
    found = known.exclude(pk=file.pk).order_by("state").first()
    if found is None:
        return
    raise (AlreadyLoaded if found.state == StatementFile.State.LOADED else AlreadyWaiting)(found)


def _refuse_other_bytes(file: StatementFile, path: Path) -> None:
    """What is released is what was handed in, to the bit."""
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        found = ""
    if found != file.sha256:
        raise Malformed("the bytes that were kept are not those that were handed in")


def _version_of(file: StatementFile) -> int:
    earlier = StatementFile.objects.filter(
        channel=file.channel,
        bank_account=file.bank_account,
        ledger=file.ledger,
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


def _row(source: Source, kept: _Kept, *, name: str, by: "User | None") -> StatementFile:
    row = StatementFile(
        channel=source if isinstance(source, Channel) else None,
        bank_account=source if isinstance(source, BankAccount) else None,
        ledger=source if isinstance(source, LedgerSystem) else None,
        sha256=kept.sha256,
        name=Path(name).name[:200],
        size=kept.size,
        state=StatementFile.State.LOADED,
        loaded_by=by,
    )
    row.version = _version_of(row)
    return row


def _load(file: StatementFile, asked: _Asked) -> None:
    with asked.path.open("rb") as stream:
        layout = _layout(asked.source, stream, format_code=asked.format_code)
        file.format = layout.code
        file.state, file.loaded_at = StatementFile.State.LOADED, now()
        file.save()  # its number goes into the entries; a refusal takes it back
        reading, added = _read(file, asked, layout=layout, stream=stream)
    _refuse_unread(file, reading)
    aside = _set_aside(reading, added)
    net_left_out = [one.net_paise for one in added.restated]
    file.line_count, file.added_count = added.lines, added.new
    file.told_count, file.quarantined_count = reading.told, len(aside)
    file.quarantined_paise = reading.gap_paise(net_left_out)
    file.credit_paise = reading.credit_paise - sum(net for net in net_left_out if net > 0)
    file.debit_paise = reading.debit_paise + sum(net for net in net_left_out if net < 0)
    profile = reading.watch.profile(sum_paise=reading.credit_paise + reading.debit_paise)
    if asked.is_compared and (reasons := reasons_against(asked.source, profile)):
        raise _Strange(reasons, profile)
    file.save()
    quarantine.set_aside(file, aside)
    if asked.corrects is None:
        profile.kept_for(file).save()
    else:  # a few rows are no picture of what the source sends
        _mend(file, asked.corrects, by=asked.by)
    audit.record(
        asked.by or "command",
        "statement.loaded",
        file,
        after={
            "name": file.name,
            "lines": added.lines,
            "new": added.new,
            "set_aside": len(aside),
            "sha256": file.sha256,
        },
    )


def _read(
    file: StatementFile, asked: _Asked, *, layout: StatementFormat, stream: BinaryIO
) -> tuple["_Reading", intake.Added]:
    """Take the lines into the books; twice, where they turn out to be a part of a cut day."""
    mark = transaction.savepoint()
    reading, added = _take(file, asked, layout.read(stream), before={})
    file.opening_paise, file.closing_paise = reading.opening_paise, reading.closing_paise
    file.covers_from, file.covers_to = reading.first, reading.last
    before: Mapping[str, int] = {}
    if added.new < added.lines and reading.statements == 1 and not reading.refusals:
        skipped = reading.credit_paise - reading.debit_paise - intake.sum_of(file)
        before = cut_days.counted_before(
            file, skipped_paise=skipped, amounts=lambda: _amounts(layout, stream)
        )
    if before:
        transaction.savepoint_rollback(mark)
        stream.seek(0)
        reading, added = _take(file, asked, layout.read(stream), before=before)
    else:
        transaction.savepoint_commit(mark)
    return reading, added


def _take(
    file: StatementFile,
    asked: _Asked,
    statements: Iterator[Statement],
    *,
    before: Mapping[str, int],
) -> tuple["_Reading", intake.Added]:
    reading = _Reading(file=file, source=asked.source, sets_aside=asked.sets_rows_aside)
    if isinstance(asked.source, Channel):
        texts = reading.texts(statements, asked.source)
        added = intake.add_texts(texts, is_computed=True, leaves_out_restated=asked.sets_rows_aside)
        return reading, added
    entries = reading.entries(statements)
    added = intake.add_entries(
        cut_days.counted_on(entries, before) if before else entries,
        leaves_out_restated=asked.sets_rows_aside,
    )
    return reading, added


def _amounts(layout: StatementFormat, stream: BinaryIO) -> Iterator[int]:
    stream.seek(0)
    for statement in layout.read(stream):
        for line in statement.lines:
            yield line.amount_paise


def _refuse_unread(file: StatementFile, reading: "_Reading") -> None:
    """Refuse what must not be taken in part: by policy, or because no row alone is at fault."""
    refusals = reading.refusals
    file.refusals = [
        {"line": one.line, "problem": one.problem} for one in refusals[:REFUSALS_SHOWN]
    ]
    whole = [one for one in refusals if one.text is None]
    if refusals and (whole or not reading.sets_aside or not reading.watch.count):
        first = (whole or refusals)[0] if reading.sets_aside else refusals[0]
        raise Malformed(
            f"{len(refusals)} lines cannot be read, the first is line {first.line}: {first.problem}"
        )


def _set_aside(reading: "_Reading", added: intake.Added) -> list[quarantine.BadRow]:
    unread = [quarantine.BadRow(one.line, one.problem, one.text or "") for one in reading.refusals]
    restated = [
        quarantine.BadRow(one.line, str(one), one.key, one.came_paise) for one in added.restated
    ]
    return sorted(unread + restated)


def _mend(file: StatementFile, corrected: StatementFile, *, by: "User | None") -> None:
    """A corrected file is the old one again, or its bad rows alone; it may add those rows only."""
    rows = quarantine.open_of(corrected)
    if not rows:
        raise Malformed("no row of that file waits to be corrected")
    if file.line_count not in {corrected.told_count, len(rows)}:
        raise Malformed(
            f"expected the whole file with {corrected.told_count} lines, or its {len(rows)} rows "
            f"that were set aside, got {file.line_count} lines"
        )
    if file.added_count > len(rows):
        raise Malformed(
            f"expected at most {len(rows)} new lines, got {file.added_count}: "
            "lines that were taken from the old file are written otherwise in this one"
        )
    quarantine.mend(rows, by_file=file, by=by)


def _layout(source: Source, stream: BinaryIO, *, format_code: str) -> StatementFormat:
    formats = formats_for(source)
    if not formats:
        raise Malformed(f"{source.code} sends no files that we read")
    if format_code:
        for layout in formats:
            if layout.code == format_code:
                return layout
        if isinstance(source, BankAccount):
            approved = mappings.approved_format(source, format_code)
            if approved is not None:
                return approved
        raise Malformed(
            f"expected a format out of {', '.join(f.code for f in formats)}, got {format_code!r}"
        )
    head = head_of(stream)
    if head.startswith(b"PK\x03\x04") and len(formats) == 1:
        return formats[0]
    try:
        return sniff(head, among=formats)
    except Malformed:
        # Of its own table a bank tells no mark: what is no known layout is read by its mapping.
        if isinstance(source, BankAccount) and formats[-1].code not in FORMATS:
            return formats[-1]
        raise


@dataclass(slots=True)
class _Reading:
    """The sums and bounds of a file, gathered while its lines stream into the books."""

    file: StatementFile
    source: Source
    credit_paise: int = 0
    debit_paise: int = 0
    opening_paise: int | None = None
    closing_paise: int | None = None
    first: date | None = None
    last: date | None = None
    refusals: list[Refusal] = field(default_factory=list)
    statements: int = 0
    sets_aside: bool = False
    gaps: list[int | None] = field(default_factory=list)  # what lost rows must come to
    watch: Watch = field(default_factory=Watch)
    # Asked for here, because lines are turned into entries on a thread without the database.
    holidays: Collection[date] = field(default_factory=known_holidays)

    def entries(self, statements: Iterator[Statement]) -> Iterator[NewEntry]:
        for statement in statements:
            self.statements += 1
            count, net_paise = 0, 0
            for entry in self._entries_of(statement):
                count += 1
                net_paise += entry.net_paise
                yield entry
            self._end(statement, net_paise=net_paise, count=count)

    def texts(self, statements: Iterator[Statement], channel: Channel) -> Iterator[intake.Text]:
        """The same as COPY takes it; by columns where the layout can."""
        for statement in statements:
            blocks = statement.blocks() if statement.blocks else None
            if blocks is None:
                yield from intake.texts_of(self.entries(iter([statement])))
            else:
                yield from self._by_columns(statement, blocks, channel)

    def _by_columns(
        self, statement: Statement, blocks: Iterator[Block], channel: Channel
    ) -> Iterator[intake.Text]:
        self.statements += 1
        count, before = 0, self.credit_paise - self.debit_paise
        columns = ChannelColumns(channel, file_id=self.file.pk, holidays=self.holidays)
        for block in blocks:
            if block.frame.height:
                self._look_at(block.frame)
                yield intake.text_of(columns.entries(block.frame))
            rest = self._watched(self.watch.over(block.rest))
            yield from intake.texts_of(
                _channel_entries(
                    rest, channel=channel, file_id=self.file.pk, holidays=self.holidays
                )
            )
            count += block.frame.height + len(block.rest)
        net_paise = self.credit_paise - self.debit_paise - before
        self._end(statement, net_paise=net_paise, count=count)

    def _look_at(self, frame: "pl.DataFrame") -> None:
        """What ``_watched`` sees, of many lines at once."""
        self.watch.over_columns(frame)
        seen = sums_of(frame)
        self.credit_paise += seen.credit_paise
        self.debit_paise += seen.debit_paise
        self.first = min((day for day in (self.first, seen.first) if day), default=None)
        self.last = max((day for day in (self.last, seen.last) if day), default=None)

    def _end(self, statement: Statement, *, net_paise: int, count: int) -> None:
        """What a statement says of itself, held against what was read of it."""
        self.refusals += statement.refusals
        if not statement.refusals:
            self._prove(statement.page, net_paise=net_paise, count=count)
        elif self.sets_aside:
            lost = len(statement.refusals)
            self._prove_rest(statement.page, net_paise=net_paise, count=count + lost)

    @property
    def told(self) -> int:
        """How many lines stand in the file, those that cannot be read too."""
        return self.watch.count + len(self.refusals)

    def gap_paise(self, known: Sequence[int]) -> int | None:
        """What the rows that were set aside come to, where balances or they themselves tell it."""
        gaps = [gap for gap in self.gaps if gap is not None]
        return None if len(gaps) < len(self.gaps) else sum(gaps) + sum(known)

    def _entries_of(self, statement: Statement) -> Iterator[NewEntry]:
        lines = self._watched(self.watch.over(statement.lines))
        if isinstance(self.source, LedgerSystem):
            yield from Postings(self.source, self.file.pk).entries(lines)
        elif isinstance(self.source, BankAccount):
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

    def _prove(self, page: Page, *, net_paise: int, count: int) -> None:
        problem = prove(page, net_paise, lines_count=count)
        if problem:
            raise Malformed(problem)
        self._note(page)

    def _prove_rest(self, page: Page, *, net_paise: int, count: int) -> None:
        """What is left without the lost rows proves everything but their sum, and tells that."""
        gap = None
        if page.opening_paise is not None and page.closing_paise is not None:
            gap = page.closing_paise - page.opening_paise - net_paise
        elif page.declared_paise is not None:
            gap = page.declared_paise - net_paise
        self.gaps.append(gap)
        self._prove(page, net_paise=net_paise + (gap or 0), count=count)

    def _note(self, page: Page) -> None:
        if isinstance(self.source, BankAccount):
            self._check_account(self.source, page)
        if not isinstance(self.source, Channel):
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


_MOMENTS_KEPT: Final = 100_000


def _channel_entries(
    lines: Iterator[StatementLine], *, channel: Channel, file_id: int, holidays: Collection[date]
) -> Iterator[NewEntry]:
    days_as_text: dict[date, tuple[str, str]] = {}
    moments: dict[datetime, str] = {}
    code, pk, days, book = channel.code, channel.pk, channel.credit_days, Book.CHANNEL.value
    for line in lines:
        day = line.business_date
        text = days_as_text.get(day)
        if text is None:
            text = days_as_text[day] = (str(day), str(working_day_after(day, days, holidays)))
        at = line.occurred_at
        moment = at and moments.get(at)
        if moment is None and at is not None:
            if len(moments) >= _MOMENTS_KEPT:
                moments.clear()
            moment = moments[at] = str(at)
        kind = KINDS[line.kind]
        # By position: this runs a million times for a large report. The order is NewEntry's.
        yield NewEntry(
            book, kind.value, pk, None, file_id, line.line, f"{code}:{line.key}", *text,
            moment, line.amount_paise, line.fee_paise, line.tax_paise,
            line.amount_paise - line.fee_paise - line.tax_paise,
            line.reference, line.channel_ref, line.order_ref, line.original_ref,
            line.settlement_ref, "", line.utr.upper(), line.rrn, line.instrument,
            line.consumer_number, line.method, line.network, line.code, line.narration,
            kind in NEED_A_RECEIPT, True,
        )  # fmt: skip
