"""The inbox: proves who sent a message, keeps its bytes once, and counts what it refuses.

Knows nothing of payments. What ``keep`` has returned is committed; only then may the door say 200.
"""

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import connection

from channels_ import answers, registry
from channels_.contract import (
    Adapter,
    Inbound,
    Notice,
    Setup,
    Stale,
    Unreadable,
    Wire,
    WrongMerchant,
)
from channels_.models import Channel, InboundMessage, RefusalTally
from channels_.setups import answering_setups_of, reading_setups_of, setups_of
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import Malformed, Unverified

BODY_PLACE: Final = "paychannels_inboundmessage.body"
NO_CHANNEL: Final = "?"  # whoever calls made-up addresses shall not fill the table with them

# Kept beside the body as evidence; authorisation, cookies and the rest of the world are not.
_HEADERS_KEPT: Final = ("content-type", "user-agent", "date")
_HEADERS_KEPT_PREFIX: Final = "x-"
_HEADERS_DROPPED: Final = ("auth", "cookie", "token", "forwarded", "real-ip", "api-key")
_HEADER_MAX: Final = 512
_PATH_MAX: Final = 200

_OUTCOME_MAX: Final = 200
_APPLIED_AT_ONCE: Final = timedelta(seconds=10)
_STATE: Final = InboundMessage.State

_REMEMBERED_FOR: Final = 3.0  # seconds; so long a switched-off channel may still be heard

log = logging.getLogger(__name__)


class NotLive(Exception):
    """The channel is known and switched off."""


class NoSuchDoor(Exception):
    """No channel of this code takes messages."""


class Oversized(Exception):
    """More bytes than agreed."""


class Doubled(Exception):
    """A header that decides came twice: two readers could believe two values."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a message: ``is_new`` false means it was here before."""

    message_id: int
    is_new: bool
    is_conflict: bool


@dataclass(frozen=True, slots=True)
class Door:
    """What a message needs to come in, remembered for a few seconds."""

    channel: Channel
    adapter: Adapter
    setups: Sequence[Setup]  # one for every set of secrets in force


def receive(code: str, *, inbound: Inbound, address: str) -> Kept:
    """Take a message of the channel with this code; count and raise what is refused."""
    with counted(code, address=address):
        return keep(door(code), inbound=inbound)


@contextmanager
def counted(code: str, *, address: str) -> Iterator[None]:
    """Count what is refused inside at the door of a channel, and let it go on."""
    try:
        yield
    except NoSuchDoor as error:
        count_refusal(NO_CHANNEL, RefusalTally.Kind.UNKNOWN_CHANNEL, address, str(error))
        raise
    except NotLive as error:
        count_refusal(code, RefusalTally.Kind.NOT_LIVE, address, str(error))
        raise
    except Oversized as error:
        count_refusal(code, RefusalTally.Kind.OVERSIZED, address, str(error))
        raise
    except Doubled as error:
        count_refusal(code, RefusalTally.Kind.DOUBLED, address, str(error))
        raise
    except Unverified as error:
        count_refusal(code, _kind_of(error), address, str(error))
        raise
    except Unreadable as error:
        count_refusal(code, RefusalTally.Kind.MALFORMED, address, str(error))
        raise


def door(code: str) -> Door:
    """The door of a live channel that takes messages; raises NoSuchDoor or NotLive."""
    known = _remembered.get(code)
    if known is None or known[0] < time.monotonic():
        known = (time.monotonic() + _REMEMBERED_FOR, _open_door(code))
        _remembered[code] = known
    return known[1]


def forget() -> None:
    """Forget the remembered doors, so that a changed channel is seen at once."""
    _remembered.clear()
    _setups_remembered.clear()


def keep(here: Door, *, inbound: Inbound) -> Kept:
    """Verify a message and keep it once; the same id with another body is never believed."""
    setup = believed(here, inbound)
    _check_shape(here.adapter, inbound, setup)
    return _insert(here, inbound, setup)


def keep_asked(here: Door, *, inbound: Inbound, setup: Setup, refusal: str = "") -> Kept:
    """Keep a believed question of a partner as evidence, in the caller's transaction.

    The worker leaves it alone for a while, because who asks waits for it to be applied at once.
    What was refused is kept with the reason, and applied by nobody.
    """
    return _insert(here, inbound, setup, after=_APPLIED_AT_ONCE, refusal=refusal)


def believed(here: Door, inbound: Inbound) -> Setup:
    """The setup that proves a message of an agreed size."""
    if len(inbound.body) > settings.NOTICE_BYTES_MAX:
        raise Oversized(f"expected at most {settings.NOTICE_BYTES_MAX} bytes")
    return proved(here, inbound)


def remembered_door(code: str) -> Door | None:
    """The door as it was last seen, for an answer while the database is away."""
    known = _remembered.get(code)
    return known[1] if known else None


def proved(here: Door, inbound: Inbound) -> Setup:
    """The setup whose secrets prove the sender; secrets that were rotated just now are seen."""
    try:
        return _proved(here, inbound)
    except Unverified:
        fresh = setups_of(here.channel)
        if fresh == here.setups:
            raise
    renewed = replace(here, setups=fresh)
    _remembered[here.channel.code] = (time.monotonic() + _REMEMBERED_FOR, renewed)
    return _proved(renewed, inbound)


def _proved(here: Door, inbound: Inbound) -> Setup:
    """All secrets are tried, so that time tells nothing."""
    verify = here.adapter.verify
    if verify is None:
        raise Unverified("this channel cannot prove who sends")
    for name in here.adapter.single_headers:
        if "," in inbound.headers.get(name, ""):
            raise Doubled(f"expected {name} once")
    moment, nonce = now(), secrets.token_hex(16)
    trusted: Setup | None = None
    refusal = Unverified("no secret in force signs this body")
    for setup in here.setups:
        placed = replace(setup, at=moment, nonce=nonce)
        try:
            verify(inbound, placed)
        except (Stale, WrongMerchant) as error:
            refusal = error
        except Unverified:
            continue
        else:
            trusted = trusted or placed
    if trusted is None:
        raise refusal
    return trusted


def at_once(setup: Setup) -> Setup:
    """The setup at this moment, with a nonce of its own."""
    return replace(setup, at=now(), nonce=secrets.token_hex(16))


def keep_answer(
    channel: Channel, *, kind: str, key: str, asked: answers.Asked, wire: Wire, setup: Setup
) -> int:
    """Keep an answer to a question of ours as a message of the channel, once per key.

    In the caller's transaction: what the question came to stands or falls with its evidence.
    """
    facts = answers.facts_of(asked, wire, setup)
    message, _made = InboundMessage.objects.get_or_create(
        channel=channel,
        event_key=key,
        defaults={
            "sha256": hashlib.sha256(wire.body).hexdigest(),
            "body": crypto.seal(wire.body, place=BODY_PLACE),
            "headers": {**_kept_headers(wire.headers), **facts},
            "path": f"{answers.PATH}{kind}",
        },
    )
    return message.pk


def body_of(message: InboundMessage) -> Inbound:
    """The message as it came, decrypted."""
    body = crypto.unseal(message.body, place=BODY_PLACE)
    return Inbound(body, message.headers, message.path)


def notices_of(message: InboundMessage) -> Sequence[Notice]:
    """What a kept message says; Malformed when it cannot be understood."""
    adapter = registry.adapter(message.channel.adapter)
    if message.path.startswith(answers.PATH):
        return _answered(message, adapter)
    if adapter.parse is None:
        raise Malformed(f"the adapter {message.channel.adapter} reads no notices")
    inbound = body_of(message)
    try:
        return adapter.parse(inbound, _setup_of(message, adapter, inbound))
    except Malformed:
        # It may be sealed for a secret that was put in force a moment ago.
        was = _setups_remembered.pop(message.channel.pk, None)
        if was is None or was[1] == _setups(message.channel):
            raise
    return adapter.parse(inbound, _setup_of(message, adapter, inbound))


def _answered(message: InboundMessage, adapter: Adapter) -> Sequence[Notice]:
    """What an answer says, read with today's secrets, else with those of the question's day."""
    inbound = body_of(message)
    setups = answering_setups_of(message.channel)
    if not setups:
        raise Malformed(f"{message.channel.code} has no secret for its answers")
    for setup in setups[:-1]:
        try:
            return answers.notices_in(adapter, inbound, setup)
        except Malformed:
            continue
    return answers.notices_in(adapter, inbound, setups[-1])


def _setup_of(message: InboundMessage, adapter: Adapter, inbound: Inbound) -> Setup:
    """The setup it was believed with: the one that proves it, else the first that can read it.

    Authorisation is not kept, so not every message can be proved a second time; but one that is
    encrypted is opened by its own key only.
    """
    setups = [replace(one, at=message.received_at) for one in _setups(message.channel)]
    if len(setups) > 1 and adapter.verify is not None:
        for setup in setups:
            try:
                adapter.verify(inbound, setup)
            except Unverified:
                continue
            return setup
        for setup in setups:
            if _can_read(adapter, inbound, setup):
                return setup
    if not setups:
        raise Malformed(f"{message.channel.code} has no secret in force")
    return setups[0]


def _can_read(adapter: Adapter, inbound: Inbound, setup: Setup) -> bool:
    if adapter.parse is None:
        return False
    try:
        adapter.parse(inbound, setup)
    except Malformed:
        return False
    return True


def _setups(channel: Channel) -> Sequence[Setup]:
    known = _setups_remembered.get(channel.pk)
    if known is None or known[0] < time.monotonic():
        known = (time.monotonic() + _REMEMBERED_FOR, reading_setups_of(channel))
        _setups_remembered[channel.pk] = known
    return known[1]


def _kind_of(error: Unverified) -> RefusalTally.Kind:
    if isinstance(error, Stale):
        return RefusalTally.Kind.STALE
    if isinstance(error, WrongMerchant):
        return RefusalTally.Kind.WRONG_MERCHANT
    return RefusalTally.Kind.FORGED


def count_refusal(code: str, kind: str, address: str, problem: str) -> None:
    """Add one to the day's tally; the refused body itself is not kept."""
    log.warning("refused a message for %s from %s: %s", code, address, problem)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO paychannels_refusaltally AS tally
                (day, channel_code, kind, count, last_at, last_from, last_problem)
            VALUES (%s, %s, %s, 1, %s, %s, %s)
            ON CONFLICT (day, channel_code, kind) DO UPDATE SET
                count = tally.count + 1,
                last_at = EXCLUDED.last_at,
                last_from = EXCLUDED.last_from,
                last_problem = EXCLUDED.last_problem
            """,
            [today(), code[:24], kind, now(), address[:45], problem.replace("\0", "")[:200]],
        )


_remembered: dict[str, tuple[float, Door]] = {}
_setups_remembered: dict[int, tuple[float, Sequence[Setup]]] = {}


def _open_door(code: str) -> Door:
    channel = Channel.objects.filter(code=code).first()
    if channel is None:
        raise NoSuchDoor(f"no channel is called {code[:40]!r}")
    adapter = registry.adapter(channel.adapter)
    if adapter.parse is None:
        raise NoSuchDoor(f"{channel.code} takes no messages")
    if not channel.is_live:
        raise NotLive(f"{channel.code} is switched off")
    return Door(channel, adapter, setups_of(channel))


def _check_shape(adapter: Adapter, inbound: Inbound, setup: Setup) -> None:
    if adapter.parse is None:
        raise Unreadable("this channel sends no notices")
    if _is_question(adapter, inbound, setup):
        # Whether its money may be taken is decided at the other door, and its answer told there.
        raise Unreadable("a question: POST it to /ask/, where it is answered")
    try:
        adapter.parse(inbound, setup)
    except Unreadable:
        raise
    except Malformed as error:
        # Proved to be theirs and shaped as agreed: kept, and parked for a person by the worker.
        log.warning("kept a message that cannot be understood: %s", error)


def _is_question(adapter: Adapter, inbound: Inbound, setup: Setup) -> bool:
    """Whether the message asks; one with a wrong value inside is a question all the same."""
    if adapter.ask is None:
        return False
    try:
        adapter.ask.parse(inbound, setup)
    except Unreadable:
        return False
    except Malformed:
        return True
    return True


def _insert(
    here: Door,
    inbound: Inbound,
    setup: Setup,
    *,
    after: timedelta = timedelta(0),
    refusal: str = "",
) -> Kept:
    if inbound.path.startswith(answers.PATH):
        raise Unreadable("an answer comes to who asked, not to the door")
    digest = hashlib.sha256(inbound.body).hexdigest()
    key = here.adapter.event_key(inbound, setup) if here.adapter.event_key else f"sha256:{digest}"
    arrived = now()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO paychannels_inboundmessage AS message
                (channel_id, event_key, sha256, body, headers, path, received_at, repeats,
                 conflicts, state, attempts, next_try_at, outcome)
            VALUES (%s, %s, %s, %s, %s, %s, %s, 0, 0, %s, 0, %s, %s)
            ON CONFLICT (channel_id, event_key) DO UPDATE SET
                repeats = message.repeats + (message.sha256 = EXCLUDED.sha256)::int,
                conflicts = message.conflicts + (message.sha256 <> EXCLUDED.sha256)::int
            RETURNING id, xmax = 0, sha256 <> %s
            """,
            [
                here.channel.pk,
                key,
                digest,
                crypto.seal(inbound.body, place=BODY_PLACE),
                json.dumps(_kept_headers(inbound.headers)),
                inbound.path[:_PATH_MAX],
                arrived,
                (_STATE.REFUSED if refusal else _STATE.DUE).value,
                arrived + after,
                refusal.replace("\0", "")[:_OUTCOME_MAX],
                digest,
            ],
        )
        message_id, is_new, is_conflict = cursor.fetchone()
    if is_conflict:
        log.warning("%s sent event %s again with another body", here.channel.code, key)
    return Kept(message_id, bool(is_new), bool(is_conflict))


def _kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value.replace("\0", "")[:_HEADER_MAX]
        for name, value in headers.items()
        if (name in _HEADERS_KEPT or name.startswith(_HEADERS_KEPT_PREFIX))
        and not any(word in name for word in _HEADERS_DROPPED)
    }
