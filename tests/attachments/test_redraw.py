"""What is handed in is drawn anew or refused with a sentence, and nothing of its bytes is kept."""

import io
import random
import subprocess
import sys
import zipfile

import pytest
from django.conf import settings as real
from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from attachments import picture_child, pictures
from attachments.picture_child import Limits
from attachments.pictures import NotTaken, Why
from tests.attachments import papers

LIMITS = Limits(pixels=40_000_000, pages=4, side=2000)


def drawn(upload: bytes) -> Image.Image:
    """The new picture, as a reader of it finds it."""
    found = pictures.redraw(upload)
    picture = Image.open(io.BytesIO(found.picture))
    picture.load()
    assert (picture.format, picture.size) == ("JPEG", (found.width, found.height))
    return picture


def written(writer: PdfWriter) -> bytes:
    """The bytes of a PDF."""
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def scan_of(pages: int = 1) -> PdfWriter:
    """A PDF that can still be changed."""
    return PdfWriter(clone_from=io.BytesIO(papers.pdf(pages)))


def scripted() -> bytes:
    writer = scan_of()
    action = DictionaryObject(
        {
            NameObject("/S"): NameObject("/JavaScript"),
            NameObject("/JS"): TextStringObject("app.alert(1)"),
        }
    )
    writer.root_object[NameObject("/OpenAction")] = action
    return written(writer)


def with_a_file() -> bytes:
    writer = scan_of()
    writer.add_attachment("other.exe", b"MZ")
    return written(writer)


def locked(password: str) -> bytes:
    writer = scan_of()
    writer.encrypt(password, owner_password="owner", algorithm="RC4-128")
    return written(writer)


def test_a_photograph_loses_its_place_and_stands_upright() -> None:
    upload = papers.with_gps(turn=6)
    assert Image.open(io.BytesIO(upload)).getexif().get_ifd(papers.GPS)

    picture = drawn(upload)

    assert picture.size == (300, 640), "a quarter turn"
    assert not picture.getexif()
    assert not {"exif", "comment", "icc_profile"} & picture.info.keys()
    kept = pictures.redraw(upload).picture
    assert papers.PLACE not in kept
    assert b"SAMPLE CAMERA" not in kept


def test_a_large_one_is_made_smaller_and_a_small_one_is_unreadable() -> None:
    found = pictures.redraw(papers.jpeg((5000, 2500)))

    assert (found.width, found.height, found.pages) == (2000, 1000, 1)
    assert Image.open(io.BytesIO(found.small)).size == (160, 80)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "RGB"])
def test_every_kind_of_png_becomes_grey_or_rgb(mode: str) -> None:
    picture = papers.cheque((64, 48), "L" if mode == "I;16" else "RGB")
    png = picture.convert("I").convert("I;16") if mode == "I;16" else picture.convert(mode)
    made = picture_child.redraw(papers.saved(png, "PNG"), LIMITS)

    again = Image.open(io.BytesIO(made.picture))
    assert again.size == (64, 48)
    assert again.mode == ("L" if mode in ("1", "L", "I;16") else "RGB")


def test_what_shines_through_is_white() -> None:
    made = picture_child.redraw(
        papers.saved(Image.new("RGBA", (9, 9), (0, 0, 0, 0)), "PNG"), LIMITS
    )

    assert Image.open(io.BytesIO(made.picture)).getpixel((4, 4)) == (255, 255, 255)


def test_an_archive_behind_a_picture_is_gone() -> None:
    hidden = io.BytesIO()
    with zipfile.ZipFile(hidden, "w") as archive:
        archive.writestr("evil.html", "<script>alert(1)</script>")

    kept = pictures.redraw(papers.jpeg() + hidden.getvalue()).picture

    assert not zipfile.is_zipfile(io.BytesIO(kept))
    assert b"script" not in kept


def test_the_pages_of_a_scan_stand_below_one_another() -> None:
    one, three = pictures.redraw(papers.pdf(1)), pictures.redraw(papers.pdf(3))

    assert (one.pages, one.width) == (1, 2000)
    assert (three.pages, three.width) == (3, 2000)
    assert three.height == 3 * one.height + 2 * picture_child.GAP


@pytest.mark.parametrize(
    ("upload", "why"),
    [
        pytest.param(b"", Why.EMPTY, id="empty"),
        pytest.param(b"\xff\xd8\xff" + b"0" * real.ATTACHMENT_BYTES_MAX, Why.TOO_LARGE, id="large"),
        pytest.param(b"\0\0\0\x18ftypheic" + b"0" * 99, Why.HEIC, id="heic"),
        pytest.param(b'<?xml version="1.0"?><svg onload="a()"/>', Why.SVG, id="svg"),
        pytest.param(papers.saved(papers.cheque((20, 20)), "GIF"), Why.UNKNOWN, id="gif"),
        pytest.param(b"\n" + papers.jpeg(), Why.UNKNOWN, id="a byte before"),
        pytest.param(papers.jpeg()[:-2000], Why.UNREADABLE, id="cut short"),
        pytest.param(b"\xff\xd8\xff<html>", Why.UNREADABLE, id="only the head of a jpeg"),
        pytest.param(b"%PDF-1.7\n<html>", Why.UNREADABLE, id="only the head of a pdf"),
        pytest.param(papers.bomb(), Why.TOO_MANY_PIXELS, id="50k x 50k"),
        pytest.param(papers.bomb(8000, 7000), Why.TOO_MANY_PIXELS, id="more than forty million"),
        pytest.param(papers.bomb(6000, 6000), Why.UNREADABLE, id="less, and nothing in it"),
        pytest.param(papers.pdf(5), Why.TOO_MANY_PAGES, id="five pages"),
        pytest.param(locked("secret"), Why.ENCRYPTED, id="password"),
        pytest.param(locked(""), Why.ENCRYPTED, id="protected"),
        pytest.param(scripted(), Why.ACTIVE, id="script"),
        pytest.param(with_a_file(), Why.ACTIVE, id="file within"),
    ],
)
def test_what_is_no_picture_of_a_paper_is_refused_with_a_sentence(upload: bytes, why: Why) -> None:
    with pytest.raises(NotTaken) as refused:
        pictures.redraw(upload)

    assert refused.value.why is why
    assert "%(" not in str(refused.value)


def test_a_child_that_wants_too_much_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MEMORY_MAX", 192 * 1024 * 1024)

    with pytest.raises(NotTaken) as refused:
        pictures.redraw(papers.saved(Image.new("RGBA", (6000, 6000)), "PNG"))

    assert refused.value.why in (Why.TOO_HEAVY, Why.UNREADABLE)


def test_the_child_holds_no_secret_and_cannot_act() -> None:
    probe = (
        "import os, resource, attachments.picture_child as c, subprocess, sys\n"
        "c._limit(memory=2**30, seconds=5)\n"
        "import PIL.Image\n"
        "assert 'django' not in sys.modules\n"
        "assert resource.getrlimit(resource.RLIMIT_NPROC) == (0, 0)\n"
        "print(sorted(os.environ))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe],
        env={"LANG": "C.UTF-8", "PYTHONPATH": str(real.BASE_DIR)},
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip

    assert "SECRET" not in done.stdout
    assert "KEY" not in done.stdout


@pytest.mark.parametrize(
    "lie",
    [
        b"",
        b"[]",
        b'{"refused": "because"}',
        b'{"width": 1, "height": 1, "pages": 1, "picture": 3}\n<html>',
        b'{"width": 1, "height": 1, "pages": 99, "picture": 3}\n\xff\xd8\xff\xff\xd8\xff',
        b'{"width": "x"}\n',
    ],
)
def test_a_child_that_was_taken_over_is_not_believed(lie: bytes) -> None:
    with pytest.raises(NotTaken) as refused:
        pictures._read(lie)

    assert refused.value.why is Why.UNREADABLE


GOOD = {
    "jpeg": papers.jpeg((160, 90)),
    "turned": papers.with_gps(),
    "progressive": papers.saved(papers.cheque((120, 90)), progressive=True),
    "png": papers.saved(papers.cheque((90, 60)), "PNG"),
    "palette": papers.saved(papers.cheque((90, 60)).convert("P"), "PNG"),
    "pdf": papers.pdf(1),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", GOOD)
def test_broken_pictures_are_redrawn_or_refused(name: str) -> None:
    """In this process: what escapes as anything but a refusal fails the test."""
    dice, whys, taken = random.Random(name), set(), 0
    limits = Limits(pixels=4_000_000, pages=4, side=200)

    for _ in range(850):
        try:
            made = picture_child.redraw(papers.mutated(GOOD[name], dice), limits)
        except picture_child.Refused as why:
            whys.add(str(why))
        else:
            assert Image.open(io.BytesIO(made.picture)).format == "JPEG"
            taken += 1

    assert "unreadable" in whys
    assert whys <= set(Why.values)
    assert taken, "some are whole enough to be drawn"
