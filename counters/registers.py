"""Reading papers: the register and its boards, returned ones, and the days of the law."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from counters.models import (
    ChequeBar,
    Instrument,
    LegalNotice,
    OfficePolicy,
    ReturnFile,
    ReturnLine,
)
from counters.selectors import instruments_visible_to as instruments_visible_to  # noqa: PLC0414
from counters.selectors import of_offices
from counters.states import PaperState
from cspdcl.kernel.clock import today
from cspdcl.kernel.csvsafe import csv_lines, safe_text
from cspdcl.kernel.money import rupees_from_paise
from cspdcl.kernel.workdays import working_day_after
from people.access import Somebody, has_role, offices_of, sees_everything
from people.models import Office, User
from people.roles import SUPERVISOR

WEEK: Final = timedelta(days=7)


def bars_visible_to(user: Somebody) -> QuerySet[ChequeBar]:
    """Bars of the consumers of the user's offices."""
    return of_offices(ChequeBar.objects.all(), user, "consumer__office")


def notices_visible_to(user: Somebody) -> QuerySet[LegalNotice]:
    """Legal notices of the papers of the user's offices."""
    return of_offices(LegalNotice.objects.all(), user, "instrument__office")


def return_files_visible_to(user: Somebody) -> QuerySet[ReturnFile]:
    """Every file for who sees all offices; else one's own, and those that name a paper of ours."""
    rows = ReturnFile.objects.defer("content")
    if sees_everything(user):
        return rows
    if not isinstance(user, User) or not has_role(user, SUPERVISOR):
        return rows.none()
    ours = ReturnLine.objects.filter(instrument__office__in=offices_of(user))
    return rows.filter(Q(by=user) | Q(pk__in=ours.values("file_id")))


def return_lines_visible_to(user: Somebody) -> QuerySet[ReturnLine]:
    """Lines of the user's own files, and of any file those of papers of their offices."""
    rows = ReturnLine.objects.filter(file__in=return_files_visible_to(user))
    if sees_everything(user) or not isinstance(user, User):
        return rows
    return rows.filter(Q(file__by=user) | Q(instrument__office__in=offices_of(user)))


def returns_waiting(user: User) -> int | None:
    """How many lines and returned papers wait for a person; the navigation shows it."""
    lines = return_lines_visible_to(user).filter(state=ReturnLine.State.PERSON).count()
    papers = instruments_visible_to(user).filter(state=PaperState.RETURNED).count()
    return lines + papers or None


def notices_due_count(user: User) -> int | None:
    """How many legal notices have a day within a week, or have missed one."""
    return notices_due(user).count() or None


# ---- boards ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One heap of papers that wait for somebody; ``act`` of heaps.py may be done with all of it."""

    code: str
    title: str | Promise
    tone: str
    act: str = ""
    act_label: str | Promise = ""


BOARDS: Final[Mapping[str, Board]] = {
    board.code: board
    for board in (
        Board(
            code="held",
            title=_("post-dated"),
            tone="wait",
        ),
        Board(
            code="due",
            title=_("their day has come"),
            tone="open",
            act="take",
            act_label=_("Take them now"),
        ),
        Board(
            code="with_clerk",
            title=_("with the clerks"),
            tone="wait",
            act="hand_over",
            act_label=_("Take them over"),
        ),
        Board(code="in_hand", title=_("in hand"), tone="wait"),
        Board(
            code="in_clearing",
            title=_("in clearing"),
            tone="wait",
            act="clear",
            act_label=_("Note them as cleared"),
        ),
        Board(
            code="overdue",
            title=_("overdue"),
            tone="bad",
            act="clear",
            act_label=_("Note them as cleared"),
        ),
        Board(code="returned", title=_("returned, to be decided"), tone="open"),
        Board(code="fallen", title=_("dishonoured, unpaid"), tone="bad"),
    )
}

_BY_STATE: Final = {
    "with_clerk": [PaperState.RECEIVED],
    "in_hand": [PaperState.WITH_SUPERVISOR],
    "in_clearing": [PaperState.DEPOSITED],
    "returned": [PaperState.RETURNED],
    "fallen": [PaperState.DISHONOURED, PaperState.PURSUED],
}


def on_board(rows: QuerySet[Instrument], code: str) -> QuerySet[Instrument]:
    """The papers of one board."""
    if code == "held":
        return rows.filter(state=PaperState.HELD, due_on__gt=today())
    if code == "due":
        return rows.filter(state=PaperState.HELD, due_on__lte=today())
    if code == "overdue":
        return rows.filter(_overdue())
    return rows.filter(state__in=_BY_STATE[code])


def sums(rows: QuerySet[Instrument]) -> tuple[int, int]:
    """Count and sum."""
    found = rows.aggregate(count=Count("pk"), paise=Sum("amount_paise"))
    return found["count"], found["paise"] or 0


def _overdue() -> Q:
    """Deposited, and not heard of since for longer than the office agreed on."""
    nearest = {policy.office.path: policy for policy in _policies()}
    there = Office.objects.filter(
        pk__in=Instrument.objects.filter(state=PaperState.DEPOSITED).values("office")
    )
    by_days: dict[int, list[int]] = defaultdict(list)
    for office in there:
        above = [policy for path, policy in nearest.items() if office.path.startswith(path)]
        policy = max(above, key=lambda one: len(one.office.path), default=OfficePolicy())
        by_days[policy.clearing_days].append(office.pk)
    late = Q(pk__in=[])
    for days, offices in by_days.items():
        late |= Q(office__in=offices, deposited_on__lt=_cleared_until(days))
    return Q(state=PaperState.DEPOSITED) & late


def _policies() -> QuerySet[OfficePolicy]:
    return OfficePolicy.objects.select_related("office")


def _cleared_until(days: int) -> date:
    """What was deposited before this day has had its working days by now."""
    day = today()
    while working_day_after(day, days) >= today():
        day -= timedelta(days=1)
    return day + timedelta(days=1)


# ---- the law ----


def notices_due(user: Somebody) -> QuerySet[LegalNotice]:
    """Open notices with a day of the law within a week, or one that has passed."""
    until = today() + WEEK
    near = (
        Q(sent_on__isnull=True, notice_by__lte=until)
        | Q(cure_by__gte=today(), cure_by__lte=until)
        | Q(complaint_by__lte=until)
    )
    return notices_visible_to(user).filter(near, closed_on__isnull=True)


# ---- for a spreadsheet ----

_HEAD: Final = (
    "method", "number", "bank", "micr", "dated", "amount", "state", "office", "counter",
    "received_on", "deposited_on", "slip", "returned_on", "return_code", "consumers",
)  # fmt: skip


def as_csv(rows: QuerySet[Instrument]) -> Iterator[str]:
    """The register as the lines of a CSV file; amounts are plain rupees."""
    found = rows.annotate(consumers=Count("shares")).select_related("office", "counter", "deposit")

    def lines() -> Iterator[tuple[object, ...]]:
        yield _HEAD
        for paper in found.iterator(chunk_size=1000):
            yield _line(paper)

    return csv_lines(lines())


def _line(paper: Any) -> tuple[object, ...]:
    return (
        paper.method, safe_text(paper.number), safe_text(paper.bank_name or paper.bank_key),
        paper.micr, paper.dated or "", rupees_from_paise(paper.amount_paise), paper.state,
        safe_text(paper.office.code), safe_text(paper.counter.code), paper.received_on,
        paper.deposited_on or "", safe_text(paper.deposit.reference if paper.deposit else ""),
        paper.returned_on or "", paper.return_code, paper.consumers,
    )  # fmt: skip
