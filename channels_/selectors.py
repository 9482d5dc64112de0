"""Reading channels: what came in, what was refused, what waits. Of staff with a reason only."""

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from channels_.models import BankAccount, Channel, InboundMessage, RefusalTally, StatementFile
from cspdcl.kernel.clock import day_bounds, today
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
    """A row per channel: is it live, what came today, what waits, what was refused, last file.

    Each figure is a look into an index, because the inbox holds a year of messages.
    """
    start, end = day_bounds(today())
    mine = messages_visible_to(user).filter(channel=OuterRef("pk"))
    files = files_visible_to(user).filter(channel=OuterRef("pk"))
    refused: dict[str, int] = {}
    for tally in tallies_visible_to(user).filter(day=today()):
        refused[tally.channel_code] = refused.get(tally.channel_code, 0) + tally.count
    channels = (
        channels_visible_to(user)
        .annotate(
            last_message_at=Subquery(mine.order_by("-received_at").values("received_at")[:1]),
            messages_today=_counted(mine.filter(received_at__gte=start, received_at__lt=end)),
            due=_counted(mine.filter(state=InboundMessage.State.DUE)),
            parked=_counted(mine.filter(state=InboundMessage.State.PARKED)),
            last_file_at=Subquery(files.order_by("-loaded_at").values("loaded_at")[:1]),
        )
        .order_by("position", "code")
    )
    return [
        {
            "channel": channel,
            "last_message_at": channel.last_message_at,
            "messages_today": channel.messages_today,
            "due": channel.due,
            "parked": channel.parked,
            "refused_today": refused.get(channel.code, 0),
            "last_file_at": channel.last_file_at,
        }
        for channel in channels
    ]


def parked_count() -> int:
    """How many messages were given up and wait for a person."""
    return InboundMessage.objects.filter(state=InboundMessage.State.PARKED).count()


def _counted(rows: QuerySet[InboundMessage]) -> Coalesce:
    counts = rows.order_by().values("channel").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counts), 0)


def _is_staff(user: Somebody) -> bool:
    return sees_everything(user) and not has_role(user, roles.CHANNEL)
