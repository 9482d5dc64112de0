"""A biller unit's calls: who sent them, and what the worker reads in one that was kept."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from channels_.adapters.bbps_api.questions import biller_in, moment_of, read
from channels_.contract import (
    Inbound,
    Notice,
    NoticeKind,
    Setup,
    WrongMerchant,
)
from cspdcl.kernel.errors import Unverified

SECRET: Final = "api_key"  # noqa: S105 - the name of the secret, not the secret


def verify(inbound: Inbound, setup: Setup) -> None:
    """Prove that moment, word and body were signed with the unit's key, lately, and for us."""
    key = setup.secrets.get(SECRET, "")
    given = inbound.headers.get("x-signature", "")
    moment = inbound.headers.get("x-timestamp", "")
    expected = signature(key, moment, inbound.path.strip("/"), inbound.body)
    if not key or not hmac.compare_digest(expected.encode(), given.encode()):
        raise Unverified("X-Signature does not match the moment, the word and the body")
    moment_of(inbound, setup)
    biller = biller_in(inbound.body)
    if setup.merchant_id and biller and biller != setup.merchant_id:
        raise WrongMerchant(f"meant for the biller {biller!r}")


def signature(key: str, moment: str, what: str, body: bytes) -> str:
    """The hex HMAC of a call or of its answer."""
    signed = b"\n".join([moment.encode(), what.encode(), body])
    return hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()


def event_key(inbound: Inbound, setup: Setup) -> str:
    """The unit's own number of the message."""
    return read(inbound, setup).message_ref


def parse(inbound: Inbound, setup: Setup) -> Sequence[Notice]:
    """What a kept call asserts: a payment, a complaint, or nothing that changes anything."""
    ask = read(inbound, setup)
    if ask.notice is not None:
        return [ask.notice]
    return [Notice(kind=NoticeKind.IGNORED, event=ask.kind.value, code=ask.kind.value)]
