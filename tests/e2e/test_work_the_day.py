"""The finance officer's day and the approver's answer, in a browser."""

import io
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest
from playwright.sync_api import Page, expect
from python_calamine import CalamineWorkbook

from channels_.models import StatementFile
from cspdcl.kernel.money import grouped_rupees
from reconciliation.desk import explain, workbench
from reconciliation.models import Break, Decision, Reason
from tests.e2e.conftest import DAY
from tests.e2e.window import Window

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

BOARD = f"/day/{DAY.isoformat()}/"


def _open_breaks() -> list[Break]:
    return list(Break.objects.filter(state=Break.State.OPEN).order_by("id"))


def test_the_day_board_answers_and_leads_down_to_the_lines(
    window_of: Callable[[str], Window],
) -> None:
    window = window_of("finance_officer")
    page = window.page
    window.open("/")
    assert window.path == BOARD

    answer = page.locator("p.answer")
    expect(answer).to_contain_text("taken.")
    expect(answer).to_contain_text(f"{len(_open_breaks())} breaks")
    expect(answer).to_contain_text("Every book proves.")
    proofs = page.locator(".proof-row, .proof tbody tr")
    expect(proofs.filter(has_text="proves")).to_have_count(5)

    page.locator("a.cell").first.click()
    window.look()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.goto(f"{BOARD}lines/?channel=razorpay&stage=bank&state=matched")
    window.look()
    expect(page.locator("p.answer")).to_contain_text("lines")


def test_breaks_are_narrowed_by_reason_and_walked_by_keys(
    window_of: Callable[[str], Window],
) -> None:
    reason = Reason.DUPLICATE
    fitting = [one for one in _open_breaks() if one.reason == reason]
    window = window_of("finance_officer")
    page = window.page
    window.open("/breaks/")

    page.locator("summary.chip", has_text="Reason").click()
    page.locator(".menu-list a", has_text=str(reason.label)).click()
    rows = page.locator("tr[data-row]")
    expect(rows).to_have_count(len(fitting))
    window.look()

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(rows.first.get_by_role("link")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/breaks/*/?*")
    window.look()

    opened = Break.objects.get(public_id=window.path.split("/")[2])
    assert opened in fitting
    expect(page.locator("p.why")).to_contain_text(explain.sentence(opened))
    expect(page.locator("li.break")).to_have_count(len(fitting))  # the list came along


def test_a_match_waits_for_the_second_person_who_closes_the_break(
    window_of: Callable[[str], Window],
) -> None:
    found, candidate = _with_fitting_candidate()
    officer = window_of("finance_officer")
    page = officer.page
    officer.open(f"/breaks/{found.public_id}/")
    match = page.get_by_role("button", name="Propose match")
    expect(match).to_have_attribute("aria-disabled", "true")

    page.locator(f"input[name=candidate][value='{candidate.id}']").check()
    expect(page.locator("[data-left]")).to_have_text("0.00")
    expect(match).to_have_attribute("aria-disabled", "false")
    page.locator("#id_why").fill("The sender wrote to us; it is this payment.")
    match.click()

    expect(page.locator("body")).to_contain_text("It acts when a second person approves it.")
    officer.look()
    _may_not_answer(officer, found)
    _answered(window_of("finance_approver"), found, "Approve")

    page.goto(f"/breaks/{found.public_id}/")
    expect(page.locator("p.answer")).to_contain_text("Closed")
    officer.look()
    found.refresh_from_db()
    assert found.state == Break.State.CLOSED


def test_a_write_off_needs_a_reason_and_may_be_rejected(
    window_of: Callable[[str], Window],
) -> None:
    found = next(one for one in _open_breaks() if one.reason == Reason.SHORT_CREDIT)
    officer = window_of("finance_officer")
    page = officer.page
    officer.open(f"/breaks/{found.public_id}/")

    with officer.expecting(422):
        page.keyboard.press("o")
        expect(page.locator("#id_why")).to_have_attribute("aria-invalid", "true")
        officer.look()
    page.locator("#id_why").fill("The bank kept a charge that it will not give back.")
    page.get_by_role("button", name="Propose write-off").click()

    expect(page.locator("body")).to_contain_text("It acts when a second person approves it.")
    _answered(window_of("finance_approver"), found, "Reject", answer="Ask the bank first.")
    page.reload()
    expect(page.locator("body")).to_contain_text("Ask the bank first.")
    found.refresh_from_db()
    assert found.state == Break.State.OPEN


def _with_fitting_candidate() -> tuple[Break, workbench.Candidate]:
    """An open break that one candidate explains to the paisa."""
    return next(
        (one, candidate)
        for one in _open_breaks()
        for candidate in workbench.bench_of(one).candidates
        if candidate.paise == workbench.bench_of(one).paise
    )


def _may_not_answer(officer: Window, found: Break) -> None:
    """Who proposed sees it waiting, without a button; and is refused who asks all the same."""
    decision = Decision.objects.get(open_break=found)
    officer.open("/approvals/")
    waiting = officer.page.locator(f"[id='{decision.public_id}']")
    expect(waiting).to_contain_text("You proposed this; somebody else decides.")
    expect(waiting.get_by_role("button")).to_have_count(0)

    answer = _post(officer.page, f"/approvals/{decision.public_id}/", {"verdict": "approve"})

    decision.refresh_from_db()
    assert answer == 403
    assert decision.state == Decision.State.PROPOSED


def _post(page: Page, path: str, form: dict[str, str]) -> int:
    """A POST with the session and the token of the window, as a hand-made form would send it."""
    tokens = [one for one in page.context.cookies() if one.get("name") == "csrftoken"]
    sent: dict[str, str | float | bool] = {
        **form,
        "csrfmiddlewaretoken": tokens[0].get("value", ""),
    }
    return page.request.post(path, form=sent, headers={"Referer": page.url}).status


def _answered(approver: Window, found: Break, button: str, *, answer: str = "") -> None:
    decision = Decision.objects.get(open_break=found)
    approver.open("/approvals/")
    waiting = approver.page.locator(f"[id='{decision.public_id}']")
    expect(waiting).to_contain_text(grouped_rupees(found.amount_paise))
    expect(waiting).to_contain_text(decision.why)
    waiting.get_by_label("Answer").fill(answer)
    waiting.get_by_role("button", name=button).click()
    expect(waiting).to_have_count(0)
    approver.look()


def test_the_same_file_a_second_time_is_told_kindly(
    window_of: Callable[[str], Window], files: Path
) -> None:
    before = StatementFile.objects.count()
    window = window_of("finance_officer")
    page = window.page
    window.open("/statements/")

    page.get_by_label("Source").select_option("sbi-collection")
    page.locator("#id_file").set_input_files(files / "sbi-collection.mt940")
    page.get_by_role("button", name="Load").click()

    expect(page.locator("body")).to_contain_text("nothing was added, nothing is lost")
    window.look()
    assert StatementFile.objects.count() == before


def test_the_day_is_taken_home_as_pdf_and_excel(window_of: Callable[[str], Window]) -> None:
    window = window_of("finance_officer")
    page = window.page
    window.open(f"/reports/day/?day={DAY.isoformat()}")
    expect(page.locator("svg.marks").first).to_be_visible()

    with page.expect_download() as sheet:
        page.get_by_role("link", name="Excel").click()
    workbook = CalamineWorkbook.from_path(str(sheet.value.path()))
    paper = page.request.get(page.get_by_role("link", name="PDF").get_attribute("href") or "")
    text = pypdf.PdfReader(io.BytesIO(paper.body())).pages[0].extract_text()

    assert sheet.value.suggested_filename.endswith(".xlsx")
    assert workbook.sheet_names
    assert paper.headers["content-type"] == "application/pdf"
    assert f"{DAY:%d-%m-%Y}" in text
    window.look()
