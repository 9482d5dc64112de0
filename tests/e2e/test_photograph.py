"""The browser makes a large photograph smaller, and one that only it can read into a JPEG."""

from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, expect

from tests.attachments import papers
from tests.e2e.window import Window

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

CHOSEN = """async (input) => {
  const [file] = input.files;
  const picture = await createImageBitmap(file);
  return [file.type, picture.width, picture.height, file.size];
}"""


def test_a_photograph_is_made_smaller_before_it_is_sent(
    window_of: Callable[[str], Window],
) -> None:
    window = window_of("clerk")
    window.open("/gallery/")
    field, note = (
        window.page.get_by_label("Photograph of the cheque"),
        window.page.locator("[data-photo-note]"),
    )

    def choose(name: str, kind: str, content: bytes) -> tuple[list[object], int]:
        field.set_input_files(FilePayload(name=name, mimeType=kind, buffer=content))
        expect(window.page.locator("[data-photo-preview]")).to_be_visible()
        return field.evaluate(CHOSEN), len(content)

    large = papers.jpeg((4000, 3000))
    choose("IMG_0001.jpg", "image/jpeg", large)
    expect(note).to_be_visible()
    kind, width, height, size = field.evaluate(CHOSEN)
    assert (kind, width, height) == ("image/jpeg", 2000, 1500)
    assert size < len(large)
    window.fits_both("a chosen photograph")

    bitmap = papers.saved(papers.cheque((300, 200)), "BMP")
    choose("scan.bmp", "image/bmp", bitmap)
    expect(note).to_be_visible()
    assert field.evaluate(CHOSEN)[:3] == ["image/jpeg", 300, 200]

    small = papers.jpeg((640, 300))
    found, size = choose("small.jpg", "image/jpeg", small)
    assert found == ["image/jpeg", 640, 300, size], "what is small already is sent as it is"
    expect(note).to_be_hidden()

    field.set_input_files(FilePayload(name="x.jpg", mimeType="image/jpeg", buffer=b"no picture"))
    expect(window.page.locator("[data-photo-preview]")).to_be_hidden()
