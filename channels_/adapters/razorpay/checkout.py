"""What a payer's browser brings back from Razorpay's pages: signed with the key's secret.

It proves that the payment was authorised, never that it was captured: ask for its status.
"""

import hashlib
import hmac
from typing import Final

from channels_.adapters.razorpay.calls import KEY_SECRET
from channels_.contract import Setup
from cspdcl.kernel.errors import Unverified

SEPARATOR: Final = "|"


def verify_return(setup: Setup, *, order_ref: str, channel_ref: str, signature: str) -> None:
    """Prove the return of a checkout. The order is the one we stored, not the browser's."""
    verify_joined(setup, parts=(order_ref, channel_ref), signature=signature)


def verify_link_return(
    setup: Setup, *, link_ref: str, reference: str, status: str, channel_ref: str, signature: str
) -> None:
    """Prove the return from a payment link."""
    verify_joined(setup, parts=(link_ref, reference, status, channel_ref), signature=signature)


def verify_joined(setup: Setup, *, parts: tuple[str, ...], signature: str) -> None:
    """Prove the parts, joined by bars, with the hex HMAC-SHA256 by the key's secret."""
    secret = setup.secrets.get(KEY_SECRET, "")
    if any(SEPARATOR in part for part in parts):
        raise Unverified("a signed part holds the separator")
    expected = hmac.new(secret.encode(), SEPARATOR.join(parts).encode(), hashlib.sha256).hexdigest()
    if not secret or not hmac.compare_digest(expected.encode(), signature.encode()):
        raise Unverified("the signature does not match what came back")
