"""Rows of files that could not be taken: set aside, and then mended or dismissed by two persons."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from channels_.models import StatementFile
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from people import audit
from people.access import has_role
from people.models import User
from people.roles import FINANCE, FINANCE_APPROVER
from sources.doubts import NoAnswer, NotYourAnswer
from sources.models import QuarantinedRow

STATE: Final = QuarantinedRow.State
REASON_MAX: Final = 300


class RowsMoved(DomainError):
    """Some of the rows are not in the state any more in which the person saw them."""

    code: ClassVar[str] = "rows_moved"


class BadRow(NamedTuple):
    """A row that could not be taken."""

    line: int
    problem: str
    text: str = ""
    amount_paise: int | None = None


def set_aside(file: StatementFile, rows: Sequence[BadRow]) -> None:
    """Keep the rows of a file beside what was loaded of it; inside the load's transaction."""
    QuarantinedRow.objects.bulk_create(
        QuarantinedRow(file=file, position=position, **row._asdict())
        for position, row in enumerate(rows, start=1)
    )


@transaction.atomic
def propose_dismissal(
    file: StatementFile, positions: Iterable[int], *, reason: str, maker: User
) -> int:
    """Propose that rows are no money of ours, with why; says how many."""
    person = User.objects.get(pk=maker.pk)
    if not has_role(person, *FINANCE):
        raise NotYourAnswer(_("Finance decides about rows that were set aside."))
    if not reason.strip():
        raise NoAnswer(_("Say why these rows are not needed."))
    rows = _locked(file, positions, state=STATE.OPEN)
    for row in rows:
        row.state, row.maker, row.reason = STATE.PROPOSED, person, reason.strip()[:REASON_MAX]
        row.checker, row.answer, row.moved_at = None, "", now()
    return _saved(file, rows, by=person, what="dismissal_proposed", words=reason)


@transaction.atomic
def answer_dismissal(
    file: StatementFile, positions: Iterable[int], *, approves: bool, answer: str, checker: User
) -> int:
    """Dismiss what another person proposed, or set it back with why; says how many."""
    person = User.objects.get(pk=checker.pk)
    if not has_role(person, FINANCE_APPROVER):
        raise NotYourAnswer(_("A finance approver answers a proposal."))
    if not approves and not answer.strip():
        raise NoAnswer(_("Say why: the maker reads it."))
    rows = _locked(file, positions, state=STATE.PROPOSED)
    if any(row.maker_id == person.pk for row in rows):
        raise NotYourAnswer(_("Who proposed it does not approve it."))
    for row in rows:
        row.state = STATE.DISMISSED if approves else STATE.OPEN
        row.checker, row.answer, row.moved_at = person, answer.strip()[:REASON_MAX], now()
    what = "rows_dismissed" if approves else "dismissal_rejected"
    return _saved(file, rows, by=person, what=what, words=answer)


def open_of(file: StatementFile) -> list[QuarantinedRow]:
    """The rows that a corrected file may bring, locked; also those whose dismissal waits."""
    rows = QuarantinedRow.objects.select_for_update().filter(
        file=file, state__in=[STATE.OPEN, STATE.PROPOSED]
    )
    return list(rows.order_by("position"))


def mend(rows: Sequence[QuarantinedRow], *, by_file: StatementFile, by: User | None) -> None:
    """They came in a corrected file; inside its load's transaction."""
    for row in rows:
        row.state, row.mended_by, row.moved_at = STATE.MENDED, by_file, now()
    QuarantinedRow.objects.bulk_update(rows, ["state", "mended_by", "moved_at"])
    audit.record(
        by or "command",
        "statement.rows_mended",
        ("statementfile", rows[0].file.sha256),
        after={"rows": len(rows), "by": by_file.sha256},
    )


def _locked(
    file: StatementFile, positions: Iterable[int], *, state: QuarantinedRow.State
) -> list[QuarantinedRow]:
    wanted = set(positions)
    rows = list(
        QuarantinedRow.objects.select_for_update()
        .filter(file=file, position__in=wanted, state=state)
        .order_by("position")
    )
    if not wanted:
        raise RowsMoved(_("Choose at least one row."))
    if len(rows) != len(wanted):
        raise RowsMoved(_("Somebody has moved some of these rows; look again."))
    return rows


def _saved(
    file: StatementFile, rows: list[QuarantinedRow], *, by: User, what: str, words: str
) -> int:
    fields = ["state", "maker", "reason", "checker", "answer", "moved_at"]
    QuarantinedRow.objects.bulk_update(rows, fields)
    audit.record(
        by,
        f"statement.{what}",
        ("statementfile", file.sha256),
        after={"rows": [row.position for row in rows], "words": words.strip()},
    )
    return len(rows)
