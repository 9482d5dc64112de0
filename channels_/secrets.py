"""Secrets of channels: encrypted, rotated, and every one in force is tried."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import product
from typing import Final

from django.db import transaction
from django.db.models import Q

from channels_.models import Channel, ChannelSecret
from channels_.registry import adapter
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from people import audit
from people.models import User

# Gateways sign the retries of old events with the old secret, for a day; a week leaves room.
PREVIOUS_KEPT: Final = timedelta(days=7)


class UnknownSecret(DomainError):
    """The channel's adapter has no secret of this name."""

    code = "unknown_secret"


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
        after={"name": name},
    )
    return made


def secrets_of(channel: Channel) -> Sequence[Mapping[str, str]]:
    """Every set of secrets in force, the current ones first; none when a needed one is missing.

    A spare secret that a channel does without is empty.
    """
    rows = ChannelSecret.objects.filter(channel=channel).filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=now())
    )
    known = adapter(channel.adapter)
    names, spare = known.secret_names, known.spare_secret_names
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


def _open(row: ChannelSecret, channel: Channel) -> str:
    return crypto.unseal(row.sealed, place=_place(channel, row.name)).decode()


def _place(channel: Channel, name: str) -> str:
    """Bound to the row it belongs to: a secret copied to another channel does not open."""
    return f"paychannels_channelsecret.sealed:{channel.code}:{name}"
