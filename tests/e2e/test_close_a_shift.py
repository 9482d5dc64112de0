"""A clerk's drawer in the browser: the float counted, the blind count by keys alone, the yes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from playwright.sync_api import Page, expect

from counters.models import CashMove, DrawerCount, Shift
from counters.states import ShiftState
from cspdcl.kernel.clock import today
from cspdcl.kernel.money import grouped_rupees
from payments.models import Bill, Counter, Payment
from payments.states import State
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


def test_a_clerks_day_from_the_keyboard_alone(
    window_of: Callable[[str], Window], window_at_z: Counter
) -> None:
    """Open, cash in twelve keys, a cheque, hand in, count blind, say why it is short."""
    supervisor, clerk = window_of("supervisor"), window_of("clerk")
    cash_bill, cheque_bill = _unpaid(30), _unpaid(31)
    _give_float(supervisor, window_at_z)

    clerk.open(f"/shift/open/?counter={window_at_z.code}")
    expect(clerk.page.get_by_text("A float of 2,000.00 waits for you")).to_be_visible()
    _count(clerk.page, [3, 2, 1])
    expect(clerk.page.locator("[data-counted]")).to_contain_text("2,000.00")
    _press_submit(clerk.page)
    expect(clerk.page.get_by_text("is open")).to_be_visible()
    shift = Shift.objects.get(counter=window_at_z)

    assert _take_cash(clerk, cash_bill) == 12
    _take_cheque(clerk, cheque_bill)
    taken = Payment.objects.filter(counter=window_at_z).order_by("pk")
    assert [(one.method, one.bill) for one in taken] == [
        ("cash", cash_bill),
        ("cheque", cheque_bill),
    ]

    clerk.open("/shift/")
    clerk.page.keyboard.press("h")
    expect(clerk.page.get_by_role("heading", level=1)).to_contain_text("Hand cash in")
    clerk.look()
    _count(clerk.page, [3])
    _press_submit(clerk.page)
    expect(clerk.page.get_by_text("1,500.00").first).to_be_visible()
    clerk.look()
    handed_in = CashMove.objects.get(from_shift=shift)
    supervisor.open(f"/cash-moves/{handed_in.public_id}/")
    _count(supervisor.page, [3])
    _press_submit(supervisor.page)
    expect(supervisor.page.get_by_text("Answered.")).to_be_visible()

    clerk.open("/shift/")
    clerk.page.keyboard.press("e")
    expect(clerk.page.get_by_role("heading", level=1)).to_contain_text("Close shift 1")
    clerk.look()
    lies = 2_000_00 + cash_bill.amount_paise - 1_500_00
    assert grouped_rupees(lies) not in clerk.page.content(), "the count is blind"
    _count(clerk.page, _pieces(clerk.page, lies - 10_00))
    _walk_to(clerk.page, "document.activeElement.name.includes('cheque')", key="Enter")
    clerk.page.keyboard.type("1")
    clerk.page.keyboard.press("Enter")
    clerk.page.keyboard.type(f"{cheque_bill.amount_paise / Decimal(100):.2f}")
    _press_submit(clerk.page)
    expect(clerk.page.get_by_text("10.00 short").first).to_be_visible()
    clerk.look()
    _say_why(clerk.page)

    supervisor.open(f"/shifts/{shift.public_id}/")
    expect(supervisor.page.locator("main")).to_contain_text("wrong change given")
    supervisor.page.get_by_role("button", name="Accept and close").click()
    expect(supervisor.page.get_by_text("The shift is closed")).to_be_visible()
    supervisor.look()
    shift.refresh_from_db()
    assert shift.state == ShiftState.CLOSED
    counted = DrawerCount.objects.get(shift=shift, kind="closing")
    assert sum(int(key) * n for key, n in counted.denominations.items()) == (lies - 10_00) // 100
    for address in ("/safes/CO/", "/shifts/", "/checks/", f"/checks/new/?shift={shift.public_id}"):
        supervisor.open(address)


def _unpaid(place: int) -> Bill:
    paid = Payment.objects.filter(state=State.SUCCEEDED).values("consumer")
    rows = Bill.objects.exclude(consumer__in=paid).filter(amount_paise__range=(1_000, 500_000))
    return rows.select_related("consumer").order_by("number")[place]


def _pieces(page: Page, paise: int) -> list[int]:
    """How many of each note and coin, the largest first; less than a rupee is not counted."""
    pieces = []
    for worth in page.eval_on_selector_all(
        "[data-worth]", "all => all.map((one) => +one.dataset.worth)"
    ):
        number, paise = divmod(paise, worth)
        pieces.append(number)
    return pieces


def _take_cash(clerk: Window, bill: Bill) -> int:
    """From the consumer's number to the receipt; returns the keys it took."""
    clerk.open("/counter/")
    expect(clerk.page.locator("#consumer")).to_be_focused()
    keys = [*bill.consumer.business_partner, "Enter"]
    for key in keys:
        clerk.page.keyboard.press(key)
    expect(clerk.page.locator("#id_received")).to_be_focused()
    clerk.page.keyboard.press("Enter")
    clerk.page.wait_for_url("**/receipts/**")
    expect(clerk.page.locator("button[name=paper][value=a5]")).to_be_focused()
    return len(keys) + 1


def _take_cheque(clerk: Window, bill: Bill) -> None:
    """The line as a reader types it, then the date."""
    page = clerk.page
    clerk.open("/counter/")
    page.keyboard.type(bill.consumer.number)
    page.keyboard.press("Enter")
    expect(page.locator("#id_received")).to_be_focused()
    page.wait_for_load_state("load")
    page.keyboard.press("Escape")
    page.keyboard.press("q")
    expect(page.locator("#id_micr_line")).to_be_focused()
    page.keyboard.type("204991 492002009 417263 31")
    page.keyboard.press("Enter")
    expect(page.locator("#id_instrument_date")).to_be_focused()
    page.keyboard.type(f"{today():%m%d%Y}")  # as this browser orders a date
    page.keyboard.press("Enter")
    page.wait_for_url("**/receipts/**")


def _say_why(page: Page) -> None:
    """Walk to the reason, choose it by its first letters, go on to the button."""
    _walk_to(page, "document.activeElement.tagName === 'SELECT'")
    page.keyboard.type("wrong")
    _walk_to(page, "document.activeElement.type === 'submit'")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("wrong change given")


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
    _walk_to(page, "document.activeElement.type === 'submit'", key="Enter")
    page.keyboard.press("Enter")


def _walk_to(page: Page, there: str, *, key: str = "Tab") -> None:
    """From field to field until the cursor stands where it is wanted."""
    for _field in range(60):
        if page.evaluate(there):
            return
        page.keyboard.press(key)
    raise AssertionError(f"no field on the way is {there}")
