"""A clerk's drawer in the browser: the float counted, the blind count by keys alone, the yes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from playwright.sync_api import Page, expect

from channels_.models import Channel
from counters.models import DrawerCount, Shift
from counters.states import ShiftState
from payments.models import Consumer, Counter
from people.models import Office, User
from tests.counters import drawer
from tests.e2e.window import Window

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


@pytest.fixture
def window_at_z(house) -> Counter:
    """A window of its own that keeps shifts, with a safe that holds 20,000.00."""
    made: Counter = committed(_make_window)
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


def _make_window() -> Counter:
    office = Office.objects.get(code="CO")
    supervisor = User.objects.get(username="a.supervisor")
    counter = Counter.objects.create(
        code="drawer1", name="Drawer 1", office=office, keeps_shifts=True
    )
    finance = User.objects.get(username="a.finance_officer")
    drawer.fill_safe(office, 20_000_00, supervisor=supervisor, second=finance)
    return counter


def test_a_shift_from_the_float_to_the_safe(
    window_of: Callable[[str], Window], window_at_z: Counter
) -> None:
    supervisor, clerk = window_of("supervisor"), window_of("clerk")
    _give_float(supervisor, window_at_z)

    clerk.open(f"/shift/open/?counter={window_at_z.code}")
    expect(clerk.page.get_by_text("A float of 2,000.00 waits for you")).to_be_visible()
    _count(clerk.page, [3, 2, 1])
    expect(clerk.page.locator("[data-counted]")).to_contain_text("2,000.00")
    _press_submit(clerk.page)
    expect(clerk.page.get_by_text("is open")).to_be_visible()
    shift = Shift.objects.get(counter=window_at_z)
    committed(_take, shift)

    clerk.open("/shift/")
    clerk.page.keyboard.press("e")
    expect(clerk.page.get_by_role("heading", level=1)).to_contain_text("Close shift 1")
    clerk.look()
    assert "3,250" not in clerk.page.content()
    _count(clerk.page, [6, 1, 0, 0, 2])
    _press_submit(clerk.page)
    expect(clerk.page.get_by_text("10.00 short").first).to_be_visible()
    clerk.look()
    clerk.page.get_by_label("Reason").select_option("change")
    clerk.page.get_by_role("button", name="Keep the reasons").click()

    supervisor.open(f"/shifts/{shift.public_id}/")
    supervisor.page.get_by_role("button", name="Accept and close").click()
    expect(supervisor.page.get_by_text("The shift is closed")).to_be_visible()
    supervisor.look()

    shift.refresh_from_db()
    assert shift.state == ShiftState.CLOSED
    assert DrawerCount.objects.get(shift=shift, kind="closing").denominations == {
        "500": 6,
        "200": 1,
        "20": 2,
    }
    for address in ("/safes/CO/", "/shifts/", "/checks/", f"/checks/new/?shift={shift.public_id}"):
        supervisor.open(address)


def _take(shift: Shift) -> None:
    """1,250.00 from one of the day's consumers."""
    consumer, channel = Consumer.objects.all()[0], Channel.objects.get(code="cash")
    drawer.take_cash(shift, 1_250_00, consumer=consumer, channel=channel)


def _give_float(supervisor: Window, counter: Counter) -> None:
    supervisor.open(f"/safes/{counter.office.code}/")
    supervisor.page.get_by_label("For", exact=True).select_option("a.clerk")
    supervisor.page.get_by_label("Amount, ₹").fill("2000")
    supervisor.page.keyboard.press("Enter")
    expect(supervisor.page.get_by_text("it is theirs once they have counted it")).to_be_visible()


def _count(page: Page, pieces: list[int]) -> None:
    """Type how many there are of each note, Enter after Enter."""
    page.locator("[data-worth]").first.focus()
    for number in pieces:
        page.keyboard.type(str(number))
        page.keyboard.press("Enter")


def _press_submit(page: Page) -> None:
    """Walk on with Enter to the button, and press it."""
    for _field in range(40):
        if page.evaluate("document.activeElement.type") == "submit":
            break
        page.keyboard.press("Enter")
    page.keyboard.press("Enter")
