"""XML files, streamed: no DOCTYPE, no entities, in the few encodings that can be checked."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from lxml import etree

from channels_.formats.guard import CHUNK, check_doctype, head_of
from cspdcl.kernel.errors import Malformed

ENCODINGS: Final = frozenset({"utf-8", "us-ascii", "ascii", "iso-8859-1", "windows-1252"})

_DECLARATION: Final = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([^\"']*)[\"']")


def events(file: BinaryIO) -> Iterator[tuple[str, etree._Element]]:
    """Start and end events of a document without DOCTYPE, in an encoding where ``<`` is ``<``."""
    encoding = encoding_of(head_of(file))
    parser = etree.XMLPullParser(
        events=("start", "end"),
        encoding=encoding,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    tail = b""
    try:
        while chunk := file.read(CHUNK):
            check_doctype(tail + chunk)
            tail = chunk[-16:]
            parser.feed(chunk)
            yield from _pairs(parser)
        parser.close()
        yield from _pairs(parser)
    except etree.XMLSyntaxError as error:
        raise Malformed(f"not well-formed XML, the file may be cut short: {error.msg}") from error


def _pairs(parser: etree.XMLPullParser) -> Iterator[tuple[str, etree._Element]]:
    pairs: Iterator[Any] = parser.read_events()
    return pairs


def encoding_of(head: bytes) -> str:
    """The declared encoding, out of the few in which the DOCTYPE check can see."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start.startswith(b"<") or b"\0" in head:
        raise Malformed("expected XML in UTF-8")
    declared = _DECLARATION.match(start)
    encoding = declared[1].decode("ascii", "replace").lower() if declared else "utf-8"
    if encoding not in ENCODINGS:
        raise Malformed(f"expected XML in UTF-8, got {encoding}")
    return encoding
