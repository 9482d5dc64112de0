"""Receipts given offline that could not be taken as they came: a person settles each, once.

The number on the paper stays used whatever happens: it gets its receipt, or it is void.
"""

from dataclasses import replace
from typing import ClassVar

from django.db import transaction
from django.utils.translation import gettext as _

from counters import devices, offline, seconds
from counters.models import OfflineItem
from counters.offline import Problem, Said, State
from counters.states import ShiftState
from cspdcl.kernel.clock import business_date, now
from cspdcl.kernel.errors import DomainError
from payments import receipts
from people import audit
from people.models import User
from people.roles import SUPERVISOR


class NotSettled(DomainError):
    """It cannot be settled like this."""

    code: ClassVar[str] = "not_settled"


@transaction.atomic
def take(item: OfflineItem, *, by: User, reason: str, consumer_number: str = "") -> OfflineItem:
    """Take it after all, for the consumer it names or another; the receipt gets its number."""
    held = _held(item)
    _check_may(held, by)
    if held.state != State.PERSON:
        raise NotSettled(_("This was settled already: nothing was changed."))
    if held.problem in devices.UNPROVEN or held.shift is None:
        raise NotSettled(_("Nobody can prove what it says: it can only be void."))
    if held.shift.state != ShiftState.OPEN:
        words = _(
            "Its shift is closed, and its cash was counted as over there. Take the money as a new "
            "payment, and void this number with the new receipt as the reason."
        )
        raise NotSettled(words)
    said = offline.said_by(held)
    if receipts.is_given(offline.reserved_for(held.device, said)):
        raise NotSettled(_("Another payment has this number already: it can only be void."))
    asked = offline.hand_over(held.device, _at_its_time(held, said))
    if consumer_number and consumer_number != said.consumer:
        (share,) = asked.shares
        asked = replace(asked, shares=[replace(share, consumer_number=consumer_number)])
    taken = offline.take_in(held.shift, asked=asked)
    held.state, held.collection = State.TAKEN, taken.collection
    _settle(held, by=by, reason=reason)
    return held


@transaction.atomic
def ask_void(item: OfflineItem, *, by: User, reason: str) -> OfflineItem:
    """Ask a second person to void the number: the money was given back, or is receipted anew."""
    held = _held(item)
    _check_may(held, by)
    if held.state != State.PERSON:
        raise NotSettled(_("This was settled already: nothing was changed."))
    if not reason.strip():
        raise NotSettled(_("Say why."))
    held.state, held.maker, held.reason = State.VOID_ASKED, by, reason.strip()
    held.save(update_fields=["state", "maker", "reason"])
    _record(held, by=by)
    return held


@transaction.atomic
def answer_void(item: OfflineItem, *, by: User, is_granted: bool) -> OfflineItem:
    """A second supervisor voids the number, or sends it back to the list."""
    held = _held(item)
    if held.state != State.VOID_ASKED:
        raise NotSettled(_("Nobody asked to void this: nothing was changed."))
    office = held.device.counter.office
    clerk = held.shift.clerk_id if held.shift else None
    seconds.check_second(by, office=office, roles=(SUPERVISOR,), but=[held.maker_id, clerk])
    if not is_granted:
        held.state, held.maker = State.PERSON, None
        held.save(update_fields=["state", "maker"])
        _record(held, by=by)
        return held
    held.state, held.checker, held.settled_at = State.VOID, by, now()
    held.save(update_fields=["state", "checker", "settled_at"])
    _record(held, by=by)
    return held


def _held(item: OfflineItem) -> OfflineItem:
    """The item as it is now, after its device: both locked until the commit."""
    devices.held_device(item.device)
    rows = OfflineItem.objects.select_for_update(of=("self",)).select_related(
        "device__counter__office", "shift__counter__office", "shift__office_day", "shift__clerk"
    )
    return rows.get(pk=item.pk)


def _check_may(item: OfflineItem, by: User) -> None:
    """A supervisor who did not take the money at that window."""
    clerk = item.shift.clerk_id if item.shift else None
    office = item.device.counter.office
    seconds.check_second(by, office=office, roles=(SUPERVISOR,), but=[clerk])


def _at_its_time(item: OfflineItem, said: Said) -> Said:
    """Its own time, or where that cannot be, the nearest that its numbers allow."""
    out = offline.range_of(item.device, said)
    if item.problem != Problem.CLOCK or out is None:
        return said
    near = min(max(said.taken_at, out.reserved_at), item.came_at)
    if business_date(near) != out.shift.office_day.business_date:
        near = out.reserved_at
    return replace(said, taken_at=near)


def _settle(item: OfflineItem, *, by: User, reason: str) -> None:
    item.maker, item.reason, item.settled_at = by, reason.strip(), now()
    item.save(update_fields=["state", "collection", "maker", "reason", "settled_at"])
    _record(item, by=by)


def _record(item: OfflineItem, *, by: User) -> None:
    facts = {"number": item.receipt_number, "why": item.reason}
    office = item.device.counter.office
    audit.record(by, f"offline.{item.state}", item, after=facts, office=office)
