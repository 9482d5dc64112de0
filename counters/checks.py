"""Surprise checks: somebody else counts a drawer or the safe now; the sheet is kept as it was."""

from collections.abc import Mapping
from typing import ClassVar, Final

from django.db import transaction
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from counters import days, safe, seconds, shifts
from counters.models import Shift, SurpriseCheck
from counters.paper.cash import DENOMINATIONS, Denominations
from counters.states import ShiftState
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from cspdcl.ui import paper
from people import audit
from people.models import Office, User
from people.roles import AUDITOR, FINANCE, SUPERVISOR

CHECKERS: Final = (SUPERVISOR, AUDITOR, *FINANCE)


class NotChecked(DomainError):
    """There is nothing to check."""

    code: ClassVar[str] = "not_checked"


@transaction.atomic
def check_drawer(
    shift: Shift, *, by: User, counted: Mapping[str, object], words: str = ""
) -> SurpriseCheck:
    """Keep what somebody else counted in a drawer, beside what it must hold at this moment."""
    held = shifts.held(shift)
    office = held.counter.office
    seconds.check_second(by, office=office, roles=CHECKERS, but=[held.clerk_id])
    if held.state == ShiftState.CLOSED:
        raise NotChecked(_("This shift is closed: its drawer is empty."))
    notes = Denominations.read(counted, on=today())
    return _keep(
        SurpriseCheck(
            office_day=held.office_day, shift=held, expected_paise=shifts.expected_cash(held)
        ),
        notes,
        by=by,
        words=words,
        office=office,
    )


@transaction.atomic
def check_safe(
    office: Office, *, by: User, counted: Mapping[str, object], words: str = ""
) -> SurpriseCheck:
    """The same for the safe of an office."""
    seconds.check_role(by, office=office, roles=CHECKERS)
    day = days.office_day(office, on=today(), lock="update")
    notes = Denominations.read(counted, on=today())
    check = SurpriseCheck(office_day=day, expected_paise=safe.held_position(office))
    return _keep(check, notes, by=by, words=words, office=office)


def sheet(check: SurpriseCheck) -> bytes:
    """The sheet of a check as PDF, A4, with room for two signatures."""
    html = render_to_string("counters/check_pdf.html", {"check": check, "lines": lines(check)})
    return paper.pdf(html, title=f"check {check.public_id}")


def lines(check: SurpriseCheck) -> list[dict[str, object]]:
    """What was counted: each note or coin, how many, and what they are worth."""
    return lines_of(check.denominations)


def lines_of(counted: Mapping[str, int]) -> list[dict[str, object]]:
    """The rows of a kept count, the largest first."""
    return [
        {"one": one, "count": counted[key], "paise": one.paise * counted[key]}
        for key, one in DENOMINATIONS.items()
        if counted.get(key)
    ]


def _keep(
    check: SurpriseCheck, notes: Denominations, *, by: User, words: str, office: Office
) -> SurpriseCheck:
    check.denominations = notes.as_json()
    check.counted_paise = notes.paise
    check.words = words.strip()[:400]
    check.by = by
    check.save(force_insert=True)
    facts = {"counted_paise": check.counted_paise, "expected_paise": check.expected_paise}
    audit.record(
        by, "drawer.checked" if check.shift else "safe.checked", check, after=facts, office=office
    )
    return check
