"""A process of its own that redraws one paper: it holds no secret, writes no file, may not grow.

Reads the bytes from standard input; writes one line of JSON, then the JPEG, then the small JPEG to
standard output. Only the standard library, Pillow and pdfium are loaded, after the limits stand.
"""

import io
import json
import resource
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image

WRITTEN_MAX: Final = 24 * 1024 * 1024  # bytes; of anything this process writes
FILES_MAX: Final = 64
QUALITY: Final = 80
SMALL_SIDE: Final = 160  # shows which paper it is, and no number on it
GAP: Final = 8  # pixels between two pages
POINTS_MIN: Final = 1  # of a side of a page; pdfium says zero of what it cannot measure
_FORMATS: Final = ("JPEG", "PNG")


class Refused(Exception):
    """The bytes are not taken; the argument is a code of attachments.pictures.Why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is still drawn."""

    pixels: int
    pages: int
    side: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """One paper drawn anew."""

    picture: bytes
    small: bytes
    width: int
    height: int
    pages: int


def main(arguments: Sequence[str]) -> int:
    """Limit this process, then answer with the new picture or with the code of a refusal."""
    memory, seconds, pixels, pages, side = map(int, arguments)
    _limit(memory=memory, seconds=seconds)
    warnings.simplefilter("ignore")  # of Pillow, about what is broken but can be drawn
    try:
        drawn = redraw(sys.stdin.buffer.read(), Limits(pixels=pixels, pages=pages, side=side))
    except Refused as refused:
        _write({"refused": str(refused)})
    else:
        head = {"width": drawn.width, "height": drawn.height, "pages": drawn.pages}
        _write({**head, "picture": len(drawn.picture)}, drawn.picture, drawn.small)
    return 0


def redraw(raw: bytes, limits: Limits) -> Drawn:
    """Draw a JPEG, a PNG or the pages of a PDF anew; of the bytes that came nothing is copied."""
    from PIL import Image  # noqa: PLC0415 - not before the limits stand

    try:
        pages = _pages(raw, limits) if raw.startswith(b"%PDF-") else [_photo(raw, limits)]
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused("too_many_pixels") from None
    except MemoryError:
        raise Refused("too_heavy") from None
    # What Pillow raises, here and there, about bytes that are no picture.
    except (OSError, SyntaxError, ValueError, EOFError, LookupError, ArithmeticError, TypeError):
        raise Refused("unreadable") from None
    whole = _below_one_another(pages)
    small = whole.copy()
    small.thumbnail((SMALL_SIDE, SMALL_SIDE))
    return Drawn(_jpeg(whole), _jpeg(small), *whole.size, len(pages))


def _limit(*, memory: int, seconds: int) -> None:
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, WRITTEN_MAX),
        (resource.RLIMIT_NOFILE, FILES_MAX),
        (resource.RLIMIT_NPROC, 0),  # starts no other process
    ):
        resource.setrlimit(what, (most, most))


def _write(head: dict[str, object], *parts: bytes) -> None:
    out = sys.stdout.buffer
    out.write(json.dumps(head).encode() + b"\n")
    for part in parts:
        out.write(part)
    out.flush()


def _photo(raw: bytes, limits: Limits) -> "Image":
    from PIL import Image, ImageOps  # noqa: PLC0415 - not before the limits stand

    with Image.open(io.BytesIO(raw), formats=_FORMATS) as came:
        if came.width * came.height > limits.pixels:
            raise Refused("too_many_pixels")
        came.draft(None, (limits.side, limits.side))  # a JPEG is decoded small at once
        came.load()
        turn = came.getexif().get(0x0112, 1)
        flat = _flat(came)
    flat.thumbnail((limits.side, limits.side), reducing_gap=2.0)
    # A new picture of the pixels alone: whatever else the file said stays behind.
    clean = Image.new(flat.mode, flat.size)
    clean.paste(flat)
    if turn in range(2, 9):
        clean.getexif()[0x0112] = turn
        clean = ImageOps.exif_transpose(clean)
    clean.info = {}
    return clean


def _flat(came: "Image") -> "Image":
    """Grey or RGB, on white paper where the picture lets something shine through."""
    from PIL import Image  # noqa: PLC0415 - not before the limits stand

    if came.mode.startswith("I"):  # 16 bits of grey
        return came.convert("I").point(lambda value: value / 256).convert("L")
    if came.mode in ("1", "L"):
        return came.convert("L")
    if came.mode in ("LA", "PA", "RGBA") or "transparency" in came.info:
        seen = came.convert("RGBA")
        paper = Image.new("RGB", seen.size, "white")
        paper.paste(seen, mask=seen.getchannel("A"))
        return paper
    return came.convert("RGB")


def _pages(raw: bytes, limits: Limits) -> list["Image"]:
    """The pages of a PDF as pictures; what hides something or acts by itself is refused."""
    import pypdfium2 as pdfium  # noqa: PLC0415 - not before the limits stand
    from pypdfium2 import raw as c  # noqa: PLC0415 - not before the limits stand

    try:
        paper = pdfium.PdfDocument(raw)
    except pdfium.PdfiumError as error:
        is_locked = getattr(error, "err_code", None) in (c.FPDF_ERR_PASSWORD, c.FPDF_ERR_SECURITY)
        raise Refused("encrypted" if is_locked else "unreadable") from None
    if c.FPDF_GetSecurityHandlerRevision(paper) != -1:
        raise Refused("encrypted")
    if c.FPDFDoc_GetJavaScriptActionCount(paper) or c.FPDFDoc_GetAttachmentCount(paper):
        raise Refused("active")
    # pdfium draws and runs nothing; that a paper wants to act is reason enough not to take it.
    if any(word in raw for word in (b"/JavaScript", b"/Launch", b"/EmbeddedFile", b"/RichMedia")):
        raise Refused("active")
    if len(paper) > limits.pages:
        raise Refused("too_many_pages")
    if not len(paper):
        raise Refused("unreadable")
    try:
        return [_page(paper[at], limits.side) for at in range(len(paper))]
    except pdfium.PdfiumError:
        raise Refused("unreadable") from None


def _page(page: object, side: int) -> "Image":
    longest = max(page.get_size())  # type: ignore[attr-defined]  # pypdfium2 carries no types
    if longest < POINTS_MIN:
        raise Refused("unreadable")
    drawn = page.render(scale=side / longest)  # type: ignore[attr-defined]  # the same
    picture: Image = drawn.to_pil().convert("RGB")
    return picture


def _below_one_another(pages: list["Image"]) -> "Image":
    from PIL import Image  # noqa: PLC0415 - not before the limits stand

    if len(pages) == 1:
        return pages[0]
    width = max(page.width for page in pages)
    height = sum(page.height for page in pages) + GAP * (len(pages) - 1)
    whole, top = Image.new("RGB", (width, height), "gray"), 0
    for page in pages:
        whole.paste(page, (0, top))
        top += page.height + GAP
    return whole


def _jpeg(picture: "Image") -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
