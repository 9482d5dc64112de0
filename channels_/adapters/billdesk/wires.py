"""How BillDesk's bytes are proved, opened and made: the pipe message and JOSE.

The pipe message ends in the upper-case hex HMAC-SHA256 of all before its last pipe. The API's body
is a compact JWS; where encryption was agreed on, what it signs is a compact JWE with a direct key.
Which algorithms are allowed comes from the settings, never from the header of a message.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.registry import HeaderParameter

from channels_ import json_strict
from channels_.contract import Setup, Unreadable, WrongMerchant
from cspdcl.kernel.errors import Unverified

SIGNING_KEY: Final = "signing_key"
ENCRYPTION_KEY: Final = "encryption_key"

SIGNATURES: Final = ("HS256", "HS384", "HS512")
ENCRYPTIONS: Final = ("A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM")

_JWS: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_JWE: Final = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+){3}")
_CHECKSUM: Final = re.compile(r"[0-9A-Fa-f]{64}")
_FIELDS_MAX: Final = 50
_FAULTS: Final = (
    JoseError,
    ValueError,
    TypeError,
)  # a header such as {"crit": null} is a TypeError
_PARAMETERS: Final = {
    "clientid": HeaderParameter("who signed", "str"),
    "kid": HeaderParameter("the key's name", "str"),
}


def token_of(body: bytes) -> str:
    """The JWS of a body that is one, or that is a form with it; "" when it has none."""
    text = _text(body)
    if _JWS.fullmatch(text):
        return text
    token = _field(text, "transaction_response")
    if token and not _JWS.fullmatch(token):
        raise Unreadable("transaction_response: expected a compact JWS")
    return token


def message_of(body: bytes) -> str:
    """The pipe message of a body that is one, or of its form's field ``msg``; "" if it has none."""
    text = _text(body)
    if "|" in text and "=" not in text.partition("|")[0]:
        return text
    return _field(text, "msg")


# ---- pipes --------------------------------------------------------------------------------------


def checksum(message: str, *, key: str) -> str:
    """The last field of a message: of all that stands before it."""
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest().upper()


def piped(words: Sequence[str], setup: Setup) -> str:
    """The words as a message with its checksum."""
    message = "|".join(words)
    return f"{message}|{checksum(message, key=_key(setup, SIGNING_KEY))}"


def open_message(message: str, setup: Setup) -> list[str]:
    """The fields of a message that is proved, without its checksum."""
    said, _pipe, given = message.rpartition("|")
    expected = checksum(said, key=_key(setup, SIGNING_KEY))
    if not _CHECKSUM.fullmatch(given) or not hmac.compare_digest(expected, given.upper()):
        raise Unverified("the checksum does not match the message")
    return said.split("|")


# ---- JOSE ---------------------------------------------------------------------------------------


def open_token(token: str, setup: Setup) -> Mapping[str, Any]:
    """The object inside a token that is proved: first the signature, then what it signs."""
    algorithm = _agreed(setup, "jws_alg", SIGNATURES[0], SIGNATURES)
    registry = jws.JWSRegistry(_PARAMETERS, [algorithm], strict_check_header=False)
    key = OctKey.import_key(_key(setup, SIGNING_KEY))
    try:
        opened = jws.deserialize_compact(token, key, registry=registry)
    except _FAULTS as error:
        raise Unverified(f"the signature does not hold: {error}") from error
    client = setup.settings.get("client_id")
    told = opened.headers().get("clientid")
    if client and told not in (None, client):
        raise WrongMerchant("signed by another client")
    return json_strict.object_at(json_strict.loads(_decrypted(opened.payload, setup)))


def sealed(said: Mapping[str, Any], setup: Setup) -> str:
    """The object as a token: encrypted where that was agreed on, then signed."""
    algorithm = _agreed(setup, "jws_alg", SIGNATURES[0], SIGNATURES)
    payload = json.dumps(said, separators=(",", ":")).encode()
    header = {"alg": algorithm, "clientid": str(setup.settings.get("client_id", ""))}
    if setup.settings.get("jwe_enc"):
        payload = _encrypted(payload, setup).encode()
    registry = jws.JWSRegistry(_PARAMETERS, [algorithm])
    key = OctKey.import_key(_key(setup, SIGNING_KEY))
    return jws.serialize_compact(header, payload, key, registry=registry)


def _encrypted(payload: bytes, setup: Setup) -> str:
    encryption = _agreed(setup, "jwe_enc", "", ENCRYPTIONS)
    header = {"alg": "dir", "enc": encryption, "clientid": str(setup.settings.get("client_id", ""))}
    if setup.settings.get("key_id"):
        header["kid"] = str(setup.settings["key_id"])
    registry = jwe.JWERegistry(_PARAMETERS, ["dir", encryption])
    key = OctKey.import_key(_key(setup, ENCRYPTION_KEY))
    return jwe.encrypt_compact(header, payload, key, registry=registry)


def _decrypted(payload: bytes, setup: Setup) -> bytes:
    """What was signed, in the clear; encrypted only where, and as, that was agreed on."""
    if not setup.settings.get("jwe_enc"):
        return payload
    encryption = _agreed(setup, "jwe_enc", "", ENCRYPTIONS)
    registry = jwe.JWERegistry(_PARAMETERS, ["dir", encryption], strict_check_header=False)
    key = OctKey.import_key(_key(setup, ENCRYPTION_KEY))
    if not _JWE.fullmatch(payload):
        raise Unreadable("expected a compact JWE inside the signature")
    try:
        opened = jwe.decrypt_compact(payload, key, registry=registry)
    except _FAULTS as error:
        raise Unreadable(f"cannot be decrypted: {error}") from error
    return opened.plaintext or b""


# ---- small things -------------------------------------------------------------------------------


def _agreed(setup: Setup, name: str, default: str, allowed: tuple[str, ...]) -> str:
    """An algorithm of the settings; one that nobody may agree on proves nothing."""
    found = setup.settings.get(name, default)
    if found not in allowed:
        raise Unverified(f"{name}: expected one of {', '.join(allowed)}")
    return str(found)


def _key(setup: Setup, name: str) -> str:
    found = setup.secrets.get(name, "")
    if not found:
        raise Unverified(f"expected the secret {name}")
    return found


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise Unreadable(f"expected UTF-8, got byte {error.start} otherwise") from error
    if "\0" in text:
        raise Unreadable("the body holds NUL")
    return text


def _field(form: str, name: str) -> str:
    """One field of a form, which may stand there only once."""
    try:
        pairs = parse_qsl(form, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX)
    except ValueError as error:
        raise Unreadable(f"expected a form: {error}") from error
    found = [value.strip() for key, value in pairs if key == name]
    if len(found) > 1:
        raise Unreadable(f"expected the field {name} once")
    return found[0] if found else ""
