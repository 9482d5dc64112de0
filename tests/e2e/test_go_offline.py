"""A counter without a network in a real browser: it goes on, and everything is sent once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from django.db import connection, transaction
from playwright.sync_api import Page, expect

from counters import devices
from counters.models import Device, NumberRange, Shift
from payments.models import Consumer, Counter, Payment, Receipt
from people import actions
from people.models import Office, User
from tests.counters import drawer
from tests.e2e.conftest import PASSWORD
from tests.e2e.window import Window

CONSUMER: Final = "199000000001"

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


@pytest.fixture
def shift(house: object) -> Shift:
    """An open shift of a clerk at a counter of its own, with 500.00 in the drawer."""
    made: Shift = committed(_make_shift)
    return made


def committed(call: Callable[..., Any], *args: Any) -> Any:
    """Call it on a connection of its own: what this test wrote would be rolled back unseen."""

    def run() -> Any:
        try:
            with transaction.atomic():
                return call(*args)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def _make_shift() -> Shift:
    office = Office(code="OFF", name="Offline office", parent=Office.objects.get(code="CO"))
    office.kind, office.path = Office.Kind.ZONE, actions.path_of(office)
    office.save()
    people = {}
    for role in ("clerk", "supervisor"):
        people[role] = User.objects.create_user(f"a.offline_{role}", PASSWORD, full_name=role)
        actions.set_roles(people[role], {role})
        actions.grant_office(people[role], office)
    counter = Counter.objects.create(
        code="off1", name="Offline 1", office=office, keeps_shifts=True
    )
    Consumer.objects.create(
        number=CONSUMER, business_partner="1990000001", name="Sample", office=office
    )
    supervisor, finance = people["supervisor"], User.objects.get(username="a.finance_officer")
    drawer.fill_safe(office, 5_000_00, supervisor=supervisor, second=finance)
    return drawer.open_with(counter, clerk=people["clerk"], supervisor=supervisor, paise=500_00)


def _approve() -> None:
    device = Device.objects.select_related("counter__office").get(counter__code="off1")
    devices.approve(device, by=User.objects.get(username="a.offline_supervisor"))


def _ready(window: Window) -> Page:
    """Enrol this browser from the keyboard, have it approved, and see that it is ready."""
    page = window.page
    window.open("/counter/?counter=off1")
    window.open("/counter/offline/")
    page.get_by_role("button", name="Make this window ready").click()
    expect(page.locator("[data-part=pending]")).to_be_visible()
    window.look()
    device = Device.objects.get(counter__code="off1")
    expect(page.locator("[data-part=pending]")).to_contain_text(devices.fingerprint(device))
    committed(_approve)
    page.get_by_role("button", name="Look again").click()
    expect(page.locator("[data-state]")).to_contain_text("network is there")
    expect(page.locator("[data-slot=left]")).to_have_text("50")
    window.look()
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    return page


def _take(page: Page, number: str, rupees: str) -> None:
    """From the keyboard: number, Enter, amount, Enter; then n for the next."""
    expect(page.locator("#o-consumer")).to_be_focused()
    page.keyboard.type(number)
    page.keyboard.press("Enter")
    page.keyboard.type(rupees)
    page.keyboard.press("Enter")
    expect(page.locator("[data-key=r]")).to_be_focused()


def test_a_counter_goes_on_without_a_network_and_sends_once(
    window_of: Callable[[str], Window], shift: Shift
) -> None:
    window = window_of("offline_clerk")
    page = _ready(window)

    with window.offline():
        page.goto("/counter/")  # the address of the counter page, without a network
        expect(page.locator("h1")).to_have_text("Counter without a network")
        expect(page.locator("[data-state]")).to_contain_text("no network since")
        _take(page, CONSUMER, "240")
        expect(page.locator("#receipt .label")).to_contain_text("OFF1-T1/")
        page.keyboard.press("n")
        _take(page, CONSUMER, "60.50")
        page.keyboard.press("n")
        page.reload()
        expect(page.locator("[data-slot=waiting]")).to_have_text("2")
        expect(page.locator("[data-slot=left]")).to_have_text("48")
        window.fits_both("/counter/ without a network")
        assert not Payment.objects.filter(counter=shift.counter).exists()

    page.reload()
    page.wait_for_url("**/counter/")
    window.open("/counter/offline/")
    expect(page.locator("[data-slot=waiting]")).to_have_text("0")
    expect(page.locator("#queue li")).to_have_count(2)
    window.look()

    given = Receipt.objects.filter(series="OFF1-T1").order_by("number")
    assert [one.number for one in given] == [1, 2]
    assert [one.payment.amount_paise for one in given] == [240_00, 60_50]
    assert drawer.in_drawer(shift) == 500_00 + 300_50
    _is_little_kept(page)

    # The line falls while the clerk presses Enter at the counter page: the form goes on, once.
    window.open(f"/counter/?counter=off1&consumer={CONSUMER}")
    key = page.locator("[name=submit_key]").input_value()
    page.locator("#id_amount").fill("75")
    with window.offline():
        page.locator("#id_amount").press("Enter")
        expect(page.locator("[data-part=unanswered]")).to_be_visible()
        expect(page.locator("#o-amount")).to_have_value("75")
        page.locator("#o-amount").press("Enter")
        expect(page.locator("[data-slot=waiting]")).to_have_text("1")
    expect(page.locator("[data-slot=waiting]")).to_have_text("0", timeout=15_000)
    assert Payment.objects.get(collection_line__collection__submit_key=key).amount_paise == 75_00
    assert Receipt.objects.filter(series="OFF1-T1").count() == 3

    # A line that hangs: the clerk takes money while the page still waits for the house.
    page.route("**/counter/offline/state/**", lambda _request: None)
    with window.offline():
        page.goto("/counter/")
        expect(page.locator("[data-part=till]")).to_be_visible(timeout=3_000)
        expect(page.locator("#o-consumer")).to_be_focused()
    page.unroute("**/counter/offline/state/**")

    # The shift is counted: this window hands its numbers back before.
    window.open("/shift/")
    page.keyboard.press("e")
    page.wait_for_url("**/count/**")
    numbers = NumberRange.objects.get(device__series="OFF1-T1")
    assert (numbers.used_until, numbers.returned_at is None) == (3, False)

    supervisor = window_of("offline_supervisor")
    supervisor.open("/offline/?show=all")
    supervisor.page.get_by_role("link", name="OFF1-T1/").first.click()
    expect(supervisor.page.get_by_role("link", name="Receipt", exact=True)).to_be_visible()
    supervisor.look()


def _is_little_kept(page: Page) -> None:
    """The key does not leave; of what was sent stay numbers and amounts; no page of anybody."""
    kept = page.evaluate(KEPT)
    assert kept["extractable"] is False
    assert CONSUMER not in kept["words"], "of what was sent stay number and amount"
    assert kept["caches"] == ["shell"], "only the shell and static files are kept"


# Everything this browser holds: its key, its queue, and the addresses in its caches.
KEPT = """async () => {
  const result = (asked) => new Promise((done) => { asked.onsuccess = () => done(asked.result); });
  const base = await result(indexedDB.open("counter-offline"));
  const all = (store) => result(base.transaction(store).objectStore(store).getAll());
  const [facts, queue] = [await all("facts"), await all("queue")];
  const others = new Set();
  for (const name of await caches.keys()) {
    for (const request of await (await caches.open(name)).keys()) {
      const path = new URL(request.url).pathname;
      if (!path.startsWith("/static/")) others.add(path === "/counter/offline/" ? "shell" : path);
    }
  }
  const { privateKey } = facts.find((fact) => fact.keys).keys;
  return {
    extractable: privateKey.extractable,
    words: JSON.stringify([facts, queue]),
    caches: [...others],
  };
}"""
