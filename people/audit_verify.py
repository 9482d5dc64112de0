"""Holding the audit trail against itself and its anchors, from the rows alone.

Written apart from the functions in migration 0002 that seal it, with the same layout of bytes:
neither those functions nor the head row are believed here.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from django.conf import settings

from people import audit
from people.models import AuditAnchor, AuditEvent, AuditHead

GENESIS: Final = hashlib.sha256(b"genesis").digest()

# An event is sealed within seconds and an anchor seals first; only a transaction that stayed open
# longer than this could bring an older event after an anchor.
_LATE_AT_MOST: Final = timedelta(hours=1)
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_PAGE: Final = 2000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found. ``fault`` is the first thing wrong, in words; empty is well."""

    events: int
    sealed_to: int
    unsealed: int
    anchors: int
    fault: str

    @property
    def is_well(self) -> bool:
        """Whether nothing was found altered."""
        return not self.fault

    @property
    def sentence(self) -> str:
        """The finding as one plain sentence."""
        checked = (
            f"{self.events} events, sealed up to number {self.sealed_to}, "
            f"{self.unsealed} not yet sealed, {self.anchors} anchors checked"
        )
        return f"{checked}: {self.fault or 'nothing was altered'}."

    def as_dict(self) -> dict[str, Any]:
        """The finding for a machine."""
        return {**asdict(self), "ok": self.is_well}


@dataclass(frozen=True, slots=True)
class _Anchor:
    seq: int
    digest: bytes
    at: datetime
    key_id: str
    signature: bytes
    where: str


def verify() -> Verdict:
    """Recompute the chain from the rows, then hold it against every anchor we have."""
    anchors, anchor_fault = _read_anchors()
    chain = _Chain(anchors)
    for event in _sealed_events():
        chain.follow(event)
        if chain.fault:
            break
    fault = chain.fault or chain.ending() or anchor_fault
    sealed = AuditEvent.objects.exclude(seq=None).count()
    unsealed = AuditEvent.objects.filter(seq=None).count()
    return Verdict(
        events=sealed + unsealed,
        sealed_to=chain.seq,
        unsealed=unsealed,
        anchors=len(anchors),
        fault=fault,
    )


def _sealed_events() -> Iterator[AuditEvent]:
    """By pages, so that a year of events fits; what is sealed meanwhile is walked too."""
    last = -1
    while True:
        page = list(AuditEvent.objects.filter(seq__gt=last).order_by("seq")[:_PAGE])
        if not page and not AuditHead.objects.filter(pk=1, seq__gt=max(last, 0)).exists():
            return
        page = page or list(AuditEvent.objects.filter(seq__gt=last).order_by("seq")[:_PAGE])
        if not page:
            return
        yield from page
        last = page[-1].seq or 0


class _Chain:
    """Walks the sealed events once, in order."""

    def __init__(self, anchors: Sequence[_Anchor]) -> None:
        self.seq = 0
        self.hash = GENESIS
        self.fault = ""
        self._anchors = sorted(anchors, key=lambda one: one.seq)
        self._next = 0
        self._not_before: datetime | None = None

    def follow(self, event: AuditEvent) -> None:
        """Check one event against what stands before it."""
        seq = int(event.seq or 0)
        if seq != self.seq + 1:
            self.fault = f"event {self.seq + 1} is missing: after {self.seq} comes {seq}"
        elif bytes(event.prev_hash or b"") != self.hash:
            self.fault = f"event {seq} does not follow the event before it"
        elif bytes(event.hash or b"") != digest_of(self.hash, event):
            self.fault = f"event {seq} was altered: its content does not give its hash"
        else:
            self.seq, self.hash = seq, bytes(event.hash or b"")
            self.fault = self._dated_wrongly(event) or self._contradicted(event)

    def ending(self) -> str:
        """What is wrong at the end: events that an anchor saw, or the head row."""
        if self._next < len(self._anchors):
            gone = self._anchors[self._next]
            return (
                f"the {gone.where} of {gone.at:%Y-%m-%d %H:%M} UTC saw {gone.seq} events, "
                f"but the chain ends at {self.seq}"
            )
        head = AuditHead.objects.filter(pk=1).first()
        if head is None:
            return "the head of the chain is missing" if self.seq else ""
        if (head.seq, bytes(head.hash)) != (self.seq, self.hash):
            return f"the head stands at {head.seq}, the chain ends at {self.seq}"
        return ""

    def _dated_wrongly(self, event: AuditEvent) -> str:
        if self._not_before and event.at < self._not_before - _LATE_AT_MOST:
            return (
                f"event {event.seq} is back-dated: it says {event.at:%Y-%m-%d %H:%M} UTC, "
                f"but was sealed after the anchor of {self._not_before:%Y-%m-%d %H:%M} UTC"
            )
        if self._next < len(self._anchors):
            seen = self._anchors[self._next].at
            if event.at > seen + _CLOCKS_DIFFER:
                return f"event {event.seq} says a time after the anchor that already saw it"
        return ""

    def _contradicted(self, event: AuditEvent) -> str:
        while self._next < len(self._anchors) and self._anchors[self._next].seq == event.seq:
            anchor_here = self._anchors[self._next]
            if anchor_here.digest != self.hash:
                return (
                    f"event {event.seq} or one before it was rewritten: the {anchor_here.where} "
                    f"of {anchor_here.at:%Y-%m-%d %H:%M} UTC says otherwise"
                )
            self._not_before = anchor_here.at
            self._next += 1
        return ""


def digest_of(previous: bytes, event: AuditEvent) -> bytes:
    """The hash of an event in its place; the same bytes as the function in migration 0002."""
    return hashlib.sha256(
        b"".join(
            [
                _counted(previous),
                _int8(int(event.seq or 0)),
                _int8(event.pk),
                _int8(_micros(event.at)),
                _int8(event.office_id or 0),
                *(
                    _counted(text.encode())
                    for text in (event.actor, event.action, event.object_type, event.object_id)
                ),
                _counted(hashlib.sha256(canonical(event.payload).encode()).digest()),
            ]
        )
    ).digest()


def canonical(value: Any) -> str:
    """JSON as PostgreSQL writes a jsonb: keys by length, then bytes; ``", "`` and ``": "``."""
    if isinstance(value, Mapping):
        names = sorted(value, key=lambda name: (len(name.encode()), name.encode()))
        return "{" + ", ".join(f"{_text(name)}: {canonical(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(canonical(one) for one in value) + "]"
    return _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _counted(raw: bytes) -> bytes:
    """The length goes first, so that no byte can move from one field into the next."""
    return _int8(len(raw)) + raw


def _int8(number: int) -> bytes:
    return number.to_bytes(8, "big", signed=True)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


# ---- anchors as evidence ----


def _read_anchors() -> tuple[list[_Anchor], str]:
    """Every anchor of the table and of the file whose signature holds, and the first that fails."""
    found = [
        _Anchor(one.seq, bytes(one.hash), one.at, one.key_id, bytes(one.signature), "anchor")
        for one in AuditAnchor.objects.order_by("seq")
    ]
    from_file, fault = _anchors_in_file()
    found += from_file
    for one in found:
        if fault:
            break
        fault = _signature_fault(one)
    held = [one for one in found if not _signature_fault(one)]
    return held, fault


def _anchors_in_file() -> tuple[list[_Anchor], str]:
    path = Path(settings.AUDIT_ANCHOR_FILE)
    if not path.exists():
        if AuditAnchor.objects.exists():
            return [], f"the anchor file {path.name} is missing"
        return [], ""
    found: list[_Anchor] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(_anchor_from(json.loads(line)))
        except (ValueError, KeyError, TypeError):
            return found, f"line {number} of the anchor file {path.name} cannot be read"
    kept = {one.seq for one in found}
    for seq in AuditAnchor.objects.order_by("seq").values_list("seq", flat=True):
        if seq not in kept:
            return found, f"the anchor at {seq} is gone from the anchor file {path.name}"
    return found, ""


def _anchor_from(line: Mapping[str, Any]) -> _Anchor:
    return _Anchor(
        seq=int(line["seq"]),
        digest=bytes.fromhex(line["hash"]),
        at=datetime.fromisoformat(line["at"]),
        key_id=str(line["key_id"]),
        signature=base64.b64decode(line["signature"], validate=True),
        where="anchor in the file",
    )


def _signature_fault(one: _Anchor) -> str:
    public = audit.public_keys().get(one.key_id)
    if public is None:
        return f"the {one.where} at {one.seq} was signed by the unknown key {one.key_id}"
    try:
        public.verify(one.signature, audit.statement_of(one.seq, one.digest, one.at))
    except InvalidSignature:
        return f"the {one.where} at {one.seq} was forged: its signature does not hold"
    return ""
