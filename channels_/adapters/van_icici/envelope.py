"""The hybrid envelope of both directions: RSA for the session key, AES-CBC for the object."""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.x509 import load_pem_x509_certificate

from channels_ import json_strict
from channels_.contract import Setup, Unreadable

PRIVATE_KEY: Final = "private_key"  # ours, PEM: opens what the bank sends
BANK_KEY: Final = "bank_key"  # the bank's public key or certificate, PEM: seals our answers

_BLOCK: Final = 16
_UNOPENED: Final = "the envelope does not open with the key in force"


def opened(body: bytes, setup: Setup) -> Mapping[str, Any]:
    """The bank's object. Every failure reads the same: nobody shall learn how far they came."""
    envelope = json_strict.object_at(json_strict.loads(body))
    if _text(envelope, "oaepHashingAlgorithm") not in ("", "NONE"):
        raise Unreadable("expected NONE as oaepHashingAlgorithm")
    key, iv, data = (_bytes(envelope, name) for name in ("encryptedKey", "iv", "encryptedData"))
    if not iv:
        iv, data = data[:_BLOCK], data[_BLOCK:]
    try:
        session = _private_key(setup.secrets.get(PRIVATE_KEY, "")).decrypt(
            key, rsa_padding.PKCS1v15()
        )
        if len(session) not in (16, 32):
            raise Unreadable(_UNOPENED)
        lock = Cipher(algorithms.AES(session), modes.CBC(iv)).decryptor()
        unpad = padding.PKCS7(_BLOCK * 8).unpadder()
        plain = unpad.update(lock.update(data) + lock.finalize()) + unpad.finalize()
    except (ValueError, TypeError):
        raise Unreadable(_UNOPENED) from None
    return json_strict.object_at(json_strict.loads(plain))


def request_of(body: bytes) -> tuple[str, str]:
    """The bank's number of the request and its service, outside of what is encrypted."""
    envelope = json_strict.object_at(json_strict.loads(body))
    return _text(envelope, "requestId")[:64], _text(envelope, "service")[:64]


def sealed(
    said: Mapping[str, Any], *, key: str, nonce: str, request_id: str, service: str
) -> bytes:
    """An object for whoever holds the other half of the key; the nonce makes the session key."""
    session = hashlib.sha256(b"session" + bytes.fromhex(nonce)).digest()
    iv = hashlib.sha256(b"iv" + bytes.fromhex(nonce)).digest()[:_BLOCK]
    pad = padding.PKCS7(_BLOCK * 8).padder()
    plain = json.dumps(said, separators=(",", ":")).encode()
    lock = Cipher(algorithms.AES(session), modes.CBC(iv)).encryptor()
    data = lock.update(pad.update(plain) + pad.finalize()) + lock.finalize()
    return json.dumps(
        {
            "requestId": request_id,
            "service": service,
            "encryptedKey": _base64(_public_key(key).encrypt(session, rsa_padding.PKCS1v15())),
            "oaepHashingAlgorithm": "NONE",
            "iv": "",
            "encryptedData": _base64(iv + data),
            "clientInfo": "",
            "optionalParam": "",
        },
        separators=(",", ":"),
    ).encode()


@lru_cache(maxsize=8)
def _private_key(pem: str) -> RSAPrivateKey:
    """Our key, read and checked once: that takes longer than opening a message with it."""
    found = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(found, RSAPrivateKey):
        raise TypeError("expected an RSA key of ours")
    return found


@lru_cache(maxsize=8)
def _public_key(pem: str) -> RSAPublicKey:
    """The bank's key, bare or in its certificate."""
    if "BEGIN CERTIFICATE" in pem:
        found: object = load_pem_x509_certificate(pem.encode()).public_key()
    else:
        found = serialization.load_pem_public_key(pem.encode())
    if not isinstance(found, RSAPublicKey):
        raise TypeError("expected an RSA key of the bank")
    return found


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(envelope: Mapping[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(_text(envelope, name), validate=True)
    except ValueError as error:
        raise Unreadable(f"expected base64 as {name}") from error


def _text(envelope: Mapping[str, Any], name: str) -> str:
    value = envelope.get(name) or ""
    if not isinstance(value, str) or not value.isascii():
        raise Unreadable(f"expected a text as {name}")
    return value
