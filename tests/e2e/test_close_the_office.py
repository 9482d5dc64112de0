"""An office's money goes to the bank and its day ends, in the browser: slip, bag, stamp, count."""

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from PIL import Image
from playwright.sync_api import Page, expect

from counters.models import Bag, OfficeDay
from cspdcl.kernel.clock import today
from payments.models import Consumer, Deposit
from people import actions
from people.models import Office, User
from tests.counters import drawer
from tests.counters.banking import cash, cheque, close, open_shift
from tests.e2e.conftest import PASSWORD
from tests.e2e.window import Window

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


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


def _open_office() -> Office:
    """An office of its own whose one shift of today is closed: 1,234.00 and a cheque."""
    office = Office.objects.create(
        code="EVENING",
        name="Office of the evening",
        kind="zone",
        parent=Office.objects.get(code="CO"),
        path="/CO/EVENING/",
    )
    clerk, supervisor = (_user(f"e.{role}", role, office) for role in ("clerk", "supervisor"))
    finance = User.objects.get(username="a.finance_officer")
    drawer.fill_safe(office, 5_000_00, supervisor=supervisor, second=finance)
    shift = open_shift(office, clerk=clerk, supervisor=supervisor, code="evening1")
    payer = Consumer.objects.order_by("pk")[0]
    cash(shift, 1_234_00, consumer=payer)
    cheque(shift, 7_000_00, number="000123", consumer=payer)
    close(shift, 2_234_00, by=supervisor, papers={"cheque": (1, 7_000_00)})
    return office


def _user(name: str, role: str, office: Office) -> User:
    user = User.objects.create_user(name, PASSWORD, full_name=name.title())
    actions.set_roles(user, {role})
    actions.grant_office(user, office)
    return user


@pytest.fixture
def people(house, browser) -> Iterator[Callable[[str], Window]]:
    """Windows of the office's clerk and supervisor."""
    committed(_open_office)
    opened: list[Window] = []

    def window_of(role: str) -> Window:
        window = Window(browser, house.url)
        window.sign_in(f"e.{role}", PASSWORD)
        opened.append(window)
        return window

    yield window_of
    for window in opened:
        window.close()


def test_from_the_board_to_the_closed_day(people: Callable[[str], Window]) -> None:
    supervisor, clerk = people("supervisor"), people("clerk")
    _make_slips(supervisor)
    cash_slip = Deposit.objects.get(office__code="EVENING", channel__code="cash")
    _carry(supervisor)
    _note_stamp(supervisor, cash_slip)

    day = f"/office-days/EVENING/{today().isoformat()}/"
    clerk.open("/counter/history/")
    clerk.page.get_by_role("link", name="Count the safe of").click()
    clerk.look()
    assert clerk.path == f"{day}count/"
    assert "5,000" not in clerk.page.content()
    _count(clerk.page, {"500": 10})
    clerk.page.get_by_role("button", name="This is what is there").click()
    expect(clerk.page.get_by_text("The safe holds what it must")).to_be_visible()
    clerk.look()

    supervisor.open(day)
    expect(supervisor.page.get_by_text("Everything is done")).to_be_visible()
    supervisor.page.get_by_role("button", name="Close the day").click()
    expect(supervisor.page.get_by_text("Nothing is dated on it any more").first).to_be_visible()
    supervisor.look()
    assert OfficeDay.objects.get(office__code="EVENING").state == "closed"
    for path in ("/cash-position/", "/exceptions/", "/office-days/", "/deposits/", "/bags/"):
        supervisor.open(path)


def _make_slips(window: Window) -> None:
    page = window.page
    window.open("/counters/")
    page.get_by_role("link", name="To the bank").click()
    window.look()
    page.get_by_role("link", name="cash", exact=True).click()
    window.look()
    _count(page, {"500": 2, "200": 1, "20": 1, "10": 1})
    expect(page.locator("[data-counted]")).to_contain_text("1,230.00")
    with window.expecting(422):
        page.get_by_role("button", name="Make the slip").click()
        expect(page.get_by_text("expected 1,234.00 in notes and coins")).to_be_visible()
        window.look()
    expect(page.get_by_label("How many of ₹500")).to_have_value("2")
    _count(page, {"2": 2})
    page.get_by_role("button", name="Make the slip").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Slip DS")
    window.look()
    window.open("/deposits/new/EVENING/")
    page.get_by_role("link", name="cheque", exact=True).click()
    page.get_by_role("button", name="Make the slip").click()
    expect(page.get_by_text("000123", exact=True)).to_be_visible()


def _carry(window: Window) -> None:
    page = window.page
    window.open("/bags/new/EVENING/")
    page.get_by_label("Number on the seal").fill("SL 4711")
    page.get_by_role("button", name="It is sealed").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("SL 4711")
    page.get_by_label("Carried by").fill("the guard's van")
    page.get_by_role("button", name="It leaves now").click()
    expect(page.get_by_text("The bag is on its way.")).to_be_visible()
    window.look()
    assert Bag.objects.get(number="SL 4711").state == "handed_over"


def _note_stamp(window: Window, slip: Deposit) -> None:
    made = io.BytesIO()
    Image.new("RGB", (600, 400), "white").save(made, "JPEG")
    page = window.page
    window.open(f"/deposits/{slip.reference}/")
    page.get_by_label("Bank's reference").fill("JNL 17")
    page.get_by_label("Stamped slip").set_input_files(
        {"name": "slip.jpg", "mimeType": "image/jpeg", "buffer": made.getvalue()}
    )
    page.get_by_role("button", name="Note the stamp").click()
    expect(page.get_by_text("The bank's stamp is noted.")).to_be_visible()
    window.look()


def _count(page: Page, notes: dict[str, int]) -> None:
    for worth, count in notes.items():
        field = page.locator(f"[name=n_{worth}]")
        field.fill(str(count))
