"""The clerk's day in a browser, from the keyboard alone."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pypdf
import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from channels_.models import Channel
from payments.models import Bill, Payment, Receipt
from payments.states import State
from tests.e2e.window import Window

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

COUNTER = "rpr1"


def _unpaid(place: int) -> Bill:
    """A bill that nobody paid, small enough for cash; each test takes one of its own."""
    paid = Payment.objects.filter(state=State.SUCCEEDED).values("consumer")
    return (
        Bill.objects.exclude(consumer__in=paid)
        .filter(amount_paise__lt=500_000)
        .select_related("consumer")
        .order_by("number")[place]
    )


def _at_the_counter(window: Window, bill: Bill) -> Page:
    """Choose the window, type the consumer's number, press Enter: dues and cursor stand ready."""
    page = window.page
    window.open(f"/counter/?counter={COUNTER}")
    expect(page.locator("#consumer")).to_be_focused()
    page.keyboard.type(bill.consumer.number)
    page.keyboard.press("Enter")
    expect(page.locator("#id_received")).to_be_focused()
    window.look()
    return page


class Keys:
    """Every key that a clerk presses, counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = 0

    def press(self, *names: str) -> None:
        """Press some keys, one after another."""
        for name in names:
            self.page.keyboard.press(name)
            self.count += 1


def test_the_full_dues_in_cash_take_twelve_keys(window_of: Callable[[str], Window]) -> None:
    bill = _unpaid(5)
    window = window_of("clerk")
    window.open(f"/counter/?counter={COUNTER}")
    keys = Keys(window.page)

    keys.press(*bill.consumer.business_partner, "Enter")
    expect(window.page.locator("#id_received")).to_be_focused()
    keys.press("Enter")
    window.page.wait_for_url("**/receipts/**")

    assert keys.count == 12
    assert Receipt.objects.get(payment__bill=bill).payment.amount_paise == bill.amount_paise
    expect(window.page.locator("button[name=paper][value=a5]")).to_be_focused()


def test_a_clerk_takes_the_dues_in_cash_by_keyboard(window_of: Callable[[str], Window]) -> None:
    bill = _unpaid(0)
    rupees = bill.amount_paise // 100
    window = window_of("clerk")
    page = _at_the_counter(window, bill)

    page.keyboard.type(str(rupees + 100))
    expect(page.locator("[data-change]")).to_contain_text("100.00")
    page.keyboard.press("Enter")
    page.wait_for_url("**/receipts/**")

    receipt = Receipt.objects.get(payment__bill=bill)
    window.look()
    expect(page.locator("body")).to_contain_text(receipt.label)
    expect(page.locator("body")).to_contain_text("Give back 100.00.")
    expect(page.locator("body")).to_contain_text("Not printed yet")
    assert receipt.payment.amount_paise == bill.amount_paise


def test_the_second_print_of_a_receipt_says_copy(window_of: Callable[[str], Window]) -> None:
    window = window_of("clerk")
    page = _at_the_counter(window, _unpaid(1))
    page.keyboard.press("Enter")
    page.wait_for_url("**/receipts/**")

    original = _printed(page)
    page.reload()
    expect(page.locator("body")).to_contain_text("the next print says COPY")
    expect(page.get_by_role("button", name="Print a copy")).to_be_visible()
    copy = _printed(page)

    assert "COPY" not in original.upper()
    assert "COPY" in copy.upper()


def _printed(page: Page) -> str:
    """What the printer gets: the form of the print button, sent as the button sends it."""
    form = page.locator("form[target=_blank]")
    answer = page.request.post(
        form.get_attribute("action") or "",
        form={"csrfmiddlewaretoken": form.locator("[name=csrfmiddlewaretoken]").input_value()},
        headers={"Referer": page.url},
    )
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/pdf"
    return "".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(answer.body())).pages)


def test_a_form_that_is_sent_twice_gives_one_receipt(window_of: Callable[[str], Window]) -> None:
    bill = _unpaid(2)
    window = window_of("clerk")
    page = _at_the_counter(window, bill)
    sent = {
        field.get_attribute("name"): field.input_value()
        for field in page.locator("form[method=post][action='/counter/'] input").all()
        if field.get_attribute("type") not in ("radio", "checkbox")
    }
    page.keyboard.press("Enter")
    page.wait_for_url("**/receipts/**")
    first = window.path

    page.go_back()
    expect(page.locator("#consumer")).to_have_value(bill.consumer.number)
    # Whatever the browser shows after "back": the very same form goes out once more.
    page.evaluate(RESEND, {**sent, "tender": "cash"})
    page.wait_for_url("**/receipts/**")

    window.look()
    assert window.path == first
    expect(page.locator("body")).to_contain_text("This form was sent before; here is its receipt.")
    assert Payment.objects.filter(bill=bill).count() == 1


RESEND = """(sent) => {
  const form = document.createElement("form");
  form.method = "post";
  form.action = "/counter/";
  for (const [name, value] of Object.entries(sent)) {
    const field = document.createElement("input");
    field.type = "hidden"; field.name = name; field.value = value;
    form.append(field);
  }
  document.body.append(form);
  form.submit();
}"""


def test_a_cheque_without_its_number_is_refused_at_the_field(
    window_of: Callable[[str], Window],
) -> None:
    bill = _unpaid(3)
    window = window_of("clerk")
    page = _at_the_counter(window, bill)

    page.keyboard.press("Escape")  # out of the field, so that letters act
    page.keyboard.press("q")
    expect(page.locator("#id_micr_line")).to_be_focused()
    page.get_by_label("Drawn on bank").fill("State Bank of India")
    page.get_by_label("Its date").fill("2026-11-19")
    with window.expecting(422):
        page.get_by_label("Drawn on bank").press("Enter")
        number = page.locator("#id_instrument")
        expect(number).to_have_attribute("aria-invalid", "true")
        window.look()

    expect(number).to_be_focused()
    expect(page.locator("#id_instrument_error")).to_contain_text("This kind of tender needs it.")
    expect(page.get_by_label("Drawn on bank")).to_have_value("State Bank of India")
    expect(page.get_by_label("Its date")).to_have_value("2026-11-19")
    expect(page.locator("#tender-cheque")).to_be_checked()
    assert not Payment.objects.filter(bill=bill).exists()

    number.fill("204117")
    number.press("Enter")
    page.wait_for_url("**/receipts/**")
    window.look()
    expect(page.locator("body")).to_contain_text("204117")


def test_a_reader_fills_the_cheque_and_cash_pays_the_rest(
    window_of: Callable[[str], Window],
) -> None:
    bill = _unpaid(4)
    window = window_of("clerk")
    page = _at_the_counter(window, bill)

    page.keyboard.press("Escape")
    page.keyboard.press("t")  # another tender
    expect(page.locator("#id_t1-tender_amount")).to_be_focused()
    window.look()
    page.keyboard.type("50")
    page.keyboard.press("Escape")
    page.keyboard.press("q")  # in the last one
    expect(page.locator("#id_t1-micr_line")).to_be_focused()
    page.keyboard.type("204118 492002009 417263 31")
    page.keyboard.press("Enter")  # as the reader does
    expect(page.locator("#id_t1-micr")).to_have_value("492002009")
    expect(page.locator("#id_t1-instrument_date")).to_be_focused()
    page.locator("#id_t1-instrument_date").fill("2026-11-19")
    window.look()
    page.locator("#id_t1-instrument_date").press("Enter")
    page.wait_for_url("**/counter/taken/**")

    window.look()
    taken = Payment.objects.filter(bill=bill).order_by("pk")
    assert [(one.method, one.amount_paise) for one in taken] == [
        ("cash", bill.amount_paise - 5_000),
        ("cheque", 5_000),
    ]
    for one in taken:
        expect(page.locator("main")).to_contain_text(one.receipt.label)


def test_one_payer_pays_for_three_consumers(window_of: Callable[[str], Window]) -> None:
    bills = [_unpaid(place) for place in (6, 7, 8)]
    window = window_of("clerk")
    page = _at_the_counter(window, bills[0])

    for bill in bills[1:]:
        page.keyboard.press("Escape")
        page.keyboard.press("a")
        expect(page.locator("#another")).to_be_focused()
        page.keyboard.type(bill.consumer.number)
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_contain_text(bill.consumer.name)
        expect(page.locator("#id_received")).to_be_focused()
        window.look()
    page.keyboard.press("Enter")
    page.wait_for_url("**/counter/taken/**")

    window.look()
    paid = Payment.objects.filter(state=State.SUCCEEDED)
    assert [paid.get(bill=bill).amount_paise for bill in bills] == [
        bill.amount_paise for bill in bills
    ]


def _open_upi() -> None:
    """A channel for which we make codes ourselves."""
    Channel.objects.get_or_create(
        code="upi_window",
        defaults={
            "name": "UPI at the window",
            "adapter": "upi_bank",
            "route": "settlement",
            "is_live": True,
            "settings": {"vpa": "cspdcl@samplebank", "payee_name": "CSPDCL"},
        },
    )
    connection.close()


def test_the_key_of_upi_makes_a_code(window_of: Callable[[str], Window]) -> None:
    with ThreadPoolExecutor(1) as pool:  # beside this test's transaction: the house must see it
        pool.submit(_open_upi).result()
    window = window_of("clerk")
    page = _at_the_counter(window, _unpaid(9))

    page.keyboard.press("Escape")
    page.keyboard.press("u")

    page.wait_for_url("**/pay/**")
    window.look()


def test_a_number_that_nobody_has_is_said_beside_the_field(
    window_of: Callable[[str], Window],
) -> None:
    window = window_of("clerk")
    window.open(f"/counter/?counter={COUNTER}")

    window.page.keyboard.type("999999999999")
    window.page.keyboard.press("Enter")

    expect(window.page.locator("#consumer-error")).to_contain_text("Nobody has this number")
    expect(window.page.locator("#consumer")).to_have_value("999999999999")
    window.look()
