"""Papers made by Pillow for these tests, good and hostile."""

import io
import random
import struct
import zlib

from PIL import Image, ImageDraw
from PIL.TiffImagePlugin import IFDRational

GPS = 0x8825
ORIENTATION = 0x0112
MAKER = 0x010F
PLACE = b"GPS of the payer"


def cheque(size: tuple[int, int] = (640, 300), mode: str = "RGB") -> Image.Image:
    """A picture that no encoder takes for a plain ground."""
    picture = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(picture)
    for step in range(0, size[0], 7):
        pen.line((step, 0, size[0] - step, size[1]), fill=(step % 256, 90, 160), width=2)
    pen.text((20, 20), "A SAMPLE CHEQUE", fill="black")
    return picture.convert(mode)


def saved(picture: Image.Image, how: str = "JPEG", **options: object) -> bytes:
    """The bytes of a picture."""
    out = io.BytesIO()
    picture.save(out, how, **options)
    return out.getvalue()


def jpeg(size: tuple[int, int] = (640, 300)) -> bytes:
    """A plain photograph."""
    return saved(cheque(size), quality=90)


def with_gps(turn: int = 6) -> bytes:
    """A photograph that says where it was taken, by which camera, and which side is up."""
    exif = Image.Exif()
    exif[MAKER] = "A SAMPLE CAMERA"
    exif[ORIENTATION] = turn
    exif.get_ifd(GPS).update({1: "N", 2: (IFDRational(21), IFDRational(14), IFDRational(59))})
    return saved(cheque(), exif=exif, comment=PLACE)


def pdf(pages: int = 1, **options: object) -> bytes:
    """A scan as PDF."""
    first, *others = [cheque() for _ in range(pages)]
    return saved(first, "PDF", save_all=True, append_images=others, **options)


def bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """A PNG of a few hundred bytes that says it has very many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"\0" * 1000)), chunk(b"IEND", b""))
    )


def mutated(good: bytes, dice: random.Random) -> bytes:
    """The same bytes with something broken: overwritten, cut, doubled, or put elsewhere."""
    raw = bytearray(good)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(raw))
        match dice.randrange(6):
            case 0:
                raw[at] = dice.randrange(256)
            case 1:
                raw[at] = dice.choice((0, 0xFF, 0x7F, 0x80))
            case 2:
                del raw[at : at + dice.randint(1, 200)]
            case 3:
                raw[at:at] = raw[at : at + dice.randint(1, 200)]
            case 4:
                raw[at : at + 4] = dice.randbytes(4)
            case _:
                raw = raw[: max(at, 12)]
        if len(raw) < 12:
            break
    return bytes(raw)
