"""The clerk's day in a browser, from the keyboard alone."""

import io
from collections.abc import Callable

import pypdf
import pytest
from playwright.sync_api import Page, expect

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

    page.locator("#consumer").press("Escape")
    page.locator("#tender-cash").focus()
    page.keyboard.press("q")
    page.get_by_label("Drawn on bank").fill("State Bank of India")
    page.get_by_label("Its date").fill("2026-11-19")
    with window.expecting(422):
        page.get_by_label("Drawn on bank").press("Enter")
        number = page.get_by_label("Cheque or draft no.")
        expect(number).to_have_attribute("aria-invalid", "true")
        window.look()

    expect(number).to_be_focused()
    expect(page.locator("#id_instrument_error")).to_contain_text("A cheque or draft needs this.")
    expect(page.get_by_label("Drawn on bank")).to_have_value("State Bank of India")
    expect(page.get_by_label("Its date")).to_have_value("2026-11-19")
    expect(page.locator("#tender-cheque")).to_be_checked()
    assert not Payment.objects.filter(bill=bill).exists()

    number.fill("204117")
    number.press("Enter")
    page.wait_for_url("**/receipts/**")
    window.look()
    expect(page.locator("body")).to_contain_text("204117")


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
