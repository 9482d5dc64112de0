"""Secrets of channels: encrypted, rotated, and every one in force is tried."""

import secrets as chance
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from channels_.models import Channel, ChannelSecret
from channels_.registry import adapter
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import INDIA, now
from cspdcl.kernel.errors import DomainError
from people import audit
from people.models import User

# Gateways sign the retries of old events with the old secret, for a day; a week leaves room.
PREVIOUS_KEPT: Final = timedelta(days=7)
PREVIOUS_KEPT_MIN: Final = timedelta(hours=25)  # senders repeat for a day; they sign no repeat anew
PREVIOUS_KEPT_MAX: Final = timedelta(days=30)
SECRET_DAYS: Final = 365  # older is said to be old, where nothing else is agreed


class UnknownSecret(DomainError):
    """The channel's adapter has no secret of this name."""

    code = "unknown_secret"


class TooShort(DomainError):
    """The old secret would end before its sender has stopped to use it."""

    code = "too_short"


class RotationRuns(DomainError):
    """The secret before the current one is still in force, and a third would end it."""

    code = "rotation_runs"


class WentBack(DomainError):
    """The value is the one that was replaced: whoever gives it has not heard of the new one."""

    code = "secret_went_back"


@dataclass(frozen=True, slots=True)
class SecretAge:
    """One secret as people may see it: its name and ages, never its value."""

    name: str
    made_at: datetime | None  # null: there is none
    previous_until: datetime | None  # the one before it is believed until then
    is_needed: bool
    is_old: bool


@transaction.atomic
def rotate(
    channel: Channel,
    *,
    name: str,
    value: str,
    by: User | str,
    kept: timedelta = PREVIOUS_KEPT,
    ends_previous: bool = False,
) -> ChannelSecret:
    """Replace a secret while its partner still uses the old one: both are believed for a while.

    Only one old secret is kept, so a second rotation waits for the first; ``ends_previous`` ends
    the oldest now.
    """
    if not PREVIOUS_KEPT_MIN <= kept <= PREVIOUS_KEPT_MAX:
        raise TooShort(f"{channel.code}: the old secret is kept for 25 hours to 30 days")
    Channel.objects.select_for_update().get(pk=channel.pk)
    before = _rows(channel, name).filter(state=ChannelSecret.State.PREVIOUS).first()
    is_running = before is not None and before.expires_at is not None and before.expires_at > now()
    if is_running and not ends_previous:
        raise RotationRuns(f"{channel.code}: the old {name} is believed until {_until(before)}")
    return set_secret(channel, name=name, value=value, actor=by, kept=kept)


def generated() -> str:
    """A new shared secret of 256 bits."""
    return chance.token_urlsafe(32)


def cleaned(value: str) -> str:
    """A value as it was meant: browsers and terminals add ends of lines of their own."""
    return value.replace("\r\n", "\n").strip("\n")


def ages_of(channels: Sequence[Channel]) -> Mapping[int, Sequence[SecretAge]]:
    """The secrets of channels with their ages, in one query; a missing one is named too."""
    found: dict[tuple[int, str, str], ChannelSecret] = {
        (row.channel_id, row.name, row.state): row
        for row in ChannelSecret.objects.filter(channel__in=channels).defer("sealed")
    }
    return {
        channel.pk: [_age(channel, name, found) for name in names_of(channel)]
        for channel in channels
    }


@transaction.atomic
def set_secret(
    channel: Channel, *, name: str, value: str, actor: User | str, kept: timedelta = PREVIOUS_KEPT
) -> ChannelSecret:
    """Put a new secret in force; the one before it stays valid for a while, an older one goes."""
    expected = names_of(channel)
    if name not in expected:
        raise UnknownSecret(f"{channel.code}: expected one of {list(expected)}, got {name!r}")
    if not value:
        raise UnknownSecret(f"{channel.code}: the secret {name} is empty")
    Channel.objects.select_for_update().get(pk=channel.pk)
    mine = ChannelSecret.objects.filter(channel=channel, name=name)
    current = mine.filter(state=ChannelSecret.State.CURRENT).first()
    if current is not None and _open(current, channel) == value:
        return current
    previous = mine.filter(state=ChannelSecret.State.PREVIOUS).first()
    if previous is not None and _open(previous, channel) == value:
        raise WentBack(f"{channel.code}: this {name} was replaced, it is not taken back")
    if current is not None:
        mine.filter(state=ChannelSecret.State.PREVIOUS).delete()
        current.state, current.expires_at = ChannelSecret.State.PREVIOUS, now() + kept
        current.save(update_fields=["state", "expires_at"])
    made = ChannelSecret.objects.create(
        channel=channel, name=name, sealed=crypto.seal(value.encode(), place=_place(channel, name))
    )
    audit.record(
        actor,
        "channel.secret_rotated" if current else "channel.secret_set",
        channel,
        after={"name": name, "old_until": current.expires_at.isoformat()}
        if current is not None and current.expires_at is not None
        else {"name": name},
    )
    return made


def secrets_of(channel: Channel) -> Sequence[Mapping[str, str]]:
    """Every set of secrets in force, the current ones first; none when a needed one is missing.

    A spare secret that a channel does without is empty.
    """
    in_force = Q(expires_at__isnull=True) | Q(expires_at__gt=now())
    return _sets(channel, adapter(channel.adapter).secret_names, in_force)


def reading_secrets_of(channel: Channel) -> Sequence[Mapping[str, str]]:
    """Every set that a message which was believed when it came may need to be opened again."""
    return _sets(channel, adapter(channel.adapter).secret_names, Q())


def answer_secrets_of(channel: Channel) -> Sequence[Mapping[str, str]]:
    """The same for an answer to a call of ours, which may have been made before a rotation."""
    return _sets(channel, adapter(channel.adapter).call_secret_names, Q())


def _sets(channel: Channel, names: Sequence[str], which: Q) -> Sequence[Mapping[str, str]]:
    rows = list(ChannelSecret.objects.filter(which, channel=channel))
    spare = adapter(channel.adapter).spare_secret_names
    values = [
        [_open(row, channel) for row in sorted(rows, key=lambda row: row.state) if row.name == name]
        or [""] * (name in spare)
        for name in names
    ]
    return [dict(zip(names, chosen, strict=True)) for chosen in product(*values)]


def call_secrets_of(channel: Channel) -> Mapping[str, str]:
    """The current secrets that sign our calls; UnknownSecret names those that are missing."""
    known = adapter(channel.adapter)
    names, spare = known.call_secret_names, known.spare_secret_names
    rows = ChannelSecret.objects.filter(
        channel=channel, name__in=names, state=ChannelSecret.State.CURRENT
    )
    held = {row.name: _open(row, channel) for row in rows}
    missing = [name for name in names if name not in held and name not in spare]
    if missing:
        raise UnknownSecret(f"{channel.code}: no call without the secrets {missing}")
    return held


def names_of(channel: Channel) -> tuple[str, ...]:
    """Every name of a secret that the channel's adapter knows."""
    known = adapter(channel.adapter)
    return tuple(dict.fromkeys([*known.secret_names, *known.call_secret_names]))


def missing_secrets(channel: Channel) -> list[str]:
    """The names without which no message of the channel can be believed, and that are not there."""
    held = set(
        ChannelSecret.objects.filter(
            channel=channel, state=ChannelSecret.State.CURRENT
        ).values_list("name", flat=True)
    )
    known = adapter(channel.adapter)
    needed = [name for name in known.secret_names if name not in known.spare_secret_names]
    return [name for name in needed if name not in held]


def _rows(channel: Channel, name: str) -> QuerySet[ChannelSecret]:
    return ChannelSecret.objects.filter(channel=channel, name=name)


def _until(row: ChannelSecret | None) -> str:
    at = row.expires_at if row else None
    return at.astimezone(INDIA).strftime("%d-%m-%Y %H:%M") if at else "ever"


def _age(
    channel: Channel, name: str, found: Mapping[tuple[int, str, str], ChannelSecret]
) -> SecretAge:
    current = found.get((channel.pk, name, ChannelSecret.State.CURRENT))
    previous = found.get((channel.pk, name, ChannelSecret.State.PREVIOUS))
    made_at = current.created_at if current else None
    until = previous.expires_at if previous else None
    return SecretAge(
        name=name,
        made_at=made_at,
        previous_until=until if until and until > now() else None,
        is_needed=name not in adapter(channel.adapter).spare_secret_names,
        is_old=made_at is not None and now() - made_at > timedelta(days=_days(channel)),
    )


def _days(channel: Channel) -> int:
    """What was agreed, when it is a number of days at all."""
    found = channel.settings.get("secret_days", SECRET_DAYS)
    return found if type(found) is int and 0 < found < 10_000 else SECRET_DAYS


def _open(row: ChannelSecret, channel: Channel) -> str:
    return crypto.unseal(row.sealed, place=_place(channel, row.name)).decode()


def _place(channel: Channel, name: str) -> str:
    """Bound to the row it belongs to: a secret copied to another channel does not open."""
    return f"paychannels_channelsecret.sealed:{channel.code}:{name}"
