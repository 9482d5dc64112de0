"""What people do to messages: let one that was given up be tried again."""

from functools import partial

from django.db import transaction

from channels_ import doorbell, queue
from channels_.models import InboundMessage
from cspdcl.kernel.errors import DomainError
from people import audit
from people.models import User


class NotParked(DomainError):
    """Only what was given up can be tried again by hand."""

    code = "not_parked"


@transaction.atomic
def replay(message_id: int, *, by: User) -> None:
    """Put a parked message back into the queue; its attempts are counted anew."""
    message = (
        InboundMessage.objects.select_for_update(of=("self",))
        .select_related("channel")
        .get(pk=message_id)
    )
    if message.state != InboundMessage.State.PARKED:
        raise NotParked("the message does not wait for a person any more")
    audit.record(
        by,
        "message.replayed",
        ("message", f"{message.channel.code}:{message.event_key}"[:80]),
        before={"state": message.state, "outcome": message.outcome},
    )
    queue.release(message_id)
    transaction.on_commit(partial(doorbell.ring))
