"""Each role opens each line of its navigation, by day and by night, at the desk and on a phone."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from people.roles import NAVIGATION, Link
from tests.e2e.conftest import PEOPLE
from tests.e2e.window import DESK, PHONE, Window

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


def _links_of(role: str) -> list[Link]:
    return [link for group in NAVIGATION for link in group.links if role in link.roles]


@pytest.mark.parametrize("role", PEOPLE)
def test_every_line_of_the_navigation_leads_to_a_whole_page(
    window_of: Callable[[str], Window], role: str
) -> None:
    window = window_of(role)
    links = _links_of(role)
    assert window.path.startswith(reverse(links[0].view))  # the first line is where one starts

    for theme, sizes in (("light", (DESK, PHONE)), ("dark", (PHONE, DESK))):
        window.dress(theme)
        for link in links:
            _see(window, link, theme=theme, sizes=sizes)


def _see(window: Window, link: Link, *, theme: str, sizes: tuple[tuple[int, int], ...]) -> None:
    address = reverse(link.view)
    window.page.set_viewport_size({"width": sizes[0][0], "height": sizes[0][1]})
    window.page.goto(address)
    for width, height in sizes:
        window.page.set_viewport_size({"width": width, "height": height})
        window.fits(f"{address} at {width}, {theme}")
    if link.view.startswith("admin:"):
        return  # the administration brings a frame of its own
    expect(window.page.locator("html")).to_have_attribute("data-bs-theme", theme)
    expect(window.page.locator("#side [aria-current=page]")).to_contain_text(str(link.label))


def test_who_has_not_signed_in_sees_the_door_only(browser, house) -> None:
    window = Window(browser, house.url)
    window.open("/day/")
    assert window.path == "/sign-in/"

    window.page.keyboard.type("nobody")
    window.page.keyboard.press("Tab")
    window.page.keyboard.type("not the password")
    with window.expecting(422):
        window.page.keyboard.press("Enter")
        expect(window.page.get_by_role("alert")).to_be_visible()
        window.look()

    expect(window.page.get_by_label("User name")).to_have_value("nobody")
    window.close()


def test_a_page_of_somebody_else_says_so(window_of: Callable[[str], Window]) -> None:
    window = window_of("clerk")

    with window.expecting(403):
        window.open("/breaks/")

    expect(window.page.get_by_role("heading", level=1)).to_have_text("This is not yours to see")


def test_the_house_speaks_hindi_and_back(window_of: Callable[[str], Window]) -> None:
    window = window_of("manager")
    window.open("/day/")

    window.page.get_by_role("button", name="हिन्दी").click()
    expect(window.page.locator("html")).to_have_attribute("lang", "hi")
    window.look()
    for link in _links_of("manager"):
        window.open(reverse(link.view))
    window.page.get_by_role("button", name="English").click()

    expect(window.page.locator("html")).to_have_attribute("lang", "en")
