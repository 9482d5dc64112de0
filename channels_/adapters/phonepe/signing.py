"""How PhonePe signs: salted SHA-256 (v1), a hashed password or an HMAC (v2)."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

from channels_.contract import Setup
from cspdcl.kernel.errors import Unverified

SECRET: Final = "callback_key"  # noqa: S105 - the name of the secret, not the secret
CALL_SECRET: Final = "api_key"  # noqa: S105 - the name of the secret, not the secret

V1: Final = "v1"
V2: Final = "v2"
PASSWORD: Final = "password"  # noqa: S105 - the word in the settings
HMAC: Final = "hmac"
HMAC_HEADER: Final = "x-phonepe-signature"

_X_VERIFY: Final = re.compile(r"([0-9a-fA-F]{64})###\d{1,3}")


def version(setup: Setup) -> str:
    """The protocol that was agreed on."""
    return str(setup.settings.get("version", V2))


def is_unsigned(setup: Setup) -> bool:
    """Whether a message proves its sender by a password, and nothing of what it says."""
    return version(setup) == V2 and setup.settings.get("webhook", PASSWORD) == PASSWORD


def salted(text: str, *, key: str) -> str:
    """The hash of v1, without the index."""
    return hashlib.sha256(f"{text}{key}".encode()).hexdigest()


def x_verify(text: str, setup: Setup) -> str:
    """The header of a call in v1."""
    return f"{salted(text, key=setup.secrets[CALL_SECRET])}###{salt_index(setup)}"


def salt_index(setup: Setup) -> str:
    """Which of the merchant's salts is in use."""
    return str(setup.settings.get("salt_index", "1"))


def hmac_header(setup: Setup) -> str:
    """The header, in lower case, in which the HMAC of v2 comes."""
    return str(setup.settings.get("hmac_header", HMAC_HEADER)).lower()


def signature(body: bytes, *, key: str) -> str:
    """The HMAC of v2."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def check_v1(text: str, headers: Mapping[str, str], *, key: str) -> None:
    """Raise Unverified where X-VERIFY was not made of this text with this salt key."""
    given = _X_VERIFY.fullmatch(headers.get("x-verify", ""))
    if not key or given is None:
        raise Unverified("expected X-VERIFY with a hash and an index")
    _compare(salted(text, key=key), given[1])


def check_v2(body: bytes, headers: Mapping[str, str], setup: Setup, *, key: str) -> None:
    """Raise Unverified where the agreed header is not right."""
    mode: Any = setup.settings.get("webhook", PASSWORD)
    if mode == HMAC and key:
        _compare(signature(body, key=key), headers.get(hmac_header(setup), ""))
        return
    user, _colon, password = key.partition(":")
    if mode != PASSWORD or not user or not password:
        raise Unverified("expected the secret user:password, or the setting webhook = hmac")
    _compare(hashlib.sha256(key.encode()).hexdigest(), headers.get("authorization", ""))


def _compare(expected: str, given: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.strip().lower().encode()):
        raise Unverified("the header does not match the message")
