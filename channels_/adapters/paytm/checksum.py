"""Paytm's checksum: the salted SHA-256 of a text, encrypted with the merchant key."""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from cspdcl.kernel.errors import Unverified

SALT_LENGTH: Final = 4

_IV: Final = b"@@@@&&&&####$$$$"
_HASH_LENGTH: Final = 64
_KEY_LENGTHS: Final = (16, 24, 32)


def make(text: str, *, key: str, salt: str) -> str:
    """The checksum of a text; the salt is four letters or digits."""
    padder = PKCS7(AES.block_size).padder()
    plain = padder.update(_salted(text, salt).encode()) + padder.finalize()
    encryptor = _cipher(key).encryptor()
    return b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


def check(text: str, *, checksum: str, key: str) -> None:
    """Raise Unverified where the checksum was not made of this text with this key."""
    try:
        sealed = b64decode(checksum, validate=True)
        decryptor = _cipher(key).decryptor()
        padded = decryptor.update(sealed) + decryptor.finalize()
        unpadder = PKCS7(AES.block_size).unpadder()
        opened = (unpadder.update(padded) + unpadder.finalize()).decode("ascii")
    except ValueError as error:
        raise Unverified("the checksum does not open with the merchant key") from error
    salt = opened[_HASH_LENGTH:]
    if len(salt) != SALT_LENGTH:
        raise Unverified("expected a checksum with four letters of salt")
    if not hmac.compare_digest(_salted(text, salt).encode(), opened.encode()):
        raise Unverified("the checksum does not match the message")


def text_of_form(fields: Mapping[str, str]) -> str:
    """What is signed of a form: the values in the order of their names."""
    values = ("" if value.lower() == "null" else value for _name, value in sorted(fields.items()))
    return "|".join(values)


def member(document: str, name: str) -> str:
    """The text of one member of a JSON object exactly as it was sent, or nothing."""
    decoder = json.JSONDecoder()
    place = _skip(document, document.find("{") + 1)
    while document[place : place + 1] == '"':
        found, place = decoder.raw_decode(document, place)
        start = _skip(document, _skip(document, place) + 1)  # behind the colon
        _value, end = decoder.raw_decode(document, start)
        if found == name:
            return document[start:end]
        place = _skip(document, _skip(document, end) + 1)  # behind the comma
    return ""


def _skip(document: str, place: int) -> int:
    while document[place : place + 1] in (" ", "\t", "\r", "\n"):
        place += 1
    return place


def _salted(text: str, salt: str) -> str:
    return hashlib.sha256(f"{text}|{salt}".encode()).hexdigest() + salt


def _cipher(key: str) -> Cipher[CBC]:
    raw = key.encode()
    if len(raw) not in _KEY_LENGTHS:
        raise Unverified("expected a merchant key of 16, 24 or 32 bytes")
    return Cipher(AES(raw), CBC(_IV))
