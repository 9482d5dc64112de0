"""What a person decides about money that nobody could tell anything of."""

from django.db import transaction

from cspdcl.kernel.errors import DomainError
from enquiries import ladder, operations, selectors
from enquiries.operations import Verdict
from enquiries.states import State
from payments import actions
from payments.models import Payment
from people import audit
from people.models import User


class NotYours(DomainError):
    """The ladder has not ended: the partner is still asked, nobody need decide."""

    code = "not_yours"


@transaction.atomic
def decide_failed(payment: Payment, *, by: User, reason: str) -> Payment:
    """No money came, says a person with the history on screen; later money is believed anyway."""
    operation = selectors.last_status(payment)
    if operation is None or operation.state != State.MANUAL:
        raise NotYours(f"{payment.reference} does not wait for a person")
    failed = actions.fail_by_hand(payment.pk, by=by, reason=reason)
    note = f"decided by {by.username}: {reason.strip()}"
    operations.settle(operation.pk, verdict=Verdict(state=State.FAILED, note=note))
    return failed


def ask_again(payment: Payment, *, by: User) -> Payment:
    """A person asks the partner now, within the budget or, where NPCI sets none, once beyond it."""
    with transaction.atomic():
        operation = ladder.give_one_more(payment)
        audit.record(by, "payment.asked_for", payment, after={"asked": operation.spent + 1})
    return ladder.ask_now(payment)
