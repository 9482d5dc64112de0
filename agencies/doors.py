"""What a request of an agency needs to come in, remembered for a few seconds."""

import ipaddress
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agencies.capabilities import EVERY
from agencies.models import Agency, AgencyKey
from channels_.models import Channel
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import now
from people.models import Office

_REMEMBERED_FOR: Final = 3.0  # seconds; so long an ended key may still be heard
_REMEMBERED_MOST: Final = 1000

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Door:
    """A key that is in force, with its agency and everything a request is judged by."""

    key_pk: int
    key_id: str
    agency: Agency
    channel: Channel
    secrets: Sequence[str]  # the current one first; the one before while its time is not over
    capabilities: frozenset[str]
    networks: Sequence[Network]
    office_paths: Sequence[str]  # none: collects for every office

    def admits(self, address: str) -> bool:
        """Whether a request may come from this address."""
        if not self.networks:
            return True
        try:
            here = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(here in network for network in self.networks)

    def collects_for(self, office: Office) -> bool:
        """Whether consumers of this office may be collected for."""
        return not self.office_paths or office.path.startswith(tuple(self.office_paths))


def door(key_id: str) -> Door | None:
    """The door of a key that is in force; None for every other id."""
    known = _remembered.get(key_id)
    if known is None or known[0] < time.monotonic():
        opened = _open(key_id)
        if opened is None:
            return None  # not remembered: made-up ids shall not fill the memory
        if len(_remembered) >= _REMEMBERED_MOST:
            _remembered.clear()
        known = (time.monotonic() + _REMEMBERED_FOR, opened)
        _remembered[key_id] = known
    return known[1]


def forget() -> None:
    """Forget the remembered doors, so that a changed key or agency is seen at once."""
    _remembered.clear()


def new_key_id() -> str:
    """A fresh public name of a key."""
    return f"ak_{secrets.token_hex(8)}"


def new_secret() -> str:
    """A fresh secret: 256 random bits."""
    return secrets.token_urlsafe(32)


def seal(secret: str, *, key_id: str) -> bytes:
    """The secret encrypted, bound to the key's id: copied to another key it does not open."""
    return crypto.seal(secret.encode(), place=_place(key_id))


def unseal(blob: bytes | memoryview, *, key_id: str) -> str:
    """The secret of a key."""
    return crypto.unseal(blob, place=_place(key_id)).decode()


def networks_of(texts: Sequence[str]) -> list[Network]:
    """Networks such as 203.0.113.0/24; ValueError names the one that is none."""
    return [ipaddress.ip_network(text) for text in texts]


_remembered: dict[str, tuple[float, Door]] = {}


def _open(key_id: str) -> Door | None:
    key = (
        AgencyKey.objects.select_related("agency__channel")
        .filter(key_id=key_id, ended_at=None)
        .first()
    )
    if key is None:
        return None
    held = [unseal(key.sealed, key_id=key_id)]
    if key.sealed_before is not None and key.before_until is not None and key.before_until > now():
        held.append(unseal(key.sealed_before, key_id=key_id))
    return Door(
        key_pk=key.pk,
        key_id=key.key_id,
        agency=key.agency,
        channel=key.agency.channel,
        secrets=held,
        capabilities=frozenset(key.capabilities) & frozenset(EVERY),
        networks=networks_of(key.addresses),
        office_paths=list(key.agency.offices.values_list("path", flat=True)),
    )


def _place(key_id: str) -> str:
    return f"agencies_agencykey.sealed:{key_id}"
