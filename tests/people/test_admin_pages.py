"""The administration in a browser, without an error under our Content-Security-Policy."""

import re
import shutil
from collections.abc import Iterator

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse
from playwright.sync_api import ConsoleMessage, Page, expect, sync_playwright

from people.models import AuditEvent

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed here"),
]

PAGES = (
    "admin:index",
    "admin:people_office_changelist",
    "admin:people_office_add",
    "admin:people_office_import",
    "admin:people_office_export",
    "admin:people_user_changelist",
    "admin:people_user_add",
    "admin:paychannels_feerate_changelist",
    "admin:paychannels_bankaccount_add",
    "admin:paychannels_feerate_add",
    "admin:paychannels_banklinerule_add",
    "admin:paychannels_channel_add",
    "admin:payments_counter_add",
    "admin:counters_officepolicy_add",
    "admin:counters_cashrule_changelist",
    "admin:counters_cashrule_add",
    "admin:payments_payment_changelist",
    "admin:reconciliation_rule_changelist",
)


@pytest.fixture
def page(live_server, make_user, settings, monkeypatch) -> Iterator[Page]:
    """A browser in which an administrator has signed in, with its errors in ``page.errors``."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # the driver has a loop of its own
    settings.SECOND_FACTOR_ROLES = []
    client = Client()
    client.force_login(make_user("root", "administrator"), backend="people.auth.PeopleBackend")
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context()
        cookie = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        yield context.new_page()
        browser.close()
        # While the driver's loop runs, this thread's connection is another one than without it.
        connections.close_all()


@pytest.fixture
def errors(page: Page) -> list[str]:
    """What the browser complains of."""
    found: list[str] = []

    def note(line: ConsoleMessage) -> None:
        if line.type == "error":
            found.append(f"{page.url}: {line.text}")

    page.on("pageerror", lambda error: found.append(f"{page.url}: {error}"))
    page.on("console", note)
    return found


def test_no_page_of_the_administration_has_an_error(page: Page, errors, live_server) -> None:
    for name in PAGES:
        page.goto(live_server.url + reverse(name), wait_until="networkidle")

    assert errors == []


def test_what_opens_and_shuts_does_so(page: Page, errors, live_server, offices) -> None:
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(live_server.url + reverse("admin:people_office_changelist"))

    page.locator("a:has-text('Filters')").first.click()
    expect(page.locator("#changelist-filter")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#changelist-filter")).to_be_hidden()
    page.keyboard.press("Control+e")
    expect(page.locator("html")).to_have_class(re.compile("light"))
    page.keyboard.press("Control+e")
    expect(page.locator("html")).to_have_class(re.compile("dark"))
    page.locator("#action-toggle").check()
    expect(page.locator("#changelist-actions")).to_be_visible()

    assert errors == []


def test_a_form_is_saved(page: Page, errors, live_server) -> None:
    page.goto(live_server.url + reverse("admin:people_office_add"))
    page.fill("[name=code]", "HQ")
    page.fill("[name=name]", "Head office")
    page.select_option("[name=kind]", "company")
    page.click("[name=_save]")
    page.wait_for_url("**/admin/people/office/")

    expect(page.get_by_role("link", name="Head office")).to_be_visible()
    assert AuditEvent.objects.get().action == "office.created"
    assert errors == []
