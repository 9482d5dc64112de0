"""The pages: who may read what, and that the figures lead to their rows."""

import io
from http import HTTPStatus

import pytest
from openpyxl import load_workbook

from tests.reports.conftest import Played

pytestmark = pytest.mark.django_db


def shown(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_the_shelf_holds_what_the_role_may_read(as_role) -> None:
    manager = shown(as_role("manager").get("/reports/"))
    supervisor = shown(as_role("supervisor").get("/reports/"))

    for code in ("day", "breaks", "payments", "counters"):
        assert f'href="/reports/{code}/"' in manager
    assert 'href="/reports/counters/"' in supervisor
    assert 'href="/reports/day/"' not in supervisor


def test_the_latest_proved_day_is_shown_when_none_is_named(played: Played, as_role) -> None:
    page = shown(as_role("finance_officer").get("/reports/day/"))

    assert "5 payments of ₹ 12,35,59,790.52 were taken." in page
    assert "proved" in page
    assert 'value="2026-08-18"' in page


def test_each_figure_leads_to_its_rows(played: Played, as_role) -> None:
    page = shown(as_role("auditor").get("/reports/day/?day=2026-08-18"))

    assert 'href="/reports/breaks/?day=2026-08-18&amp;reason=missing_in_channel"' in page
    assert 'href="/reports/payments/?day=2026-08-18&amp;channel=razorpay"' in page
    assert 'href="/reports/payments/?day=2026-08-18&amp;method=cash"' in page
    assert '"url": "/reports/breaks/?day=2026-08-18\\u0026reason=missing_in_channel"' in page


def test_a_filter_narrows_the_list_and_its_downloads(played: Played, as_role) -> None:
    client = as_role("auditor")
    query = "day=2026-08-18&channel=razorpay"

    page = shown(client.get(f"/reports/payments/?{query}"))
    book = load_workbook(io.BytesIO(b"".join(client.get(f"/reports/payments.xlsx?{query}"))))

    assert "2 payments succeeded, worth ₹ 1,02,500.01." in page
    assert f'href="/reports/payments.xlsx?{query.replace("&", "&amp;")}"' in page
    rows = list(book["Payments of the day"].iter_rows(values_only=True))
    assert [row[0] for row in rows] == ["Reference", "REF-1", "REF-2", "Total"]
    assert rows[1][7] == 100000.01


@pytest.mark.parametrize(
    "query",
    ["day=18-08-2026x", "day=", "day=2026-08-18&reason=nonsense", "day=2026-08-18&channel=%00"],
)
def test_what_is_not_understood_is_said_beside_the_form(played, as_role, query: str) -> None:
    answer = as_role("auditor").get(f"/reports/breaks/?{query}")

    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "form-error" in shown(answer)
    assert "breaks are open" not in shown(answer)
    assert as_role("auditor").get(f"/reports/breaks.csv?{query}").status_code == 404


def test_files_carry_a_name_and_their_kind(played: Played, as_role) -> None:
    client = as_role("finance_approver")

    csv = client.get("/reports/day.csv?day=2026-08-18&section=reasons")
    paper = client.get("/reports/counters.pdf?day=2026-08-18")

    assert csv["Content-Disposition"] == 'attachment; filename="day-reasons-2026-08-18.csv"'
    assert b"".join(csv).decode().splitlines()[1] == (
        "Receipt without a line of the channel,missing_in_channel,1,2026-08-18,2500.00"
    )
    assert paper["Content-Type"] == "application/pdf"
    assert paper.content.startswith(b"%PDF")
    assert client.get("/reports/day.csv?day=2026-08-18&section=none").status_code == 404
    assert client.get("/reports/day.exe?day=2026-08-18").status_code == 404


def test_hindi_readers_get_hindi_pages_and_english_columns(played: Played, as_role) -> None:
    client = as_role("auditor")
    client.cookies["django_language"] = "hi"

    page = shown(client.get("/reports/day/?day=2026-08-18"))
    csv = b"".join(client.get("/reports/day.csv?day=2026-08-18")).decode()

    assert "₹ 12,35,59,790.52 के 5 भुगतान लिए गए।" in page
    assert csv.startswith('Channel,"Payments, count","Payments, ₹"')


def test_a_supervisor_reads_the_own_counters_only(played: Played, as_role) -> None:
    client = as_role("supervisor")

    page = shown(client.get("/reports/counters/?day=2026-08-18"))

    assert "Z1 window 1" in page
    assert "Z3 window 1" not in page
    assert client.get("/reports/payments/?day=2026-08-18").status_code == HTTPStatus.FORBIDDEN
    assert client.get("/reports/payments.csv?day=2026-08-18").status_code == HTTPStatus.FORBIDDEN


def test_a_list_too_long_for_excel_is_refused_with_advice(
    played: Played, as_role, monkeypatch
) -> None:
    monkeypatch.setattr("reports.views.EXCEL_ROWS_MAX", 4)

    answer = as_role("auditor").get("/reports/payments.xlsx?day=2026-08-18")

    assert answer.status_code == HTTPStatus.CONFLICT
    assert "5 rows are too many for one Excel file here" in shown(answer)


def test_a_long_list_is_paged_and_counted(played: Played, as_role, monkeypatch) -> None:
    monkeypatch.setattr("reports.views.PAGE_SIZE", 2)

    page = shown(as_role("auditor").get("/reports/payments/?day=2026-08-18&page=3"))

    assert "5\u20135 of 5" in page
    assert "REF-5" in page
    assert "REF-4" not in page
    assert "12,35,59,790" in page  # the sum is of all pages
