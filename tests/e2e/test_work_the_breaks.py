"""A break from the list to its steps, many at once, and an undo: at the desk and on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from channels_.models import StatementFile
from reconciliation.models import Break
from tests.e2e.window import Window

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


def test_a_break_is_worked_on_from_the_list_to_a_second_person(
    window_of: Callable[[str], Window],
) -> None:
    window = window_of("finance_officer")
    page = window.page
    window.open("/breaks/")
    window.fits_both("the list")

    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/breaks/*/**")
    window.fits_both("a break")
    page.get_by_role("link", name="Write a note").click()
    page.get_by_label("Note").fill("The bank is asked.")
    window.fits_both("a note")
    page.get_by_role("button", name="Write a note").click()
    expect(page.get_by_text("The bank is asked.")).to_be_visible()

    page.get_by_role("link", name="Wait until").click()
    page.get_by_label("It comes by").fill("2026-11-25")
    page.get_by_label("Reason").fill("Their advice comes on Monday.")
    window.fits_both("a wait")
    page.get_by_role("button", name="Wait until").click()
    expect(page.get_by_text("Waits for a second person.")).to_be_visible()
    window.fits_both("a break that waits")


def test_one_step_for_all_of_a_filter(window_of: Callable[[str], Window]) -> None:
    window = window_of("finance_officer")
    page = window.page
    reason = Break.objects.filter(state="open").order_by("reason").values_list("reason")[0][0]
    window.open(f"/breaks/?reason={reason}")
    page.get_by_role("link", name="One step for all").click()
    window.fits_both("a step for many")
    page.get_by_label("Step", exact=True).select_option("suspense")
    page.get_by_label("Reason").fill("Nobody knows them.")
    page.get_by_role("button", name="Propose for").click()
    expect(page.get_by_text("You proposed this; somebody else decides.")).to_be_visible()
    window.fits_both("a batch")
    window.open("/batches/")
    window.fits_both("all batches")

    second = window_of("finance_approver")
    second.open("/approvals/")
    second.fits_both("approvals")
    second.page.get_by_role("link", name="Move to suspense").first.click()
    second.fits_both("a batch to be answered")
    second.page.get_by_label("Answer").fill("Ask the bank first.")
    second.page.get_by_role("button", name="Reject").click()
    expect(second.page.get_by_text("Rejected. Nothing was changed.")).to_be_visible()


def test_a_run_and_a_file_lead_to_their_undo(window_of: Callable[[str], Window]) -> None:
    window = window_of("finance_officer")
    page = window.page
    window.open("/runs/2026-11-20/1/")
    page.get_by_role("link", name="Undo this run").click()
    window.fits_both("an undo")
    page.get_by_label("Reason").fill("A wrong rule.")
    page.get_by_role("button", name="Propose to undo").click()
    window.fits_both("an undo that waits")
    sha256 = StatementFile.objects.filter(state="loaded").order_by("id")[0].sha256
    window.open(f"/statements/{sha256}/")
    page.get_by_role("link", name="Undo this file").click()
    window.fits_both("an undo of a file")
    page.get_by_label("Reason").fill("The wrong file.")
    page.get_by_role("button", name="Propose to undo").click()
    window.fits_both("an undo of a file that waits")
    window.open("/undos/")
    window.fits_both("all undos")

    second = window_of("finance_approver")
    second.open("/undos/")
    second.page.get_by_role("link", name="A run").click()
    second.page.get_by_label("Answer").fill("It was right.")
    second.page.get_by_role("button", name="Reject").click()
    expect(second.page.get_by_text("Rejected. Nothing was changed.")).to_be_visible()
