"""How a request of the partner API is signed: by both sides, so that one place says it."""

import hashlib
import hmac
from typing import Final

KEY_HEADER: Final = "X-Agency-Key"
TIMESTAMP_HEADER: Final = "X-Timestamp"
NONCE_HEADER: Final = "X-Nonce"
SIGNATURE_HEADER: Final = "X-Signature"


def words_to_sign(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """What is signed: five lines. ``target`` is the path with its query, as it is sent."""
    lines = (method, target, timestamp, nonce, hashlib.sha256(body).hexdigest())
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def signature(secret: str, words: bytes) -> str:
    """The hex HMAC-SHA256 under the secret of a key."""
    return hmac.new(secret.encode(), words, hashlib.sha256).hexdigest()
