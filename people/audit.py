"""The record of what people and configuration changed: written with the change, sealed afterwards.

``record`` adds an event in the caller's transaction. ``seal`` chains what is committed, by a
function in the database (migration 0002). ``anchor`` signs where the chain stands and appends it
to a file that should leave this host. people/audit_verify.py recomputes all of it.
"""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import Model

from cspdcl.kernel.clock import now
from people.models import AuditAnchor, AuditEvent, AuditHead, Office, User

SYSTEM: Final = "system"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Json = Mapping[str, Any]


# ---- writing ----


def record(
    actor: User | str,
    action: str,
    obj: Model | tuple[str, str],
    *,
    before: _Json | None = None,
    after: _Json | None = None,
    office: Office | None = None,
) -> AuditEvent:
    """Add an event in the caller's transaction. Payloads hold ids and words, no personal data."""
    object_type, object_id = name_of(obj)
    payload = {
        name: _plain(facts) for name, facts in (("before", before), ("after", after)) if facts
    }
    return AuditEvent.objects.create(
        actor=actor.username if isinstance(actor, User) else actor,
        action=action,
        object_type=object_type,
        object_id=object_id,
        office=office,
        payload=payload,
    )


def name_of(obj: Model | tuple[str, str]) -> tuple[str, str]:
    """Type and reference of a thing, as the trail and all that speaks of it call it."""
    if isinstance(obj, tuple):
        return obj
    for field in ("reference", "code", "username", "prefix", "public_id"):
        if hasattr(obj, field):
            return type(obj).__name__.lower(), str(getattr(obj, field))
    return type(obj).__name__.lower(), str(obj.pk)


def _plain(value: Any) -> Any:
    """What JSON holds exactly: texts, whole numbers, yes and no; all else as its text."""
    if isinstance(value, Mapping):
        return {_told(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int):
        return value
    return _told(value)


def _told(value: Any) -> str:
    """The text of a thing without what the database cannot keep: NUL, half characters."""
    return str(value).replace("\0", "").encode(errors="replace").decode()


# ---- sealing and anchoring ----


def seal(limit: int = 10_000) -> int:
    """Chain up to ``limit`` committed events and say how many. Two at once take turns."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_seal(%s)", [limit])
        return int(cursor.fetchone()[0])


def anchor() -> AuditAnchor | None:
    """Seal, then sign where the chain stands; None when nothing was added since the last time."""
    while seal():
        pass
    with transaction.atomic():
        head = AuditHead.objects.select_for_update().filter(pk=1).first()
        latest = AuditAnchor.objects.order_by("-seq").first()
        if head is None or head.seq == 0 or (latest and latest.seq >= head.seq):
            return None
        at, digest = now(), bytes(head.hash)
        signature = _signing_key().sign(statement_of(head.seq, digest, at))
        made = AuditAnchor.objects.create(
            seq=head.seq, hash=digest, at=at, key_id=key_id(), signature=signature
        )
        # The file first, then the commit: a copy too many is harmless, one too few is a gap.
        _append(made)
    return made


def key_id() -> str:
    """The name of today's signing key: the head of its public key's digest."""
    return _name(_signing_key().public_key())


def public_key() -> str:
    """The key that proves our anchors, in base64, for whoever keeps copies of them."""
    return base64.b64encode(_raw(_signing_key().public_key())).decode()


def public_keys() -> Mapping[str, Ed25519PublicKey]:
    """Every key whose anchors are believed, by name: today's and the older ones of the settings."""
    older = [base64.b64decode(text) for text in settings.AUDIT_OLD_PUBLIC_KEYS]
    keys = [_signing_key().public_key(), *map(Ed25519PublicKey.from_public_bytes, older)]
    return {_name(key): key for key in keys}


def sign(statement: bytes) -> bytes:
    """Sign what is no anchor by today's key; the statement says what it is in its first words."""
    return _signing_key().sign(statement)


def _signing_key() -> Ed25519PrivateKey:
    raw = base64.b64decode(settings.AUDIT_SIGNING_KEY)
    if len(raw) != 32:
        raise ImproperlyConfigured("AUDIT_SIGNING_KEY must be 32 bytes in base64")
    return Ed25519PrivateKey.from_private_bytes(raw)


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _name(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(_raw(key)).hexdigest()[:16]


def statement_of(seq: int, digest: bytes, at: datetime) -> bytes:
    """The bytes an anchor signs: how many events, the hash of the last, and when."""
    return (
        seq.to_bytes(8, "big")
        + digest
        + ((at - _EPOCH) // timedelta(microseconds=1)).to_bytes(8, "big")
    )


def _append(made: AuditAnchor) -> None:
    line = {
        "seq": made.seq,
        "hash": bytes(made.hash).hex(),
        "at": made.at.isoformat(),
        "key_id": made.key_id,
        "signature": base64.b64encode(bytes(made.signature)).decode(),
    }
    path = Path(settings.AUDIT_ANCHOR_FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as out:
        out.write(json.dumps(line) + "\n")
        out.flush()
        os.fsync(out.fileno())
