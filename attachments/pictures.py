"""What was handed in, by its first bytes, and the picture that a child with limits draws of it."""

import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django.conf import settings
from django.db import models
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from attachments.models import CameAs
from cspdcl.kernel.errors import DomainError

MEMORY_MAX: Final = 1024**3  # of addresses, of the child
SECONDS_MAX: Final = 10  # of its processor time; twice that by the clock
SIDE_MAX: Final = 2000  # pixels of the longest side of a page

_SOI: Final = b"\xff\xd8\xff"  # how every JPEG begins
_BEGINNINGS: Final = {
    _SOI: CameAs.JPEG,
    b"\x89PNG\r\n\x1a\n": CameAs.PNG,
    b"%PDF-": CameAs.PDF,
}
_HEIC: Final = (b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1", b"avif")

log = logging.getLogger(__name__)


class Why(models.TextChoices):
    """Why a file is not taken; the words say what to do instead."""

    EMPTY = "empty", gettext_lazy("The file is empty.")
    TOO_LARGE = "too_large", gettext_lazy("The file is larger than %(most)s.")
    HEIC = (
        "heic",
        gettext_lazy("This is a HEIC picture of a phone; let the phone save it as JPEG."),
    )
    SVG = "svg", gettext_lazy("This is a drawing (SVG), not a photograph or a scan.")
    UNKNOWN = "unknown", gettext_lazy("This is no picture we take; send JPEG, PNG or PDF.")
    UNREADABLE = "unreadable", gettext_lazy("The file is damaged or cut short; take it again.")
    TOO_MANY_PIXELS = (
        "too_many_pixels",
        gettext_lazy("The picture has too many pixels; photograph it with a lower resolution."),
    )
    TOO_MANY_PAGES = "too_many_pages", gettext_lazy("The PDF has more than %(pages)s pages.")
    ENCRYPTED = "encrypted", gettext_lazy("The PDF is protected; print it and scan the print.")
    ACTIVE = "active", gettext_lazy("The PDF holds scripts or other files; scan the paper itself.")
    TOO_HEAVY = "too_heavy", gettext_lazy("The file takes too long to draw; photograph the paper.")


class NotTaken(DomainError):
    """A file that does not become a picture; ``why`` is the reason, the message is for people."""

    code: ClassVar[str] = "attachment_not_taken"

    def __init__(self, why: Why) -> None:
        most = filesizeformat(settings.ATTACHMENT_BYTES_MAX)
        words = {"most": most, "pages": settings.ATTACHMENT_PAGES_MAX}
        super().__init__(_(str(why.label)) % words)
        self.why = why


@dataclass(frozen=True, slots=True)
class Picture:
    """A paper drawn anew: a JPEG, the same too small to read, and their measures."""

    picture: bytes
    small: bytes
    width: int
    height: int
    pages: int


def type_of(upload: bytes) -> CameAs | None:
    """What the bytes say they are; what somebody called the file is not asked."""
    return next((kind for head, kind in _BEGINNINGS.items() if upload.startswith(head)), None)


def redraw(upload: bytes) -> Picture:
    """The paper drawn anew by a child with limits; raises NotTaken."""
    if not upload:
        raise NotTaken(Why.EMPTY)
    if len(upload) > settings.ATTACHMENT_BYTES_MAX:
        raise NotTaken(Why.TOO_LARGE)
    if type_of(upload) is None:
        raise NotTaken(_guess(upload))
    return _read(_child(upload))


def _guess(upload: bytes) -> Why:
    """Something more helpful than "unknown", when the bytes allow it."""
    if upload[4:8] == b"ftyp" and upload[8:12] in _HEIC:
        return Why.HEIC
    return Why.SVG if b"<svg" in upload[:4096].lower() else Why.UNKNOWN


def _child(upload: bytes) -> bytes:
    """What the child wrote. Its output stands in memory files whose size its limits bound."""
    limits = (MEMORY_MAX, SECONDS_MAX, settings.ATTACHMENT_PIXELS_MAX)
    numbers = [*limits, settings.ATTACHMENT_PAGES_MAX, SIDE_MAX]
    with (
        open(os.memfd_create("drawn"), "w+b") as out,  # noqa: PTH123 - it has no path
        open(os.memfd_create("said"), "w+b") as said,  # noqa: PTH123 - the same
    ):
        try:
            done = subprocess.run(  # noqa: S603 - our own program, no shell
                [sys.executable, "-m", "attachments.picture_child", *map(str, numbers)],
                input=upload,
                stdout=out,
                stderr=said,
                timeout=SECONDS_MAX * 2,
                check=False,
                cwd=settings.BASE_DIR,
                env={"LANG": "C.UTF-8", "PYTHONPATH": str(settings.BASE_DIR)},
            )
        except subprocess.TimeoutExpired:
            raise NotTaken(Why.TOO_HEAVY) from None
        out.seek(0)
        said.seek(0)
        if done.returncode:
            last = said.read(100_000).decode(errors="replace").strip()[-500:]
            log.warning("a picture ended its process with %s: %s", done.returncode, last)
            # A signal is a limit that was reached, or a decoder that fell.
            raise NotTaken(Why.TOO_HEAVY if done.returncode < 0 else Why.UNREADABLE)
        return out.read()


def _read(written: bytes) -> Picture:
    """The child's answer; a hostile picture may have written it, so nothing in it is believed."""
    line, _newline, rest = written.partition(b"\n")
    try:
        head: dict[str, Any] = json.loads(line)
        if "refused" in head:
            raise NotTaken(Why(head["refused"]))
        split = int(head["picture"])
        found = Picture(
            picture=rest[:split],
            small=rest[split:],
            width=int(head["width"]),
            height=int(head["height"]),
            pages=int(head["pages"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        log.exception("a picture made its process write nonsense")
        raise NotTaken(Why.UNREADABLE) from None
    sides = 0 < found.width < 2**16 and 0 < found.height < 2**16
    if not (sides and 0 < found.pages <= settings.ATTACHMENT_PAGES_MAX) or not all(
        part.startswith(_SOI) for part in (found.picture, found.small)
    ):
        log.error("a picture made its process write something else than pictures")
        raise NotTaken(Why.UNREADABLE)
    return found
