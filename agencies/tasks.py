"""What the timetable does for agencies."""

from celery import shared_task

from agencies import actions
from agencies.models import Nonce
from cspdcl.kernel.clock import now


@shared_task
def end_holds() -> None:
    """Let unconfirmed payments run out. May run twice: an ended hold is no hold any more."""
    actions.end_holds()


@shared_task
def forget_nonces() -> None:
    """Remove nonces whose requests are too old to be accepted anyway."""
    Nonce.objects.filter(expires_at__lt=now()).delete()
