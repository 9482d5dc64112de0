"""Files: numbers are numbers, text is never a formula, paper has its limits."""

import csv
import io
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from openpyxl import load_workbook
from pypdf import PdfReader

from reports import actions, tasks
from reports.contract import Ask, Column, Document, Kind, Row, Section
from reports.registry import reports
from reports.render import csv as as_csv
from reports.render import pdf, xlsx
from tests.reports.conftest import DAY, Played


def one_section(*rows: tuple[Any, ...], columns: tuple[Column, ...], **more: Any) -> Document:
    section = Section(
        code="x", title="A list", columns=columns, rows=[Row(cells) for cells in rows], **more
    )
    return Document(
        title="A list", day=DAY, claim="So it is.", sections=[section], stamp={"Run": "run 1"}
    )


EVERY_KIND = (
    Column(label="Name"),
    Column(label="Number", kind=Kind.ID, width=31),
    Column(label="Many", kind=Kind.COUNT, is_summed=True),
    Column(label="Money", kind=Kind.MONEY, is_summed=True),
    Column(label="Day", kind=Kind.DAY),
    Column(label="At", kind=Kind.INSTANT),
)
AT = datetime(2026, 8, 17, 20, 30, 5, tzinfo=UTC)  # after midnight in India
ROWS = (
    ("=1+1", "000123456789012345", 7, 1_234_567_890_123, DAY, AT),
    ("@SUM(A1)", "12/2026", 0, -5, None, None),
)


def sheet_of(document: Document):
    file = io.BytesIO()
    xlsx.write(document, file)
    return load_workbook(file), file


def test_a_sheet_holds_real_numbers_days_and_text() -> None:
    book, _file = sheet_of(one_section(*ROWS, columns=EVERY_KIND))

    sheet = book["A list"]
    first = [cell.value for cell in sheet[2]]
    assert first[:4] == ["=1+1", "000123456789012345", 7, 12345678901.23]
    assert [at.isoformat() for at in first[4:]] == ["2026-08-18T00:00:00", "2026-08-18T02:00:05"]
    assert [cell.data_type for cell in sheet[2]] == ["s", "s", "n", "n", "d", "d"]
    assert [cell.value for cell in sheet[3]] == ["@SUM(A1)", "12/2026", 0, -0.05, None, None]


def test_an_amount_is_written_to_the_paisa() -> None:
    _book, file = sheet_of(one_section(*ROWS, columns=EVERY_KIND))

    xml = zipfile.ZipFile(file).read("xl/worksheets/sheet1.xml").decode()
    assert "<v>12345678901.23</v>" in xml
    assert "<v>-0.05</v>" in xml
    assert "<v>12345678901.18</v>" in xml  # the sum
    assert "<f>" not in xml


def test_a_sheet_has_a_frozen_header_widths_a_filter_and_sums() -> None:
    book, _file = sheet_of(one_section(*ROWS, columns=EVERY_KIND))

    sheet = book["A list"]
    assert [cell.value for cell in sheet[1]] == ["Name", "Number", "Many", "Money, ₹", "Day", "At"]
    assert [cell.value for cell in sheet[4]] == ["Total", None, 7, 12345678901.18, None, None]
    assert sheet.freeze_panes == "B2"
    assert sheet.auto_filter.ref == "A1:F3"
    assert round(sheet.column_dimensions["B"].width) == 32
    assert sheet["D2"].number_format.endswith("0.00")
    assert sheet["E2"].number_format == "dd-mm-yyyy"
    assert [row[1].value for row in book["About"].iter_rows()][:4] == [
        "A list", "18-08-2026", "So it is.", "run 1",
    ]  # fmt: skip


def test_sheets_of_one_long_title_get_names_of_their_own() -> None:
    document = one_section(*ROWS, columns=EVERY_KIND)
    long = replace(document.sections[0], title="A title [of more] than thirty-one characters")
    book, _file = sheet_of(replace(document, sections=[long, long]))

    assert book.sheetnames == [
        "A title  of more  than thirty-o",
        "A title  of more  than thi (2)",
        "About",
    ]


def test_a_full_sheet_goes_on_in_another(monkeypatch) -> None:
    monkeypatch.setattr(xlsx, "ROWS_MAX", 4)
    rows = [("x", "1", 1, 100, DAY, AT)] * 5
    book, _file = sheet_of(one_section(*rows, columns=EVERY_KIND))

    assert book.sheetnames == ["A list", "A list (2)", "A list (3)", "About"]
    assert [book[name].max_row for name in book.sheetnames[:3]] == [3, 3, 3]
    assert [cell.value for cell in book["A list (3)"][3]][:4] == ["Total", None, 5, 5]


def test_csv_is_plain_and_starts_no_formula() -> None:
    document = one_section(*ROWS, columns=EVERY_KIND)

    text = "".join(as_csv.lines(document.sections[0]))

    assert list(csv.reader(io.StringIO(text))) == [
        ["Name", "Number", "Many", "Money, ₹", "Day", "At"],
        ["'=1+1", "000123456789012345", "7", "12345678901.23", "2026-08-18",
         "2026-08-18T02:00:05+05:30"],
        ["'@SUM(A1)", "12/2026", "0", "-0.05", "", ""],
    ]  # fmt: skip


def text_of(content: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]


def test_paper_carries_figures_stamp_and_page_numbers() -> None:
    (page,) = text_of(pdf.write(one_section(*ROWS, columns=EVERY_KIND)))

    assert "12,34,56,78,901.23" in page
    assert "−0.05" in page  # noqa: RUF001
    assert "18-08-2026 02:00" in page
    assert "So it is." in page
    assert "Run: run 1" in page
    assert "1 / 1" in page


def test_paper_takes_three_hundred_rows_and_says_that_there_are_more() -> None:
    columns = (Column(label="Line"), Column(label="Money", kind=Kind.MONEY, is_summed=True))
    rows = [(f"line {n:04d}", n) for n in range(1, 402)]
    document = one_section(*rows, columns=columns, totals=["All", 80_601])

    pages = text_of(pdf.write(document))
    text = " ".join(pages)

    assert "line 0300" in text
    assert "line 0301" not in text
    assert "The first 300 of 401 rows; the Excel file has them all." in text
    assert "806.01" in text
    assert f"{len(pages)} / {len(pages)}" in pages[-1]


def test_text_from_outside_stays_text_on_paper() -> None:
    columns = (Column(label="Name"),)
    spell = '<img src="file:///etc/hostname"><link rel="attachment" href="file:///etc/hostname">'
    content = pdf.write(one_section((spell,), columns=columns))

    assert "file:///etc/hostname" in "".join(text_of(content)).replace("\n", "")
    assert not PdfReader(io.BytesIO(content)).attachments


@pytest.mark.parametrize("how", ["attachment", "image", "style"])
def test_a_page_that_asks_for_a_file_gets_nothing(how: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret of this machine")
    asks = {
        "attachment": f'<link rel="attachment" href="{secret.as_uri()}">',
        "image": f'<img alt="" src="{secret.as_uri()}">',
        "style": f'<link rel="stylesheet" href="{secret.as_uri()}">',
    }

    content = pdf.paper(f"<html><head>{asks[how]}</head><body>x</body></html>", title="t")

    assert not PdfReader(io.BytesIO(content)).attachments
    assert b"the secret of this machine" not in content


def test_the_writer_of_paper_holds_no_secret_of_ours() -> None:
    show = "import reports.render.paper_child, os, sys; print(sorted(os.environ))"
    command = [sys.executable, "-c", show]
    named = subprocess.run(
        command, capture_output=True, text=True, check=True, env=pdf.bare_environment()
    ).stdout

    assert "SECRET" not in named
    assert "DATABASE" not in named
    assert "KEY" not in named


def test_paper_that_needs_too_much_memory_is_refused() -> None:
    with pytest.raises(pdf.NotOnPaper, match="take Excel instead"):
        pdf.paper("<p>x</p>", title="t", memory=64 * 1024**2)


def test_paper_that_takes_too_long_is_refused() -> None:
    endless = "<table>" + "<tr><td>x</td></tr>" * 20_000 + "</table>"

    with pytest.raises(pdf.NotOnPaper, match="take Excel instead"):
        pdf.paper(endless, title="t", seconds=1)


@pytest.mark.django_db
def test_the_day_report_is_written_whole_and_replaced(
    played: Played, settings, tmp_path: Path
) -> None:
    settings.REPORTS_DIR = tmp_path / "reports"

    first = actions.write_day_report(DAY)
    again = actions.write_day_report(DAY)

    assert first == again
    assert sorted(path.name for path in settings.REPORTS_DIR.iterdir()) == [
        "day-2026-08-18.pdf",
        "day-2026-08-18.xlsx",
    ]
    text = " ".join(text_of(first.pdf.read_bytes()))
    assert "₹ 12,35,59,790.52" in text
    assert "ab" * 32 in text.replace("\n", "")
    book = load_workbook(first.xlsx)
    assert [cell.value for cell in book["By channel"][2]][:3] == ["Razorpay", 2, 102500.01]


@pytest.mark.django_db
def test_the_command_says_where_the_files_are(played: Played, tmp_path: Path) -> None:
    out = io.StringIO()
    paper, sheet = tmp_path / "a.pdf", tmp_path / "deep" / "a.xlsx"

    call_command("day_report", date=DAY, pdf=paper, xlsx=sheet, stdout=out)

    assert out.getvalue().split() == [str(paper), str(sheet)]
    assert paper.read_bytes().startswith(b"%PDF")
    assert "By channel" in load_workbook(sheet).sheetnames


@pytest.mark.django_db
def test_the_timetable_writes_a_proved_day_once_and_again_after_a_new_run(
    played: Played, settings, tmp_path: Path, time_machine
) -> None:
    settings.REPORTS_DIR = tmp_path
    time_machine.move_to(datetime(2026, 8, 19, 1, 0, tzinfo=UTC))
    file = actions.day_report_files(DAY).xlsx

    tasks.write_day_reports()
    written = file.stat().st_ino
    tasks.write_day_reports()
    unchanged = file.stat().st_ino
    type(played.run).objects.update(finished_at=datetime(2099, 1, 1, tzinfo=UTC))
    tasks.write_day_reports()

    assert unchanged == written
    assert file.stat().st_ino != written
    assert len(list(tmp_path.iterdir())) == 2


def test_the_ask_of_the_system_is_the_whole_company() -> None:
    assert Ask(day=date(2026, 8, 18)).user is None
    assert list(reports())[:4] == ["day", "breaks", "payments", "counters"]
