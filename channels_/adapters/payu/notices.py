"""PayU's webhooks: the reverse hash proves seven facts of a payment, and nothing else of it.

Signed are status, amount, txnid, product, name, e-mail and udf1 to udf10. PayU's own id, the
method and the bank's reference are not, and the same fields travel through the payer's browser:
therefore every payment is a reason to ask ``verify_payment``, never proof by itself.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from channels_.adapters.payu.fields import Fields, fields_of
from channels_.adapters.payu.payments import payment_of
from channels_.contract import Inbound, Notice, Setup, Unreadable, WrongMerchant
from cspdcl.kernel.errors import Unverified

SECRET: Final = "salt"  # noqa: S105 - the name of the secret, not the secret

REQUIRED: Final = ("key", "txnid", "status", "amount", "hash")
UDFS: Final = tuple(f"udf{number}" for number in range(1, 11))
REVERSED: Final = ("status", *reversed(UDFS), "email", "firstname", "productinfo", "amount")
CHARGES: Final = "additionalCharges"

# The salt stands first, so bytes could be appended behind the key: it must look like a key.
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHA512: Final = re.compile(r"[0-9A-Fa-f]{128}")


def verify(inbound: Inbound, setup: Setup) -> None:
    """Prove the signed fields by the salt, with the surcharge in front when one is told."""
    salt = setup.secrets.get(SECRET, "")
    if not salt:
        raise Unverified("expected a salt")
    try:
        fields = _checked(inbound)
    except Unreadable as error:
        raise Unverified(f"no reverse hash: {error}") from error
    given = fields["hash"]
    if not _SHA512.fullmatch(given) or not _KEY.fullmatch(fields["key"]):
        raise Unverified("expected a hash of 128 hex digits, and a key")
    if not hmac.compare_digest(reverse_hash(fields, salt=salt), given.lower()):
        raise Unverified("hash does not match the fields")
    if setup.merchant_id and not hmac.compare_digest(
        fields["key"].encode(), setup.merchant_id.encode()
    ):
        raise WrongMerchant(f"meant for the key {fields['key']}")


def parse(inbound: Inbound, setup: Setup) -> Sequence[Notice]:
    """The one payment of a notice."""
    fields = _checked(inbound)
    payment = payment_of(
        fields,
        mihpayid=fields.get("mihpayid", ""),
        amount_names=("amount",),
        settings=setup.settings,
    )
    return [replace(payment, confirm=True)]


def reverse_hash(fields: Fields, *, salt: str) -> str:
    """What PayU writes as ``hash``: the salt first, then the fields from the last to the first."""
    words = [salt, *(fields.get(name, "") for name in REVERSED), fields["txnid"], fields["key"]]
    if fields.get(CHARGES):
        words.insert(0, fields[CHARGES])
    return hashlib.sha512("|".join(words).encode()).hexdigest()


def _checked(inbound: Inbound) -> Fields:
    """The fields, complete, and none of the signed ones cut in two by the separator."""
    fields = fields_of(inbound)
    for name in REQUIRED:
        if not fields.get(name):
            raise Unreadable(f"expected the field {name}")
    for name in (*REVERSED, CHARGES, "txnid", "key"):
        if "|" in fields.get(name, ""):
            raise Unreadable(f"{name}: a signed field must not hold the separator")
    return fields
