"""The codes of a phone: the seed both sides know, and when a code is the right one (RFC 6238)."""

import base64
import secrets
import time
from typing import Final
from urllib.parse import quote, urlencode

from django_otp.oath import TOTP

from cspdcl.kernel import crypto

ISSUER: Final = "CSPDCL payments"

_SEED_BYTES: Final = 20  # as phones expect for SHA-1
_STEP: Final = 30  # seconds
_DIGITS: Final = 6
_TOLERANCE: Final = 1  # steps that the phone's clock may be off


def new_seed() -> bytes:
    """A fresh seed of 160 random bits."""
    return secrets.token_bytes(_SEED_BYTES)


def seal(seed: bytes, *, user_id: int) -> bytes:
    """A seed as it is stored: encrypted, and of no use in another user's row."""
    return crypto.seal(seed, place=_place(user_id))


def unseal(sealed: bytes | memoryview, *, user_id: int) -> bytes:
    """The seed of a user's own row."""
    return crypto.unseal(sealed, place=_place(user_id))


def match(code: str, *, seed: bytes, drift: int, last_step: int) -> tuple[int, int] | None:
    """The step and drift of a right code that is newer than the last one, else None."""
    if not (code.isascii() and code.isdigit()):
        return None
    totp = TOTP(seed, _STEP, 0, _DIGITS, drift)
    totp.time = time.time()
    if not totp.verify(int(code), _TOLERANCE, last_step + 1):
        return None
    return totp.t(), totp.drift


def code_now(seed: bytes) -> str:
    """What a phone with this seed shows at this moment."""
    return f"{TOTP(seed, _STEP, 0, _DIGITS).token():0{_DIGITS}d}"


def address(seed: bytes, *, name: str) -> str:
    """What the picture says to the phone."""
    facts = {
        "secret": base64.b32encode(seed).decode(),
        "issuer": ISSUER,
        "algorithm": "SHA1",
        "digits": _DIGITS,
        "period": _STEP,
    }
    label = f"{quote(ISSUER)}:{quote(name)}"
    return f"otpauth://totp/{label}?{urlencode(facts, quote_via=quote)}"


def _place(user_id: int) -> str:
    return f"people_secondfactor.sealed:{user_id}"
