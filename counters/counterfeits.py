"""The register of counterfeit notes: impounded at the window, never given back, told to the police.

An impounded note is not money of the drawer; one that is found only at the count is a difference.
"""

import re
from datetime import date
from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from counters import seconds
from counters.models import CounterfeitNote, Shift
from counters.paper.cash import DENOMINATIONS
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from people import audit
from people.models import User
from people.roles import SUPERVISOR

NOTES: Final = tuple(int(one.key) for one in DENOMINATIONS.values() if one.form == "note")  # rupees

_SERIAL: Final = re.compile(r"[0-9A-Z]{4,12}")


class NotImpounded(DomainError):
    """The note cannot be entered like this."""

    code: ClassVar[str] = "not_impounded"


@transaction.atomic
def impound(
    shift: Shift,
    *,
    by: User,
    denomination: int,
    serial: str,
    tendered_by: str = "",
    consumer_number: str = "",
    words: str = "",
) -> CounterfeitNote:
    """Enter a note that was found false. The same note again is the same entry of its drawer."""
    if shift.clerk_id != by.pk:
        seconds.check_role(by, office=shift.counter.office, roles=(SUPERVISOR,))
    number = "".join(serial.upper().split())
    if denomination not in NOTES:
        raise NotImpounded(_("Choose the note."))
    if not _SERIAL.fullmatch(number):
        raise NotImpounded(_("Expected the number of the note: 4 to 12 letters and digits."))
    note, is_new = CounterfeitNote.objects.get_or_create(
        denomination=denomination,
        serial=number,
        defaults={
            "shift": shift,
            "tendered_by": tendered_by.strip()[:120],
            "consumer_number": consumer_number.strip()[:12],
            "words": words.strip()[:200],
            "by": by,
        },
    )
    if not is_new and note.shift_id != shift.pk:
        raise NotImpounded(_("A note of this number is in the register already."))
    if is_new:
        facts = {"denomination": denomination, "serial": number}
        audit.record(by, "counterfeit.impounded", note, after=facts, office=shift.counter.office)
    return note


@transaction.atomic
def report(note: CounterfeitNote, *, by: User, on: date, number: str) -> CounterfeitNote:
    """Keep when and under which number the police was told; once."""
    office = note.shift.counter.office
    seconds.check_role(by, office=office, roles=(SUPERVISOR,))
    held = CounterfeitNote.objects.select_for_update(of=("self",)).get(pk=note.pk)
    if held.reported_on is not None:
        raise NotImpounded(_("The police was told of it already."))
    if not number.strip() or on > today() or on < held.at.date():
        raise NotImpounded(_("Expected the number of the report and its day, since the note."))
    held.reported_on, held.report_number = on, number.strip()[:40]
    held.save(update_fields=["reported_on", "report_number"])
    facts = {"reported_on": on.isoformat(), "report_number": held.report_number}
    audit.record(by, "counterfeit.reported", held, after=facts, office=office)
    return held
