"""The fields of PayU's messages, whether they come as a form, as parts or as JSON."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl

from channels_ import json_strict
from channels_.contract import Inbound, Unreadable
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import NotMoney, Paise, paise_from_rupees

FIELDS_MAX: Final = 200
DIGITS_MAX: Final = 24

_MOMENT: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})[ T](\d{2})[: ](\d{2})[: ](\d{2})")
# Forms in parts: what browsers and servers send, and nothing else of MIME.
_BOUNDARY: Final = re.compile(
    r"boundary=(?:\"(?P<quoted>[A-Za-z0-9'()+_,./:=? -]{1,70})\""
    r"|(?P<bare>[A-Za-z0-9'+_./-]{1,70}))(?:;|$)"
)
_HEADER: Final = re.compile(r"^([A-Za-z-]{1,40}):([^\n]*)$", re.MULTILINE)
_NAMED: Final = re.compile(r'form-data; ?name="(?P<name>[^"\\\r\n;]{1,64})"')
_PLAIN: Final = ("7bit", "8bit", "binary")
_HEAD_MAX: Final = 512

Fields = Mapping[str, str]


def fields_of(inbound: Inbound) -> Fields:
    """Every field once, as text; what two readers could read in two ways is refused."""
    kind = inbound.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _once(_parts(inbound))
    if kind == "application/json" or inbound.body.lstrip()[:1] == b"{":
        return texts_of(json_strict.object_at(json_strict.loads(inbound.body)))
    return _once(form_of(inbound.body))


def form_of(body: bytes) -> list[tuple[str, str]]:
    """The pairs of a form, percent-encoded or, as some senders do it, not."""
    try:
        text = body.decode("utf-8")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError as error:
        raise Unreadable(f"expected a form in UTF-8: {error}") from error


def texts_of(said: Mapping[str, Any]) -> Fields:
    """The plain values of an object as the text they were written in; nested ones are left out."""
    return {name: text_of(value) for name, value in said.items() if _is_plain(value)}


def text_of(value: Any) -> str:
    """A value as text: PayU writes identifiers and amounts now as text, now as numbers."""
    if value is None:
        return ""
    # 1e999999999 is eleven characters of JSON and a gigabyte of digits: it stays as it is written.
    is_plain = isinstance(value, Decimal) and abs(value.adjusted()) <= DIGITS_MAX
    return format(value, "f") if is_plain else str(value)


def amount_of(fields: Fields, *names: str) -> Paise:
    """The first of these amounts that is there, in rupees above zero."""
    name = next((one for one in names if fields.get(one)), names[0])
    try:
        amount = paise_from_rupees(fields.get(name, ""))
    except NotMoney as error:
        raise Malformed(f"{name}: {error}") from error
    if amount <= 0:
        raise Malformed(f"expected an amount above zero as {name}")
    return amount


def moment_of(text: str) -> datetime | None:
    """A moment by India's clock, such as ``2026-08-18 11:42:07``; nothing when nothing is told."""
    if not text:
        return None
    found = _MOMENT.fullmatch(text)
    try:
        digits = "".join(found.groups()) if found else text
        local = datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007 - India's, as documented
    except ValueError as error:
        raise Malformed(f"expected YYYY-MM-DD HH:MM:SS, got {text[:30]!r}") from error
    return local.replace(tzinfo=INDIA)


def _is_plain(value: Any) -> bool:
    return value is None or (isinstance(value, str | int | Decimal) and type(value) is not bool)


def _once(pairs: Iterable[tuple[str, str]]) -> Fields:
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise Unreadable(f"expected the field {name[:40]!r} once")
        if "\0" in name or "\0" in value:
            raise Unreadable("a field holds NUL")
        found[name] = value
    return found


def _parts(inbound: Inbound) -> list[tuple[str, str]]:
    """The parts of a form, cut by hand in one go.

    A general reader of MIME reads parts within parts within parts, for minutes, and a hash that
    stands inside of them proves nothing before it has done so.
    """
    named = _BOUNDARY.search(inbound.headers["content-type"])
    if named is None:
        raise Unreadable("expected a boundary of the parts")
    border = b"\r\n--" + (named["quoted"] or named["bare"]).encode()
    before, *parts = (b"\r\n" + inbound.body).split(border, FIELDS_MAX + 1)
    if before or len(parts) < 2 or parts.pop().rstrip(b"\r\n") != b"--":
        raise Unreadable(f"expected 1 to {FIELDS_MAX} parts of a form")
    return [_part(part) for part in parts]


def _part(part: bytes) -> tuple[str, str]:
    head, blank, content = part.partition(b"\r\n\r\n")
    if not blank or not head.startswith(b"\r\n") or len(head) > _HEAD_MAX:
        raise Unreadable("expected parts with a short head and a content")
    try:
        lines = head.decode("ascii").split("\r\n")[1:]
        value = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable("expected parts in UTF-8") from error
    said = dict(_HEADER.findall("\n".join(lines)))
    headers = {name.lower(): text.strip() for name, text in said.items()}
    named = _NAMED.fullmatch(headers.pop("content-disposition", ""))
    coded = headers.pop("content-transfer-encoding", "8bit").lower()
    headers.pop("content-type", None)
    if len(said) != len(lines) or headers or named is None or coded not in _PLAIN:
        raise Unreadable("expected parts with a name each, plain, and no files")
    return named["name"], value
