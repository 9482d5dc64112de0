"""Loading a file of a channel or bank: kept by content, read as a stream, proved, then believed.

Either the whole file is in the books or nothing of it is; what was refused is recorded with why.
A source may agree that single rows are set aside instead, and a file unlike the last ones waits.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Final

from django.db import IntegrityError, transaction

from channels_ import registry
from channels_.contract import Statement, StatementFormat
from channels_.formats import FORMATS, sniff
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
from people import audit
from reconciliation import locks
from reconciliation.incoming import chargebacks, cut_days, intake, kept_files
from reconciliation.incoming.reading import Reading
from sources import doubts, mappings, quarantine
from sources.models import Doubt
from sources.profile import Profile
from sources.strange import Reason, reasons_against

if TYPE_CHECKING:
    from people.models import User

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
    kept = kept_files.keep(stream)
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
        path=kept_files.path_of(file),
        by=file.loaded_by,
        format_code=file.format,
        is_released=True,
    )
    try:
        with transaction.atomic():
            doubts.answer(file, to=Doubt.State.RELEASED, checker=checker, words=answer)
            waiting = StatementFile.objects.select_for_update().get(pk=file.pk)
            _take_turn(waiting)
            kept_files.refuse_other_bytes(waiting, asked.path)
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


def _version_of(file: StatementFile) -> int:
    earlier = StatementFile.objects.filter(
        channel=file.channel,
        bank_account=file.bank_account,
        ledger=file.ledger,
        name=file.name,
        state=StatementFile.State.LOADED,
    )
    return earlier.count() + 1


def _row(source: Source, kept: kept_files.Kept, *, name: str, by: "User | None") -> StatementFile:
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
) -> tuple[Reading, intake.Added]:
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
) -> tuple[Reading, intake.Added]:
    reading = Reading(file=file, source=asked.source, sets_aside=asked.sets_rows_aside)
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


def _refuse_unread(file: StatementFile, reading: Reading) -> None:
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


def _set_aside(reading: Reading, added: intake.Added) -> list[quarantine.BadRow]:
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
