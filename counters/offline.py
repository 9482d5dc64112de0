"""The queue of a window that was offline: each item verified, taken once, or kept for a person.

An item is the very bytes that the window signed. Whatever is wrong with it, it is kept: somebody
has handed over money and holds a paper with its number.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from channels_.contract import Method
from counters import devices
from counters.asked import CLOCKS_DIFFER, HandOver, ShareAsked, Taken
from counters.models import Device, NumberRange, OfflineItem, Shift
from counters.owing import dues_with_surcharge
from counters.taking import TenderAsked, take
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import business_date, now, today
from cspdcl.kernel.errors import DomainError, Malformed
from cspdcl.kernel.money import PAISE_MAX, grouped_rupees
from payments import receipts
from payments.models import Consumer
from people import audit
from people.models import User

ITEMS_MAX: Final = 50
BODY_MAX: Final = 4096
SIGNATURE_MAX: Final = 64
METHODS: Final = (Method.CASH, Method.CHEQUE)
PLACE: Final = "counters_offlineitem.body"

State = OfflineItem.State
Problem = OfflineItem.Problem


class NotAllCame(DomainError):
    """The window has given numbers whose items never came."""

    code: ClassVar[str] = "not_all_came"


class NotAsItWas(DomainError):
    """A receipt that was given offline cannot be kept as its paper says."""

    code: ClassVar[str] = "not_as_it_was"


@dataclass(frozen=True, slots=True)
class Envelope:
    """One item as it came."""

    body: bytes
    signature: bytes

    @property
    def content_hash(self) -> str:
        """What names it: in the next item, and when it comes again."""
        return devices.content_hash(body=self.body, signature=self.signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the signed words of one item say."""

    device: str
    sequence: int
    previous: str
    submit_key: str
    shift: str
    year: str
    number: int
    consumer: str
    name: str
    amount_paise: int
    received_paise: int
    method: Method
    instrument: str
    instrument_date: date | None
    bank_name: str
    micr: str
    taken_at: datetime


# ---- what came ----


def receive(device: Device, *, envelopes: Sequence[Envelope], by: User) -> list[OfflineItem]:
    """Take the items of a queue in their order, each in a transaction; sent again, found again."""
    return [_receive(device, envelope, by=by) for envelope in envelopes]


@transaction.atomic
def _receive(device: Device, envelope: Envelope, *, by: User) -> OfflineItem:
    held = devices.held_device(device)
    known = held.items.filter(content_hash=envelope.content_hash).select_related("collection")
    found = known.first()
    if found is not None:
        return found
    return _Judge.of(held, envelope, by=by).kept()


@dataclass(slots=True)
class _Judge:
    """One new item of a locked device, and what is found out about it."""

    device: Device
    envelope: Envelope
    by: User
    said: Said | None = None
    range: NumberRange | None = None
    is_linked: bool = False
    problem: str = ""
    words: str = ""
    taken: Taken | None = None

    @classmethod
    def of(cls, device: Device, envelope: Envelope, *, by: User) -> "_Judge":
        """Everything about it, and the money taken if nothing speaks against it."""
        judge = cls(device, envelope, by)
        judge._read()
        if judge.said is not None and not judge.problem:
            judge._place(judge.said)
        if judge.said is not None and judge.is_linked and not judge.problem:
            judge._take(judge.said)
        return judge

    def _read(self) -> None:
        body, signature = self.envelope.body, self.envelope.signature
        try:
            self.said = read(body)
        except Malformed as error:
            self._stop(Problem.MALFORMED, str(error))
        else:
            if self.said.device != str(self.device.public_id):
                self._stop(Problem.MALFORMED, _("It names another window."))
        if not devices.is_signed(self.device, body=body, signature=signature):
            self._stop(Problem.SIGNATURE)

    def _place(self, said: Said) -> None:
        """Where it stands in the chain of the device, and in its numbers."""
        self.range = range_of(self.device, said)
        if not self.device.is_trusted:
            self._stop(Problem.REVOKED)
            return
        if (said.sequence, said.previous) != (
            self.device.last_sequence + 1,
            self.device.last_hash,
        ):
            words = _("Item %(expected)s was expected, item %(came)s came.")
            facts = {"expected": self.device.last_sequence + 1, "came": said.sequence}
            self._stop(Problem.CHAIN, words % facts)
            return
        if self.range is None or self.range.returned_at or said.number != self.range.used_until + 1:
            self._stop(Problem.NUMBER)
            return
        self.is_linked = True
        self.device.last_sequence = said.sequence
        self.device.last_hash = self.envelope.content_hash
        self.device.save(update_fields=["last_sequence", "last_hash"])
        self.range.used_until = said.number
        self.range.save(update_fields=["used_until"])
        # The number is used from now on, whether its money is taken or a person must look.
        receipts.use_up(reserved_for(self.device, said))
        if not _is_then(said, self.range):
            self._stop(Problem.CLOCK)

    def _take(self, said: Said) -> None:
        shift = self.range.shift if self.range else None
        if shift is None:
            return
        asked = hand_over(self.device, said)
        self.words = _what_is_over(asked)
        try:
            self.taken = take_in(shift, asked=asked)
        except DomainError as refusal:
            self._stop(Problem.REFUSED, str(refusal))

    def _stop(self, problem: Problem, words: str = "") -> None:
        self.problem, self.words = problem.value, words

    def kept(self) -> OfflineItem:
        """The row of it."""
        said = self.said
        item = OfflineItem.objects.create(
            device=self.device,
            shift=self.range.shift if self.range else None,
            sequence=said.sequence if said else None,
            is_linked=self.is_linked,
            body=crypto.seal(self.envelope.body, place=PLACE),
            signature=self.envelope.signature,
            content_hash=self.envelope.content_hash,
            year=said.year if said else "",
            receipt_number=said.number if said else None,
            amount_paise=said.amount_paise if said else None,
            method=said.method.value if said else "",
            state=State.TAKEN if self.taken else State.PERSON,
            problem=self.problem,
            words=self.words[:300],
            collection=self.taken.collection if self.taken else None,
            taken_at=said.taken_at if said else None,
            sent_by=self.by,
        )
        if not self.taken:
            facts = {"series": self.device.series, "problem": self.problem}
            audit.record(
                self.by, "offline.kept", item, after=facts, office=self.device.counter.office
            )
        return item


def take_in(shift: Shift, *, asked: HandOver) -> Taken:
    """Take one in the shift it was taken in; DomainError, with nothing changed, when it cannot."""
    with transaction.atomic():
        (one,) = asked.tenders
        day = shift.office_day.business_date
        if one.instrument_date is not None and one.instrument_date > day:
            raise NotAsItWas(_("The cheque is of a later day, and its receipt is given."))
        (taken,) = take(shift.counter, clerk=shift.clerk, asked=[asked], shift=shift)
        if taken.refusal is not None:
            raise taken.refusal
        if not taken.is_new:
            raise NotAsItWas(_("The same hand-over was taken before."))
        return taken


def hand_over(device: Device, said: Said) -> HandOver:
    """What it asks to take. Whoever took the money does not judge it by the dues of today."""
    is_cash = said.method is Method.CASH
    return HandOver(
        submit_key=said.submit_key,
        shares=[ShareAsked(consumer_number=said.consumer, amount_paise=said.amount_paise)],
        tenders=[
            TenderAsked(
                method=said.method,
                amount_paise=said.amount_paise,
                instrument=said.instrument,
                instrument_date=said.instrument_date,
                bank_name=said.bank_name,
                micr=said.micr,
            )
        ],
        taken_at=said.taken_at,
        received_paise=said.received_paise if is_cash else None,
        reserved=reserved_for(device, said),
    )


def range_of(device: Device, said: Said) -> NumberRange | None:
    """The range that its number is from: the last of its shift that holds it."""
    rows = device.ranges.filter(shift__public_id=said.shift, year=said.year)
    spans = rows.filter(first__lte=said.number, last__gte=said.number)
    return (
        spans.select_related("shift__counter__office", "shift__clerk", "shift__office_day")
        .order_by("-pk")
        .first()
    )


def reserved_for(device: Device, said: Said) -> receipts.Reserved:
    """The number on its paper."""
    return receipts.Reserved(device.series, said.year, said.number)


def said_by(item: OfflineItem) -> Said:
    """What a kept item says; Malformed when it says nothing."""
    return read(crypto.unseal(item.body, place=PLACE))


def _is_then(said: Said, numbers: NumberRange) -> bool:
    """Whether the window can have taken it at the time it tells."""
    is_between = numbers.reserved_at <= said.taken_at <= now() + CLOCKS_DIFFER
    return is_between and business_date(said.taken_at) == numbers.shift.office_day.business_date


def _what_is_over(asked: HandOver) -> str:
    """What to tell when the bill was paid meanwhile: the rest stays as an advance."""
    (share,) = asked.shares
    consumer = Consumer.objects.filter(number=share.consumer_number).first()
    if consumer is None:
        return ""
    due = dues_with_surcharge(consumer, on=today()).to_pay()
    if share.amount_paise <= due:
        return ""
    facts = {"due": grouped_rupees(due), "over": grouped_rupees(share.amount_paise - due)}
    return _("Due was %(due)s by then: %(over)s stays as an advance.") % facts


# ---- handing the numbers back ----


@transaction.atomic
def hand_back(device: Device, *, envelope: Envelope, by: User) -> NumberRange | None:
    """End a range when all that was given of it has come; the rest begins the next range.

    The window says, signed, how far it has come. None: it holds no numbers.
    """
    held = devices.held_device(device)
    said = _read_back(held, envelope)
    out = devices.range_out(held)
    if out is None:
        return None
    sequence, previous, used_until = said
    if (sequence, previous) != (held.last_sequence, held.last_hash):
        _check_kept(held, after=held.last_sequence, until=sequence, last_hash=previous)
        if not out.used_until <= used_until <= out.last:
            raise Malformed("expected a number of the range")
        held.last_sequence, held.last_hash = sequence, previous
        held.save(update_fields=["last_sequence", "last_hash"])
        if used_until > out.used_until:
            out.used_until = used_until
            receipts.use_up(receipts.Reserved(held.series, out.year, used_until))
    elif used_until != out.used_until:
        raise NotAllCame(_("The window counts its numbers otherwise: a supervisor revokes it."))
    out.returned_at = now()
    out.save(update_fields=["used_until", "returned_at"])
    facts = {"series": held.series, "used_until": out.used_until}
    audit.record(by, "device.numbers_returned", held, after=facts, office=held.counter.office)
    return out


def _read_back(device: Device, envelope: Envelope) -> tuple[int, str, int]:
    if not devices.is_signed(device, body=envelope.body, signature=envelope.signature):
        raise Malformed("expected the window's own signature")
    words = _loaded(envelope.body)
    expected = {"device", "previous", "sequence", "used_until", "v"}
    if set(words) != expected or words["device"] != str(device.public_id):
        raise Malformed(f"expected {sorted(expected)} of this window")
    return (
        _number(words, "sequence", least=0),
        _text(words, "previous", most=64),
        _number(words, "used_until", least=0),
    )


def _check_kept(device: Device, *, after: int, until: int, last_hash: str) -> None:
    """Everything between is with a person already, though the chain is broken there."""
    kept = device.items.exclude(problem__in=devices.UNPROVEN)
    between = kept.filter(sequence__gt=after, sequence__lte=until)
    came = {item.sequence for item in between.only("sequence")}
    missing = [one for one in range(after + 1, until + 1) if one not in came]
    if until < after or missing or not kept.filter(content_hash=last_hash).exists():
        words = _("The window has given receipts that have not come: %(missing)s.")
        told = ", ".join(str(one) for one in missing[:10]) or str(until)
        raise NotAllCame(words % {"missing": told})


# ---- reading ----

_FIELDS: Final = frozenset(
    {
        "amount_paise",
        "bank_name",
        "consumer",
        "device",
        "instrument",
        "instrument_date",
        "method",
        "micr",
        "name",
        "number",
        "previous",
        "received_paise",
        "sequence",
        "shift",
        "submit_key",
        "taken_at",
        "v",
        "year",
    }
)


def read(body: bytes) -> Said:
    """The words of one item, nothing more and nothing less; Malformed else."""
    words = _loaded(body)
    if set(words) != _FIELDS:
        raise Malformed(f"expected the fields {sorted(_FIELDS)}")
    method = _text(words, "method", most=16)
    if method not in METHODS:
        raise Malformed("expected cash or cheque")
    amount = _number(words, "amount_paise", least=1)
    return Said(
        device=_uuid(words, "device"),
        sequence=_number(words, "sequence", least=1),
        previous=_text(words, "previous", most=64),
        submit_key=_uuid(words, "submit_key"),
        shift=_uuid(words, "shift"),
        year=_text(words, "year", most=7),
        number=_number(words, "number", least=1),
        consumer=_text(words, "consumer", most=12),
        name=_text(words, "name", most=120),
        amount_paise=amount,
        received_paise=_number(words, "received_paise", least=amount),
        method=Method(method),
        instrument=_text(words, "instrument", most=12),
        instrument_date=_day(words, "instrument_date"),
        bank_name=_text(words, "bank_name", most=80),
        micr=_text(words, "micr", most=9),
        taken_at=_instant(words, "taken_at"),
    )


def _loaded(body: bytes) -> Mapping[str, Any]:
    """Canonical JSON of version 1: sorted, without spaces, so that bytes and words are one."""
    try:
        words = json.loads(body)
    except ValueError as error:
        raise Malformed("expected JSON") from error
    if not isinstance(words, dict) or words.get("v") != 1:
        raise Malformed("expected an item of version 1")
    again = json.dumps(words, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if again.encode(errors="replace") != body:
        raise Malformed("expected canonical JSON")
    return words


def _text(words: Mapping[str, Any], name: str, *, most: int) -> str:
    value = words[name]
    if not isinstance(value, str) or len(value) > most or "\0" in value:
        raise Malformed(f"expected at most {most} characters in {name}")
    return value


def _number(words: Mapping[str, Any], name: str, *, least: int) -> int:
    value = words[name]
    if type(value) is not int or not least <= value <= PAISE_MAX:
        raise Malformed(f"expected a whole number in {name}")
    return value


def _uuid(words: Mapping[str, Any], name: str) -> str:
    value = _text(words, name, most=36)
    try:
        return str(UUID(value))
    except ValueError as error:
        raise Malformed(f"expected a UUID in {name}") from error


def _day(words: Mapping[str, Any], name: str) -> date | None:
    value = _text(words, name, most=10)
    try:
        return date.fromisoformat(value) if value else None
    except ValueError as error:
        raise Malformed(f"expected a day in {name}") from error


def _instant(words: Mapping[str, Any], name: str) -> datetime:
    value = _text(words, name, most=32)
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise Malformed(f"expected an instant in {name}") from error
    if instant.tzinfo is None:
        raise Malformed(f"expected an instant with its zone in {name}")
    return instant
