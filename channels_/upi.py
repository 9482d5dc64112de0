"""UPI as every channel needs it: links and QR codes to pay by, response codes, the identifiers.

Pure. A code that the table does not know, and every time-out, is unknown and never a failure: the
payer may have been debited.
"""

import binascii
import csv
import html
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

import segno

from channels_.contract import NOTHING, Outcome
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.ids import is_reference
from cspdcl.kernel.money import NotMoney, Paise, paise_from_rupees, rupees_from_paise

UTILITIES: Final = "4900"  # merchant category: electricity, gas, water
CURRENCY: Final = "INR"
NOTE_MAX: Final = 50
REFERENCE_MAX: Final = 35

_SCHEME: Final = "upi://pay?"
_VPA: Final = re.compile(r"[A-Za-z0-9.\-_]{2,256}@[A-Za-z][A-Za-z0-9]{1,63}")
_RRN: Final = re.compile(r"[0-9]{12}")
_CATEGORY: Final = re.compile(r"[0-9]{4}")
_REFERENCE: Final = re.compile(r"[A-Za-z0-9]{1,35}")
_LINK_LONGEST: Final = 2048


# ---- identifiers ----


def is_vpa(text: str) -> bool:
    """Whether the text has the shape of a UPI address: name@handle."""
    return _VPA.fullmatch(text) is not None


def is_rrn(text: str) -> bool:
    """Whether the text is a retrieval reference number: twelve ASCII digits, kept as text."""
    return _RRN.fullmatch(text) is not None


def carried(reference: str) -> str:
    """Our reference as ``tr`` may carry it: letters and digits only."""
    return reference.replace("-", "").upper()


def reference_of(told: str) -> str:
    """Our reference out of a ``tr`` that came back; empty when it is not one of ours."""
    bare = carried(told)
    return f"{bare[:5]}-{bare[5:13]}-{bare[13:]}" if is_reference(bare) else ""


# ---- response codes ----


class Family(StrEnum):
    """What a response code means for the money."""

    FINAL_SUCCESS = "FINAL_SUCCESS"
    FINAL_FAIL = "FINAL_FAIL"
    UNKNOWN = "UNKNOWN"  # nobody knows yet: ask
    DEEMED = "DEEMED"  # debited; the credit is believed to follow
    REVERSED = "REVERSED"  # debited, and given back in full


class ResponseCode(NamedTuple):
    """One response code of UPI."""

    code: str
    family: Family
    text: str

    @property
    def outcome(self) -> Outcome:
        """What it makes of a payment; only what is final decides."""
        return _OUTCOMES[self.family]


_OUTCOMES: Final[Mapping[Family, Outcome]] = {
    Family.FINAL_SUCCESS: Outcome.SUCCEEDED,
    Family.FINAL_FAIL: Outcome.FAILED,
    Family.REVERSED: Outcome.FAILED,
    Family.UNKNOWN: Outcome.PENDING,
    Family.DEEMED: Outcome.PENDING,
}


def _read_codes(text: str) -> Mapping[str, ResponseCode]:
    rows = csv.DictReader(io.StringIO(text))
    codes = [ResponseCode(row["code"], Family(row["family"]), row["text"]) for row in rows]
    found = {one.code: one for one in codes}
    if len(found) != len(codes):
        raise ValueError("a response code stands twice in the table")
    return MappingProxyType(found)


CODES: Final = _read_codes(Path(__file__).with_name("upi_codes.csv").read_text(encoding="utf-8"))


def response(code: str, *, agreed: Mapping[str, str] = MappingProxyType({})) -> ResponseCode:
    """What a response code means; ``agreed`` names families by code for what the table lacks."""
    bare = code.strip().upper()
    family = agreed.get(bare)
    if family is not None:
        try:
            return ResponseCode(bare, Family(family), "as agreed with the bank")
        except ValueError as error:
            raise Malformed(f"settings: {bare} is agreed as {family!r}, no family") from error
    return CODES.get(bare) or ResponseCode(bare, Family.UNKNOWN, "not in the table")


# ---- links ----


@dataclass(frozen=True, slots=True, kw_only=True)
class PayLink:
    """What a payer's application is told. Without an amount the payer enters it."""

    vpa: str
    name: str
    reference: str = ""  # tr: as carried, letters and digits
    amount_paise: Paise = NOTHING
    note: str = ""
    category: str = UTILITIES
    city: str = ""  # of a QR code only
    more: Mapping[str, str] = field(default_factory=dict)  # parameters that we do not interpret


def link_of(asked: PayLink) -> str:
    """The ``upi://pay`` link, its parameters percent-encoded; blanks never become plus signs."""
    _check(asked)
    said = {
        "pa": asked.vpa,
        "pn": asked.name,
        "mc": asked.category,
        "tr": asked.reference,
        "tn": asked.note,
        "am": rupees_from_paise(asked.amount_paise) if asked.amount_paise else "",
        "cu": CURRENCY,
    }
    pairs = [*said.items(), *((name, asked.more[name]) for name in asked.more if name not in said)]
    text = "&".join(f"{name}={quote(value, safe='@.-_')}" for name, value in pairs if value)
    return _SCHEME + text


def read_link(text: str) -> PayLink:
    """Read a ``upi://pay`` link, also one whose ``&`` became ``&amp;`` on its way."""
    if len(text) > _LINK_LONGEST or not text.lower().startswith(_SCHEME):
        raise Malformed(f"expected a link that begins with {_SCHEME}")
    said: dict[str, str] = {}
    for pair in html.unescape(text[len(_SCHEME) :]).split("&"):
        name, _equals, value = pair.partition("=")
        if name in said:
            raise Malformed(f"{name} stands twice in the link")
        said[name] = _unquoted(value)
    currency = said.pop("cu", CURRENCY)
    if currency != CURRENCY:
        raise Malformed(f"expected {CURRENCY}, got {currency}")
    found = PayLink(
        vpa=said.pop("pa", ""),
        name=said.pop("pn", ""),
        reference=said.pop("tr", ""),
        amount_paise=_amount(said.pop("am", "")),
        note=said.pop("tn", ""),
        category=said.pop("mc", ""),
        more={name: value for name, value in said.items() if name},
    )
    if not is_vpa(found.vpa):
        raise Malformed("expected a UPI address as pa")
    return found


# ---- QR codes ----


def svg(text: str, *, scale: int = 6) -> str:
    """A QR code of the text as an SVG element, black on white with its quiet zone."""
    out = io.BytesIO()
    _symbol(text).save(
        out, kind="svg", scale=scale, border=4, light="#fff", xmldecl=False, svgns=True
    )
    return out.getvalue().decode()


def png(text: str, *, scale: int = 6) -> bytes:
    """A QR code of the text as a PNG picture."""
    out = io.BytesIO()
    _symbol(text).save(out, kind="png", scale=scale, border=4)
    return out.getvalue()


def bharat_qr_of(asked: PayLink) -> str:
    """The same offer in the tag-length-value form of EMVCo that BharatQR uses, dynamic."""
    _check(asked)
    merchant = _field("00", "upi.npci.org") + _field("01", asked.vpa)
    more = _field("05", asked.reference) if asked.reference else ""
    body = "".join(
        (
            _field("00", "01"),
            _field("01", "12" if asked.amount_paise else "11"),
            _field("26", merchant),
            _field("52", asked.category),
            _field("53", "356"),
            _field("54", rupees_from_paise(asked.amount_paise)) if asked.amount_paise else "",
            _field("58", "IN"),
            _field("59", asked.name[:25]),
            _field("60", (asked.city or "INDIA")[:15]),
            _field("62", more) if more else "",
            "6304",
        )
    )
    return body + _checksum(body)


def read_bharat_qr(text: str) -> PayLink:
    """Read an EMVCo QR code; a wrong check sum or length is refused."""
    if len(text) > _LINK_LONGEST or not text.isascii():
        raise Malformed("expected an EMVCo QR code in ASCII")
    if text[-8:-4] != "6304" or text[-4:].upper() != _checksum(text[:-4]):
        raise Malformed("the check sum of the QR code is wrong")
    said = dict(_fields(text))
    merchant = dict(_fields(said.get("26", "")))
    if merchant.get("00", "").lower() != "upi.npci.org" or not is_vpa(merchant.get("01", "")):
        raise Malformed("the QR code names no UPI address")
    if said.get("53", "356") != "356":
        raise Malformed(f"expected currency 356, got {said['53']}")
    return PayLink(
        vpa=merchant["01"],
        name=said.get("59", ""),
        reference=dict(_fields(said.get("62", ""))).get("05", ""),
        amount_paise=_amount(said.get("54", "")),
        category=said.get("52", ""),
        city=said.get("60", ""),
    )


# ---- helpers ----


def _check(asked: PayLink) -> None:
    if not is_vpa(asked.vpa):
        raise Malformed("expected a UPI address to pay to")
    if not asked.name.strip():
        raise Malformed("expected the name of the payee")
    if not _CATEGORY.fullmatch(asked.category):
        raise Malformed("expected a merchant category of four digits")
    if asked.reference and not _REFERENCE.fullmatch(asked.reference):
        raise Malformed(f"expected at most {REFERENCE_MAX} letters and digits as tr")
    if len(asked.note) > NOTE_MAX:
        raise Malformed(f"expected a note of at most {NOTE_MAX} characters")
    if asked.amount_paise < 0:
        raise Malformed("expected no negative amount")


def _unquoted(value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError as error:
        raise Malformed("a parameter is not percent-encoded UTF-8") from error


def _amount(text: str) -> Paise:
    if text in ("", "null"):
        return NOTHING
    try:
        amount = paise_from_rupees(text)
    except NotMoney as error:
        raise Malformed(f"am: {error}") from error
    if amount <= 0:
        raise Malformed("am: expected an amount above zero")
    return amount


def _symbol(text: str) -> segno.QRCode:
    return segno.make(text, error="m", micro=False)


def _field(tag: str, value: str) -> str:
    if not value.isascii() or not 0 < len(value) <= 99:
        raise Malformed(f"tag {tag}: expected 1 to 99 ASCII characters")
    return f"{tag}{len(value):02d}{value}"


def _fields(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        tag, length = text[at : at + 2], text[at + 2 : at + 4]
        if not (tag.isdecimal() and length.isdecimal() and len(length) == 2):
            raise Malformed(f"expected a tag and a length at character {at}")
        value = text[at + 4 : at + 4 + int(length)]
        if len(value) != int(length):
            raise Malformed(f"tag {tag} is cut off")
        yield tag, value
        at += 4 + int(length)


def _checksum(text: str) -> str:
    """CRC-16/CCITT-FALSE over everything up to and including ``6304``."""
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"
