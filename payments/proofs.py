"""What proves a receipt to anybody: a short token that only we can make, and its QR code.

A token is ``SERIES-YY-NUMBER-MARK``: which receipt, and the first 80 bits of our mark of it in
Crockford's base 32. It names no person. A token that we did not make costs no query and tells
nothing, not even whether there is such a receipt.
"""

import re
from typing import Final

import segno
from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from cspdcl.kernel import crypto
from payments.models import Receipt

MARK_BYTES: Final = 10  # 80 bits
_PLACE: Final = "payments_receipt.token"
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TOKEN: Final = re.compile(
    rf"([A-Z0-9_-]{{1,24}})-([0-9]{{2}})-([1-9][0-9]{{0,11}})-([{_ALPHABET}]{{16}})"
)


def token_of(receipt: Receipt) -> str:
    """The receipt's token: ``RPR1-26-123-7ZC4M9RVD2KQX0AT``; always the same under one key."""
    words = _words(receipt.series, receipt.year, receipt.number)
    said = _written(crypto.mark(words, place=_PLACE)[:MARK_BYTES])
    return f"{receipt.series}-{receipt.year[2:4]}-{receipt.number}-{said}"


def receipt_of(token: str) -> Receipt | None:
    """The receipt of a token that we made; None for every other word, in the same time."""
    found = _TOKEN.fullmatch(token.upper()) if token.isascii() else None
    series, began, number, said = found.groups() if found else ("-", "00", "1", "0" * 16)
    year = f"20{began}-{(int(began) + 1) % 100:02d}"
    is_ours = crypto.is_marked(_words(series, year, int(number)), _read(said), place=_PLACE)
    if found is None or not is_ours:
        return None
    rows = Receipt.objects.select_related(
        "payment__channel", "payment__counter", "payment__office", "payment__consumer"
    )
    return rows.filter(series=series, year=year, number=int(number)).first()


def address_of(receipt: Receipt) -> str:
    """Where anybody can check the receipt."""
    return f"{settings.PUBLIC_URL}{reverse('payments:check', args=[token_of(receipt)])}"


def code_of(receipt: Receipt) -> SafeString:
    """The address as a QR code, error level M, as SVG for paper and page."""
    made = segno.make(address_of(receipt), error="m", micro=False, boost_error=False)
    picture: str = made.svg_inline(border=0, omitsize=True, svgclass="qr", lineclass=None)
    return mark_safe(picture)  # noqa: S308 - segno's own drawing: no word of ours stands in it


def _words(series: str, year: str, number: int) -> str:
    return f"{series}/{year}/{number}"


def _written(mark: bytes) -> str:
    number = int.from_bytes(mark, "big")
    places = range(MARK_BYTES * 8 - 5, -1, -5)
    return "".join(_ALPHABET[number >> place & 31] for place in places)


def _read(said: str) -> bytes:
    number = 0
    for sign in said:
        number = number << 5 | _ALPHABET.index(sign)
    return number.to_bytes(MARK_BYTES, "big")
