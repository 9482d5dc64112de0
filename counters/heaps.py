"""Acting on a whole list of papers: only on the one that the person has seen counted and summed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from counters import papers, registers, taking
from counters.dishonour import check_may_decide
from counters.models import Instrument, Shift
from counters.seconds import check_second
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from people import audit
from people.models import Office, User
from people.roles import SUPERVISOR

HEAP_MAX: Final = 2000


class HeapChanged(DomainError):
    """What would be acted on is not what the person has seen."""

    code: ClassVar[str] = "heap_changed"


@dataclass(slots=True)
class Done:
    """How many went, and what was refused, by the paper's number."""

    count: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


def act_on(
    rows: QuerySet[Instrument], *, act: str, by: User, seen_count: int, seen_paise: int
) -> Done:
    """Do one thing with every paper of a list; HeapChanged when it is another list by now."""
    these = list(rows.select_related("office").order_by("pk")[: HEAP_MAX + 1])
    if len(these) > HEAP_MAX:
        raise HeapChanged(_("More than %(most)s papers; narrow the list.") % {"most": HEAP_MAX})
    if (len(these), sum(paper.amount_paise for paper in these)) != (seen_count, seen_paise):
        raise HeapChanged(_("The list has changed since you saw it. Look again, then act."))
    offices: dict[int, Office] = {paper.office_id: paper.office for paper in these}
    for office in offices.values():
        check_may_decide(by, office=office)
    if act == "take":
        return _take(these, by=by)
    if act == "hand_over":
        _check_hands(these, by=by)
        moved = papers.hand_over(these, by=by, on=today(), cause="taken over by list")
    elif act == "clear":
        moved = papers.clear_papers(these, by=by, on=today(), cause="noted by list")
    else:
        raise HeapChanged(_("Nothing can be done with this list as a whole."))
    audit.record(
        by, f"papers.{act}", ("papers", act), after={"count": moved, "amount_paise": seen_paise}
    )
    return Done(count=moved)


def _check_hands(these: Sequence[Instrument], *, by: User) -> None:
    """A supervisor takes papers over from a clerk who is another.

    Else who has lost a paper could take it out of what the count of their drawer must find.
    """
    drawers = Shift.objects.filter(collections__instruments__in=these)
    clerks = set(drawers.values_list("clerk", flat=True))
    for office in {paper.office_id: paper.office for paper in these}.values():
        check_second(by, office=office, roles=(SUPERVISOR,), but=clerks)


def is_known(act: str) -> bool:
    """Whether a board offers this."""
    return any(board.act == act for board in registers.BOARDS.values())


def _take(these: Sequence[Instrument], *, by: User) -> Done:
    """Each post-dated cheque for itself: one that is refused keeps no other back."""
    done = Done()
    for paper in these:
        try:
            taking.take_held(paper, by=by)
        except DomainError as refused:
            done.refused.append((paper.number, str(refused)))
        else:
            done.count += 1
    return done
