"""Keys of agencies: made, rotated and ended; a secret is told once, to who makes it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Final

from django.db import transaction

from agencies import doors
from agencies.capabilities import EVERY
from agencies.models import Agency, AgencyKey
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from people import audit
from people.models import User

BEFORE_KEPT: Final = timedelta(hours=24)
SECRET_LEAST: Final = 24  # characters: what HMAC-SHA256 deserves


class NotKey(DomainError):
    """The key cannot be made or changed like this."""

    code: ClassVar[str] = "not_key"


@transaction.atomic
def put(
    agency: Agency,
    *,
    key_id: str,
    secret: str | None,
    capabilities: Sequence[str],
    addresses: Sequence[str],
    actor: User | str,
) -> AgencyKey:
    """Make a key, or make one what is said; another secret rotates it. Again changes nothing.

    Without a secret a key that is there keeps its own.
    """
    unknown = sorted(set(capabilities) - set(EVERY))
    if unknown or not capabilities:
        raise NotKey(f"expected capabilities of {', '.join(EVERY)}")
    try:
        doors.networks_of(addresses)
    except ValueError as error:
        raise NotKey(f"expected networks such as 203.0.113.0/24: {error}") from error
    key = AgencyKey.objects.select_for_update().filter(key_id=key_id).first()
    if (secret is None and key is None) or (secret is not None and len(secret) < SECRET_LEAST):
        raise NotKey(f"expected a secret of {SECRET_LEAST} characters or more")
    agreed = {"capabilities": list(capabilities), "addresses": list(addresses)}
    if key is None:
        key = AgencyKey.objects.create(
            agency=agency,
            key_id=key_id,
            sealed=doors.seal(str(secret), key_id=key_id),
            **agreed,
        )
        audit.record(actor, "agency_key.made", _named(key), after=agreed)
        return key
    if key.agency_id != agency.pk:
        raise NotKey(f"{key_id} is a key of another agency")
    if key.ended_at is not None:
        raise NotKey(f"{key_id} was ended; make another key")
    before = {"capabilities": key.capabilities, "addresses": key.addresses}
    if before != agreed:
        key.capabilities, key.addresses = agreed["capabilities"], agreed["addresses"]
        key.save(update_fields=["capabilities", "addresses"])
        audit.record(actor, "agency_key.changed", _named(key), before=before, after=agreed)
    if secret is not None and not _has_held(key, secret):
        _replace(key, secret, kept=BEFORE_KEPT, actor=actor)
    doors.forget()
    return key


@transaction.atomic
def rotate(key: AgencyKey, *, actor: User, kept: timedelta = BEFORE_KEPT) -> str:
    """A fresh secret, returned this once; the one before is believed for a while."""
    held = AgencyKey.objects.select_for_update().get(pk=key.pk)
    if held.ended_at is not None:
        raise NotKey(f"{held.key_id} was ended")
    secret = doors.new_secret()
    _replace(held, secret, kept=kept, actor=actor)
    doors.forget()
    return secret


@transaction.atomic
def end(key: AgencyKey, *, actor: User) -> None:
    """End a key; within seconds nobody is believed with it. Again changes nothing."""
    ended = AgencyKey.objects.filter(pk=key.pk, ended_at=None).update(
        ended_at=now(), sealed_before=None, before_until=None
    )
    if ended:
        audit.record(actor, "agency_key.ended", _named(key))
    doors.forget()


def _has_held(key: AgencyKey, secret: str) -> bool:
    """Whether this is its secret, or the one before: a file that has not heard of a rotation."""
    held = [key.sealed] if key.sealed_before is None else [key.sealed, key.sealed_before]
    return any(doors.unseal(blob, key_id=key.key_id) == secret for blob in held)


def _replace(key: AgencyKey, secret: str, *, kept: timedelta, actor: User | str) -> None:
    moment = now()
    key.sealed_before, key.before_until = key.sealed, moment + kept
    key.sealed, key.rotated_at = doors.seal(secret, key_id=key.key_id), moment
    key.save(update_fields=["sealed", "sealed_before", "before_until", "rotated_at"])
    audit.record(
        actor,
        "agency_key.rotated",
        _named(key),
        after={"before_until": key.before_until.isoformat()},
    )


def _named(key: AgencyKey) -> tuple[str, str]:
    return "agency_key", key.key_id
