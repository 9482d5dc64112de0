"""Reading channels: what came in, what was refused, what waits. Of staff with a reason only."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Max, Q, QuerySet

from channels_.models import BankAccount, Channel, InboundMessage, RefusalTally, StatementFile
from cspdcl.kernel.clock import day_bounds, now, today
from people import roles
from people.access import has_role, sees_everything
from people.models import User

Somebody = User | AnonymousUser

# Messages hold what payers' banks say of them: those who work on channels and who check see them.
_READ_MESSAGES: Final = (
    roles.OPERATOR,
    roles.ADMINISTRATOR,
    roles.AUDITOR,
    roles.FINANCE_OFFICER,
    roles.FINANCE_APPROVER,
)
_RECENT: Final = timedelta(days=30)


def channels_visible_to(user: Somebody) -> QuerySet[Channel]:
    """Every channel, for who has a role: their names stand on every payment."""
    return Channel.objects.all() if has_role(user, *roles.ROLES) else Channel.objects.none()


def bank_accounts_visible_to(user: Somebody) -> QuerySet[BankAccount]:
    """The company's accounts, for who sees all offices."""
    return BankAccount.objects.all() if _is_staff(user) else BankAccount.objects.none()


def messages_visible_to(user: Somebody) -> QuerySet[InboundMessage]:
    """Messages of channels, for those who work on them."""
    if has_role(user, *_READ_MESSAGES):
        return InboundMessage.objects.all()
    return InboundMessage.objects.none()


def files_visible_to(user: Somebody) -> QuerySet[StatementFile]:
    """Statement files, for who sees all offices and is no channel."""
    return StatementFile.objects.all() if _is_staff(user) else StatementFile.objects.none()


def tallies_visible_to(user: Somebody) -> QuerySet[RefusalTally]:
    """What the doors refused, for those who work on channels."""
    if has_role(user, *_READ_MESSAGES):
        return RefusalTally.objects.all()
    return RefusalTally.objects.none()


def health_rows(user: Somebody) -> list[Mapping[str, Any]]:
    """A row per channel: is it live, what came today, what waits, what was refused, last file."""
    start, end = day_bounds(today())
    recent = Q(received_at__gte=now() - _RECENT)
    counts = {
        row["channel_id"]: row
        for row in messages_visible_to(user)
        .filter(recent | Q(state__in=["due", "parked"]))
        .values("channel_id")
        .annotate(
            last_message_at=Max("received_at"),
            today=Count("pk", filter=Q(received_at__gte=start, received_at__lt=end)),
            due=Count("pk", filter=Q(state=InboundMessage.State.DUE)),
            parked=Count("pk", filter=Q(state=InboundMessage.State.PARKED)),
        )
    }
    refused: dict[str, int] = {}
    for tally in tallies_visible_to(user).filter(day=today()):
        refused[tally.channel_code] = refused.get(tally.channel_code, 0) + tally.count
    last_files = dict(
        files_visible_to(user).values_list("channel_id").annotate(last=Max("loaded_at"))
    )
    rows: list[Mapping[str, Any]] = []
    for channel in channels_visible_to(user).order_by("position", "code"):
        seen: Mapping[str, Any] = counts.get(channel.pk, {})
        rows.append(
            {
                "channel": channel,
                "last_message_at": seen.get("last_message_at"),
                "messages_today": seen.get("today", 0),
                "due": seen.get("due", 0),
                "parked": seen.get("parked", 0),
                "refused_today": refused.get(channel.code, 0),
                "last_file_at": last_files.get(channel.pk),
            }
        )
    return rows


def _is_staff(user: Somebody) -> bool:
    return sees_everything(user) and not has_role(user, roles.CHANNEL)
