"""Tables inside XML and JSON: each record as a row of the fields that a mapping asks for.

A field is named by the names on the way to it, ``Amount`` or ``Details/Reference``; an attribute by
``@``, ``Amount/@currency``. The first row that is given is the header.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, BinaryIO, Final

from lxml import etree

from channels_ import json_strict
from channels_.formats.guard import MEGABYTE, check_size
from channels_.formats.xml_stream import events
from cspdcl.kernel.errors import Malformed

XML_MAX: Final = 2000 * MEGABYTE
JSON_MAX: Final = 64 * MEGABYTE  # is held in memory
DEPTH_MAX: Final = 40
ELEMENTS_MAX: Final = 1_000  # of one record


def xml_rows(
    file: BinaryIO, *, record: str, fields: Sequence[str]
) -> Iterator[tuple[int, list[str]]]:
    """One row for each element of that name; it is dropped from memory before the next is read."""
    check_size(file, limit=XML_MAX)
    yield 0, list(fields)
    number = depth = inside = held = 0
    for event, element in events(file):
        if event == "start":
            depth += 1
            held += 1
            if depth > DEPTH_MAX or held > ELEMENTS_MAX:
                raise Malformed(f"record {number + 1} is deeper or wider than any record may be")
            if not inside and _name(element) == record:
                inside, held = depth, 1
            continue
        if depth == inside:
            number += 1
            yield number, [_xml_field(element, field) for field in fields]
        if depth <= inside or not inside:
            _drop(element)
            inside = held = 0
        depth -= 1
    if not number:
        raise Malformed(f"expected records <{record}> in the file, found none")


def json_rows(
    file: BinaryIO, *, record: str, fields: Sequence[str]
) -> Iterator[tuple[int, list[str]]]:
    """One row for each object of the array under that name; without a name, of the document."""
    check_size(file, limit=JSON_MAX)
    found = json_strict.loads(file.read().removeprefix(b"\xef\xbb\xbf"))
    for name in filter(None, record.split("/")):
        found = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(found, list):
        raise Malformed(f"expected an array under {record or 'the document'!r}, found none")
    yield 0, list(fields)
    for number, one in enumerate(found, start=1):
        if not isinstance(one, Mapping):
            raise Malformed(f"record {number}: expected an object")
        yield number, [_json_field(one, field) for field in fields]


def _xml_field(element: etree._Element, field: str) -> str:
    path, _at, attribute = field.partition("@")
    path = "/".join(f"{{*}}{name}" for name in path.strip("/").split("/") if name)
    found = element.find(path) if path else element
    if found is None:
        return ""
    return str(found.get(attribute, "")) if attribute else (found.text or "").strip()


def _json_field(one: Mapping[str, Any], field: str) -> str:
    found: Any = one
    for name in field.split("/"):
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, Decimal):
        return format(found, "f")
    if isinstance(found, str | int) and not isinstance(found, bool):
        return str(found).strip()
    return ""


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _drop(element: etree._Element) -> None:
    element.clear()
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)
