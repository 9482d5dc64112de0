"""Virtual accounts: what every bank that credits them tells, read the same strict way. Pure.

A virtual account is a prefix, agreed with the bank, and a consumer number or business partner.
"""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from channels_.contract import Method
from channels_.formats.references import is_ifsc
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed, Unverified
from cspdcl.kernel.money import NotMoney, Paise, paise_from_rupees

METHODS: Final[Mapping[str, Method]] = {
    "N": Method.NEFT,
    "NEFT": Method.NEFT,
    "R": Method.RTGS,
    "RTGS": Method.RTGS,
    "I": Method.IMPS,
    "IMPS": Method.IMPS,
    "U": Method.UPI,
    "UPI": Method.UPI,
}

PREFIXES: Final = "prefixes"  # in Channel.settings
ADDRESSES: Final = "addresses"
AGREED: Final[Mapping[str, str]] = {
    PREFIXES: "Texts that our virtual accounts begin with, before the consumer's digits.",
    ADDRESSES: "Internet addresses that the bank sends from: 203.0.113.7 or 203.0.113.0/28.",
}

_NUMBER: Final = re.compile(r"[0-9]{6,12}")
_UTR: Final = re.compile(r"[A-Z0-9]{6,40}")
_NEAR: Final = timedelta(days=3)


def number_in(account: str, settings: Mapping[str, Any]) -> str:
    """The consumer number or business partner in a virtual account; empty when it is not ours."""
    bare = "".join(account.split()).upper()
    for prefix in prefixes_of(settings):
        digits = bare.removeprefix(prefix.upper())
        if bare.startswith(prefix.upper()) and _NUMBER.fullmatch(digits):
            return digits
    return ""


def prefixes_of(settings: Mapping[str, Any]) -> list[str]:
    """What our virtual accounts begin with, as agreed with one bank."""
    return _texts(settings, PREFIXES)


def utr_of(text: str) -> str:
    """The bank's reference of a credit in capitals; Malformed when it is none."""
    utr = text.strip().upper()
    if not _UTR.fullmatch(utr):
        raise Malformed("expected a UTR of 6 to 40 letters and digits")
    return utr


def amount_of(value: Any) -> Paise:
    """An amount in rupees, as text or as an exact number."""
    if type(value) in (int, Decimal):
        value = str(value)
    if not isinstance(value, str):
        raise Malformed("expected an amount in rupees")
    try:
        amount = paise_from_rupees(value)
    except NotMoney as error:
        raise Malformed(f"amount: {error}") from error
    if amount <= 0:
        raise Malformed("expected an amount above zero")
    return amount


def day_of(text: str, formats: Sequence[str], *, at: datetime) -> datetime | None:
    """The told day, when it is a past one near the arrival: banks write months and days both ways.

    None leaves the moment of the arrival, which on the day itself says more.
    """
    for known in formats:
        try:
            day = datetime.strptime(text.strip(), known).replace(tzinfo=INDIA).date()
        except ValueError:
            continue
        arrived = at.astimezone(INDIA).date()
        if timedelta(0) < arrived - day <= _NEAR:
            return datetime.combine(day, time(12), INDIA)
        return None
    return None


def payer_of(account: str, name: str) -> str:
    """What is kept of a payer: the account, else the name."""
    return (account.strip() or name.strip())[:120]


def ifsc_of(text: str) -> str:
    """The branch of the payer, when the text is one."""
    bare = text.strip().upper()
    return bare if is_ifsc(bare) else ""


def check_address(address: str, settings: Mapping[str, Any], *, is_needed: bool) -> None:
    """Refuse a sender that the bank did not name; without a list nobody is let in if one is needed.

    A fault in the list lets nobody in either.
    """
    listed = _texts(settings, ADDRESSES)
    if not listed and not is_needed:
        return
    try:
        sender = ipaddress.ip_address(address.removeprefix("::ffff:"))
        networks = [ipaddress.ip_network(one) for one in listed]
    except ValueError as error:
        raise Unverified("the sender's address, or the list of addresses, is none") from error
    if not any(sender.version == one.version and sender in one for one in networks):
        raise Unverified("the sender's address is not on the bank's list")


def _texts(settings: Mapping[str, Any], name: str) -> list[str]:
    told = settings.get(name) or []
    found = [told] if isinstance(told, str) else list(told) if isinstance(told, list) else []
    return [one for one in found if isinstance(one, str) and one]
