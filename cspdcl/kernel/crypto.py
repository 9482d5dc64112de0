"""Encrypted fields: AES-256-GCM with a key id, bound to the place they stand in; indexes; marks.

A blob is ``0x01 | key id (1 byte) | nonce (12) | ciphertext and tag``. The place ("table.column")
is authenticated with it, so a value copied to another column does not open. Keys rotate: the first
key of FIELD_KEYS encrypts, every listed key decrypts. Marks prove words that we gave out ourselves,
under keys derived from the same ones.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from functools import cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12


class Undecipherable(Exception):
    """The blob was not written by a key we hold, or was moved or altered."""


def seal(plain: bytes, *, place: str) -> bytes:
    """Encrypt bytes for one place ("table.column") with the current key."""
    current, keys = _keyring()
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _VERSION + bytes([current]) + nonce + keys[current].encrypt(nonce, plain, place.encode())


def unseal(blob: bytes | memoryview, *, place: str) -> bytes:
    """Decrypt what ``seal`` wrote for the same place; raises Undecipherable, never guesses."""
    raw = bytes(blob)
    _current, keys = _keyring()
    if raw[:1] != _VERSION or len(raw) < 2 + _NONCE_BYTES + 16:
        raise Undecipherable(f"not an encrypted value of {place}")
    key = keys.get(raw[1])
    if key is None:
        raise Undecipherable(
            f"{place} was encrypted with key {raw[1]}, which FIELD_KEYS does not list"
        )
    try:
        return key.decrypt(raw[2 : 2 + _NONCE_BYTES], raw[2 + _NONCE_BYTES :], place.encode())
    except InvalidTag as error:
        raise Undecipherable(f"{place} does not open: it was altered or moved") from error


def is_current(blob: bytes | memoryview) -> bool:
    """Whether the blob uses today's key; false means the rotation has not reached it."""
    return bytes(blob[1:2]) == bytes([_keyring()[0]])


def blind_index(text: str, *, place: str) -> bytes:
    """Sixteen bytes that find an encrypted value by equality without revealing it."""
    key = base64.b64decode(settings.INDEX_KEY)
    return hmac.new(key, f"{place}\0{text}".encode(), hashlib.sha256).digest()[:16]


def mark(text: str, *, place: str) -> bytes:
    """Thirty-two bytes that only we can make for these words; the current key makes them."""
    return _mark(_raw_keys(settings.FIELD_KEYS)[0], text, place)


def is_marked(text: str, claimed: bytes, *, place: str) -> bool:
    """Whether the bytes begin the mark of these words, by any listed key; in constant time."""
    known = [
        hmac.compare_digest(_mark(key, text, place)[: len(claimed)], claimed)
        for key in _raw_keys(settings.FIELD_KEYS)
    ]
    return bool(claimed) and any(known)


def new_key() -> str:
    """A fresh 256-bit key in base64, for FIELD_KEYS and INDEX_KEY."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _mark(key: bytes, text: str, place: str) -> bytes:
    own = _derived(key, place)
    return hmac.new(own, text.encode(), hashlib.sha256).digest()


@cache
def _derived(key: bytes, place: str) -> bytes:
    """A key for this place alone: what it marks tells nothing of what the other encrypts."""
    return HKDF(SHA256(), 32, salt=None, info=f"cspdcl mark\0{place}".encode()).derive(key)


def _keyring() -> tuple[int, Mapping[int, AESGCM]]:
    return _parse(settings.FIELD_KEYS)


@cache
def _raw_keys(text: str) -> list[bytes]:
    _parse(text)  # refuses what is no ring of keys
    return [base64.b64decode(part.strip().partition(":")[2]) for part in text.split(",")]


@cache
def _parse(text: str) -> tuple[int, Mapping[int, AESGCM]]:
    keys: dict[int, AESGCM] = {}
    for part in text.split(","):
        name, _, encoded = part.strip().partition(":")
        raw = base64.b64decode(encoded) if name.isdigit() else b""
        if not name.isdigit() or not 0 < int(name) < 256 or len(raw) != 32:
            raise ImproperlyConfigured(
                "FIELD_KEYS must be id:base64-of-32-bytes[,...] with ids 1 to 255"
            )
        keys[int(name)] = AESGCM(raw)
    return next(iter(keys)), keys
