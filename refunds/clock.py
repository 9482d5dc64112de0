"""Notes that the payer of a failed payment has the money again: its clock stops."""

from datetime import date

from django.db import transaction

from cspdcl.kernel.clock import business_date, today
from cspdcl.kernel.errors import DomainError
from payments.models import Payment
from payments.states import State
from people import audit
from people.access import has_role
from people.models import User
from people.roles import FINANCE
from refunds.models import CameBack


class NotBack(DomainError):
    """This money cannot have come back, or not on that day, or not by this person's word."""

    code = "not_back"


@transaction.atomic
def note_back(payment: Payment, *, on: date, by: User, note: str) -> CameBack:
    """Say since when the payer has the money again. Said once; it moves no money of ours."""
    held = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
    if not has_role(by, *FINANCE):
        raise NotBack("people of finance note that money is back")
    if held.state != State.FAILED:
        raise NotBack(f"{held.reference} is {held.state}: only a failed one's money comes back")
    if not business_date(held.created_at) <= on <= today():
        raise NotBack("expected a day between the payment and today")
    if not note.strip():
        raise NotBack("say who says so")
    known = CameBack.objects.filter(payment=held).first()
    if known is not None:
        return known
    made = CameBack.objects.create(payment=held, on=on, note=note.strip(), noted_by=by)
    audit.record(
        by,
        "payment.came_back",
        held,
        after={"on": on, "note": note.strip()},
        office=held.office,
    )
    return made
