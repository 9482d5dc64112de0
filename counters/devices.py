"""Windows that may go on without a network: their keys, and the receipt numbers they hold.

A device locks itself first, then whatever its work locks: office day, shift, and so on.
"""

import base64
import hashlib
from typing import ClassVar, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.db import transaction
from django.utils.translation import gettext as _

from counters import days, seconds, shifts
from counters.models import Device, NumberRange, OfflineItem, Shift
from cspdcl.kernel.clock import financial_year, now, today
from cspdcl.kernel.errors import DomainError, Malformed
from payments import receipts
from payments.actions import lock_words
from payments.models import Counter, ReceiptSeries
from people import audit
from people.models import User
from people.roles import CLERK, SUPERVISOR

RANGE_SIZE: Final = 50
KEY_BYTES_MAX: Final = 200
_HALF: Final = 32  # bytes of r and of s in a signature as browsers make it

# Nobody knows who wrote them: they are evidence, and no money is taken from them.
UNPROVEN: Final = (OfflineItem.Problem.SIGNATURE, OfflineItem.Problem.MALFORMED)
WAITING: Final = (OfflineItem.State.PERSON, OfflineItem.State.VOID_ASKED)


class NotADevice(DomainError):
    """The window may not work offline: it is not enrolled, not approved yet, or revoked."""

    code: ClassVar[str] = "not_a_device"


class NumbersOut(DomainError):
    """Receipt numbers are still at a window; nobody can know yet which were given."""

    code: ClassVar[str] = "numbers_out"


class ItemsWait(DomainError):
    """Receipts that were given offline wait for a person."""

    code: ClassVar[str] = "items_wait"


# ---- a device ----


@transaction.atomic
def enrol(counter: Counter, *, public_key: bytes, by: User) -> Device:
    """Note the key of a window; it waits for another person. The same key twice is one device."""
    seconds.check_role(by, office=counter.office, roles=(CLERK, SUPERVISOR))
    if not counter.keeps_shifts:
        raise NotADevice(_("%(counter)s keeps no shifts.") % {"counter": counter.name})
    _read_key(public_key)
    lock_words([f"devices of counter {counter.pk}", f"device key {public_key.hex()}"])
    known = Device.objects.filter(public_key=public_key).select_related("counter__office").first()
    if known is not None:
        if known.counter_id != counter.pk:
            words = _("This window is enrolled at %(counter)s.")
            raise NotADevice(words % {"counter": known.counter.name})
        return known
    device = Device.objects.create(
        counter=counter, series=_next_series(counter), public_key=public_key, maker=by
    )
    _record(device, "device.enrolled", by=by)
    return device


@transaction.atomic
def approve(device: Device, *, by: User) -> Device:
    """A supervisor who has not enrolled it lets a window work offline."""
    held = held_device(device)
    seconds.check_second(by, office=held.counter.office, roles=(SUPERVISOR,), but=[held.maker_id])
    if held.revoked_at is not None:
        raise NotADevice(_("%(series)s is revoked for good.") % {"series": held.series})
    if held.approved_at is None:
        held.approved_at, held.checker = now(), by
        held.save(update_fields=["approved_at", "checker"])
        _record(held, "device.approved", by=by)
    return held


@transaction.atomic
def revoke(device: Device, *, by: User, reason: str) -> Device:
    """Trust a window no more: it is lost or replaced. The numbers it holds are lost with it.

    What it still sends is kept for a person. Its series is never used again.
    """
    held = held_device(device)
    seconds.check_supervises(by, office=held.counter.office)
    if held.revoked_at is not None:
        return held
    if not reason.strip():
        raise NotADevice(_("Say why."))
    held.revoked_at, held.revoked_by, held.reason = now(), by, reason.strip()
    held.save(update_fields=["revoked_at", "revoked_by", "reason"])
    held.ranges.filter(returned_at__isnull=True).update(returned_at=now(), is_lost=True)
    _record(held, "device.revoked", by=by, why=held.reason)
    return held


def held_device(device: Device) -> Device:
    """A device as it is now, locked until the commit."""
    rows = Device.objects.select_for_update(of=("self",)).select_related("counter__office")
    return rows.get(pk=device.pk)


def is_signed(device: Device, *, body: bytes, signature: bytes) -> bool:
    """Whether the window's own key has signed these bytes: ECDSA, P-256, SHA-256, r and s."""
    if len(signature) != 2 * _HALF:
        return False
    halves = [int.from_bytes(half) for half in (signature[:_HALF], signature[_HALF:])]
    try:
        _read_key(bytes(device.public_key)).verify(
            encode_dss_signature(*halves), body, ec.ECDSA(SHA256())
        )
    except InvalidSignature:
        return False
    return True


def fingerprint(device: Device) -> str:
    """The first words of the key's hash, to compare on two screens: ``3F2A 90C1 77DE``."""
    text = hashlib.sha256(bytes(device.public_key)).hexdigest()[:12].upper()
    return " ".join(text[at : at + 4] for at in range(0, 12, 4))


def content_hash(*, body: bytes, signature: bytes) -> str:
    """What the next item of a queue names as the one before it."""
    return hashlib.sha256(body + signature).hexdigest()


def decoded(text: str, *, most: int) -> bytes:
    """Bytes that came in base64; Malformed else."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Malformed("expected base64") from error
    if len(raw) > most:
        raise Malformed(f"expected at most {most} bytes, got {len(raw)}")
    return raw


def _read_key(public_key: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Malformed("expected a public key, SubjectPublicKeyInfo") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Malformed("expected a key on the curve P-256")
    return key


def _next_series(counter: Counter) -> str:
    """A series that nobody has used, nor ever will but this device."""
    place = Device.objects.filter(counter=counter).count() + 1
    while True:
        series = f"{counter.code.upper()}-T{place}"
        is_used = Device.objects.filter(series=series).exists()
        if not is_used and not ReceiptSeries.objects.filter(series=series).exists():
            return series
        place += 1


# ---- its numbers ----


@transaction.atomic
def reserve(device: Device, *, clerk: User) -> NumberRange:
    """Numbers for the clerk's open shift, from the first that was never used; refilled when low."""
    held = held_device(device)
    if not held.is_trusted:
        raise NotADevice(_("%(series)s may not work offline.") % {"series": held.series})
    days.office_day(held.counter.office, on=today())
    shift = shifts.held_open(held.counter, clerk=clerk)
    out = range_out(held)
    if out is not None and out.shift_id != shift.pk:
        raise NumbersOut(_("The numbers of an earlier shift are still out: hand them back first."))
    if out is None:
        year = financial_year(shift.office_day.business_date)
        used = receipts.last_given(held.series, year=year)
        return NumberRange.objects.create(
            device=held,
            shift=shift,
            year=year,
            first=used + 1,
            last=used + RANGE_SIZE,
            used_until=used,
        )
    if out.last < out.used_until + RANGE_SIZE:
        out.last = out.used_until + RANGE_SIZE
        out.save(update_fields=["last"])
    return out


def range_out(device: Device) -> NumberRange | None:
    """The range that a device holds at the moment."""
    rows = device.ranges.filter(returned_at__isnull=True)
    return rows.select_related("shift__office_day", "shift__clerk").first()


def check_all_came(shift: Shift) -> None:
    """Before a shift is counted: no numbers out at its window, nothing that waits for a person."""
    out = NumberRange.objects.filter(shift=shift, returned_at__isnull=True)
    found = out.select_related("device").first()
    if found is not None:
        words = _(
            "Window %(series)s still holds receipt numbers for work offline: send its queue and "
            "hand the numbers back there. If it is lost, the supervisor revokes it."
        )
        raise NumbersOut(words % {"series": found.device.series})
    count = OfflineItem.objects.filter(shift=shift, state__in=WAITING).count()
    if count:
        words = _("%(count)s receipts given offline wait for the supervisor: settle them first.")
        raise ItemsWait(words % {"count": count})


def _record(device: Device, action: str, *, by: User, why: str = "") -> None:
    facts = {"counter": device.counter.code, "series": device.series}
    audit.record(
        by,
        action,
        device,
        after={**facts, "why": why} if why else facts,
        office=device.counter.office,
    )
