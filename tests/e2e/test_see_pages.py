"""Each role opens each line of its navigation, by day and by night, at the desk and on a phone."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from people.roles import NAVIGATION, Link
from tests.e2e.conftest import PEOPLE
from tests.e2e.window import Window

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

    for link in links:
        first = next(one for one in PEOPLE if one in link.roles)
        _see(window, link, is_dark_too=role == first)


def _see(window: Window, link: Link, *, is_dark_too: bool) -> None:
    """One load shows all four: both sizes, then the page's own switch, and both sizes again.

    Who sees a page after another sees it in one light: the colours do not depend on the role.
    """
    page, address = window.page, reverse(link.view)
    page.goto(address)
    window.fits_both(address)
    if link.view.startswith("admin:"):
        return  # the administration brings a frame of its own
    expect(page.locator("#side [aria-current=page]")).to_contain_text(str(link.label))

    if not is_dark_too:
        return
    was = page.locator("html").get_attribute("data-bs-theme")
    becomes = "light" if was == "dark" else "dark"
    page.locator("[data-theme-form] button").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", becomes)
    window.fits_both(f"{address}, {becomes}")


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
