"""CCAvenue's encryption: AES-128-CBC without a MAC, or AES-256-GCM where that was agreed."""

import hashlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from channels_.contract import Setup
from cspdcl.kernel.errors import Unverified

SECRET: Final = "working_key"  # noqa: S105 - the name of the secret, not the secret

AES_CBC: Final = "aes-128-cbc"
AES_GCM: Final = "aes-256-gcm"

_IV: Final = bytes(range(16))
_NONCE_LENGTH: Final = 12
_GCM_KEY_LENGTH: Final = 32


def proves(setup: Setup) -> bool:
    """Whether the agreed cipher notices a changed byte."""
    return _agreed(setup) == AES_GCM


def encrypt(text: str, setup: Setup) -> str:
    """The text as it travels, in hex."""
    if _agreed(setup) == AES_GCM:
        nonce = bytes.fromhex(setup.nonce)[:_NONCE_LENGTH]
        return (nonce + _gcm(setup).encrypt(nonce, text.encode(), None)).hex()
    padder = PKCS7(AES.block_size).padder()
    encryptor = _cbc(setup).encryptor()
    plain = padder.update(text.encode()) + padder.finalize()
    return (encryptor.update(plain) + encryptor.finalize()).hex()


def decrypt(sealed: str, setup: Setup) -> str:
    """The text inside; Unverified where the working key does not open it."""
    try:
        raw = bytes.fromhex(sealed)
        if _agreed(setup) == AES_GCM:
            nonce, rest = raw[:_NONCE_LENGTH], raw[_NONCE_LENGTH:]
            return _gcm(setup).decrypt(nonce, rest, None).decode()
        decryptor = _cbc(setup).decryptor()
        padded = decryptor.update(raw) + decryptor.finalize()
        unpadder = PKCS7(AES.block_size).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except (ValueError, InvalidTag) as error:
        raise Unverified("the message does not open with the working key") from error


def _cbc(setup: Setup) -> Cipher[CBC]:
    # MD5 is CCAvenue's way from the working key to the AES key; no security rests on it.
    key = hashlib.md5(_key(setup), usedforsecurity=False).digest()
    return Cipher(AES(key), CBC(_IV))


def _gcm(setup: Setup) -> AESGCM:
    key = _key(setup)
    if len(key) != _GCM_KEY_LENGTH:
        raise Unverified("expected a working key of 32 characters for AES-256-GCM")
    return AESGCM(key)


def _key(setup: Setup) -> bytes:
    key = setup.secrets.get(SECRET, "").encode()
    if not key:
        raise Unverified("expected a working key")
    return key


def _agreed(setup: Setup) -> str:
    agreed = str(setup.settings.get("cipher", AES_CBC))
    if agreed not in (AES_CBC, AES_GCM):
        raise Unverified(f"expected the cipher {AES_CBC} or {AES_GCM}, got {agreed!r}")
    return agreed
