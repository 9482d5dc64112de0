"""The agreed protection of what travels: signatures, and AES under a shared key."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from channels_ import json_strict
from channels_.contract import Call, Setup, Unreadable, Wire
from cspdcl.kernel.errors import Malformed

API_KEY: Final = "api_key"  # the name of the secret
JSON: Final = "application/json"

_BLOCK: Final = 16
_GCM_IV: Final = 12


def mac(key: str, *parts: bytes) -> str:
    """The hex HMAC-SHA256 of the parts with full stops between them; an empty key signs nothing."""
    if not key:
        raise Malformed("expected a key, got an empty one")
    return hmac.new(key.encode(), b".".join(parts), hashlib.sha256).hexdigest()


def is_mac(given: str, key: str, *parts: bytes) -> bool:
    """Whether this is that signature, compared in constant time."""
    return hmac.compare_digest(mac(key, *parts).encode(), given.encode())


def seal(plain: bytes, *, mode: str, key: str, iv: bytes, merchant_id: str) -> bytes:
    """The agreed envelope around a document."""
    if mode == "aes_gcm":
        data = AESGCM(_aes_key(key)).encrypt(iv[:_GCM_IV], plain, merchant_id.encode())
        iv = iv[:_GCM_IV]
    else:
        pad = padding.PKCS7(_BLOCK * 8).padder()
        lock = Cipher(algorithms.AES(_aes_key(key)), modes.CBC(iv)).encryptor()
        data = lock.update(pad.update(plain) + pad.finalize()) + lock.finalize()
    envelope = {
        "merchantId": merchant_id,
        "iv": base64.b64encode(iv).decode(),
        "data": base64.b64encode(data).decode(),
    }
    return json.dumps(envelope, separators=(",", ":")).encode()


def unseal(body: bytes, *, mode: str, key: str) -> bytes:
    """The document inside the agreed envelope; Unreadable when this key does not open it."""
    envelope = json_strict.object_at(json_strict.loads(body))
    merchant_id, iv, data = (_text(envelope, name) for name in ("merchantId", "iv", "data"))
    try:
        iv_bytes = base64.b64decode(iv, validate=True)
        sealed = base64.b64decode(data, validate=True)
        if mode == "aes_gcm":
            return AESGCM(_aes_key(key)).decrypt(iv_bytes, sealed, merchant_id.encode())
        lock = Cipher(algorithms.AES(_aes_key(key)), modes.CBC(iv_bytes)).decryptor()
        pad = padding.PKCS7(_BLOCK * 8).unpadder()
        return pad.update(lock.update(sealed) + lock.finalize()) + pad.finalize()
    except (InvalidTag, ValueError) as error:
        raise Unreadable("the envelope does not open with the key in force") from error


def call(setup: Setup, *, path: str, said: Mapping[str, Any]) -> Call:
    """One signed call to the bank's API."""
    body = json.dumps({"merchantId": setup.merchant_id, **said}, separators=(",", ":")).encode()
    moment = f"{setup.at.timestamp():.0f}"
    signed = mac(setup.secrets[API_KEY], moment.encode(), setup.nonce.encode(), body)
    return Call(
        url=f"{setup.api_url}/{path}",
        headers={
            "Content-Type": JSON,
            "X-Merchant": setup.merchant_id,
            "X-Timestamp": moment,
            "X-Nonce": setup.nonce,
            "X-Signature": signed,
        },
        body=body,
    )


def checked(wire: Wire, setup: Setup) -> bytes:
    """The body of an answer that the bank signed for this call of ours; Malformed otherwise."""
    given = wire.headers.get("x-signature", "")
    if not is_mac(given, setup.secrets[API_KEY], setup.nonce.encode(), wire.body):
        raise Malformed(f"HTTP {wire.status}: the answer is not signed for this call")
    if wire.status != 200:
        raise Malformed(f"expected HTTP 200, got {wire.status}")
    return wire.body


def answer(wire: Wire, setup: Setup) -> Mapping[str, Any]:
    """The object in a signed answer."""
    return json_strict.object_at(json_strict.loads(checked(wire, setup)))


def _aes_key(text: str) -> bytes:
    """A key of 16 or 32 bytes, as base64."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable("the key in force is no base64") from error
    if len(key) not in (16, 32):
        raise Unreadable("the key in force has not 16 or 32 bytes")
    return key


def _text(envelope: Mapping[str, Any], name: str) -> str:
    value = envelope.get(name)
    if not isinstance(value, str) or not value.isascii():
        raise Unreadable(f"expected a text as {name}")
    return value
