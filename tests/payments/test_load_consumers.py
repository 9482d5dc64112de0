"""Consumers from a file: all of it or nothing, whatever the file tries."""

import io
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from django.core.management import CommandError, call_command

from payments.consumers import COLUMNS, BadFile, load_consumers, mobile_of
from payments.models import Bill, Consumer
from tests import factories as make

pytestmark = pytest.mark.django_db

HEADER = ",".join(COLUMNS)
GOOD = (
    "1000000001,100000000001,Consumer A,Z1,9876543210,LV-1,postpaid,B1,2026-08,1234.50,"
    "2026-08-01,2026-08-21"
)
SECOND = "1000000002,100000000002,Consumer B,Z2,,LV-2,prepaid,,,,,"


@pytest.fixture(autouse=True)
def zones():
    return [make.OfficeFactory(code=code) for code in ("Z1", "Z2")]


def load(*rows: str, header: str = HEADER):
    text = "\n".join([header, *rows]) + "\n"
    return load_consumers(io.BytesIO(text.encode()), name="consumers.csv")


def test_consumers_and_their_bills_are_loaded_and_loading_again_changes_nothing() -> None:
    first = load(GOOD, SECOND)
    again = load(GOOD, SECOND)

    assert (first.consumers_added, first.bills_added) == (2, 1)
    assert (again.consumers_added, again.consumers_changed) == (0, 0)
    assert (again.bills_added, again.bills_changed) == (0, 0)
    consumer = Consumer.objects.get(number="100000000001")
    assert (consumer.name, consumer.office.code, consumer.plan) == ("Consumer A", "Z1", "postpaid")
    assert mobile_of(consumer) == "9876543210"
    assert b"9876543210" not in bytes(consumer.mobile or b"")
    assert Bill.objects.get().amount_paise == 123_450


def test_a_changed_row_changes_its_consumer_only() -> None:
    load(GOOD, SECOND)

    changed = load(SECOND.replace("Consumer B", "Consumer C").replace("Z2", "Z1"))

    assert (changed.consumers_added, changed.consumers_changed) == (0, 1)
    assert Consumer.objects.get(number="100000000002").name == "Consumer C"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (GOOD.replace("1000000001,1", "123,1"), "business_partner"),
        (GOOD.replace(",100000000001,", ",12AB,"), "consumer_number"),
        (GOOD.replace("Z1", "NOWHERE"), "office 'NOWHERE' is not known"),
        (GOOD.replace("Consumer A", "=cmd|' /C calc'!A0"), "starts like a formula"),
        (GOOD.replace("9876543210", "12345"), "mobile"),
        (GOOD.replace("postpaid", "later"), "plan"),
        (GOOD.replace("1234.50", "1E3"), "amount"),
        (GOOD.replace("1234.50", "-5"), "amount"),
        (GOOD.replace("2026-08-21", "2026-07-21"), "due_on is before"),
        (GOOD.replace("2026-08-21", "31.02.2026"), "due_on"),
        (GOOD.replace(",B1,", ",,"), "a bill needs all"),
        (GOOD.replace("Consumer A", "A" * 121), "name must have"),
    ],
)
def test_one_bad_row_is_named_and_nothing_is_loaded(row: str, problem: str) -> None:
    with pytest.raises(BadFile) as caught:
        load(SECOND, row)

    (bad,) = caught.value.problems
    assert bad.row == 3
    assert problem in bad.problem
    assert not Consumer.objects.exists()


def test_every_bad_row_is_named_up_to_a_limit_and_counted_beyond() -> None:
    rows = [SECOND.replace("100000000002", f"X{n}") for n in range(300)]

    with pytest.raises(BadFile, match="300 of 301 rows") as caught:
        load(SECOND, *rows)

    assert [one.row for one in caught.value.problems] == list(range(3, 203))


def test_a_consumer_described_in_two_ways_and_a_bill_twice_are_refused() -> None:
    two_names = GOOD.replace("Consumer A", "Consumer Z").replace("B1", "B2")

    with pytest.raises(BadFile):
        load(GOOD, two_names)
    with pytest.raises(BadFile):
        load(GOOD, GOOD)
    load(GOOD, GOOD.replace("B1", "B2"))
    assert Bill.objects.count() == 2


def test_a_bill_of_another_consumer_is_a_mix_up() -> None:
    load(GOOD)

    with pytest.raises(BadFile, match="bill B1 is of consumer 100000000001"):
        load(GOOD.replace("100000000001", "100000000009"))

    assert not Consumer.objects.filter(number="100000000009").exists()


def test_full_width_digits_are_digits() -> None:
    load(SECOND.replace("100000000002", "１００００００００００２"))  # noqa: RUF001

    assert Consumer.objects.get().number == "100000000002"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"consumer_number\n1\n",
        HEADER.encode() + b"\n",
        HEADER.encode() + b",colour\n",
        (HEADER + "\n" + GOOD).encode("utf-16"),
        (HEADER + '\n"' + GOOD).encode(),
        b"PK\x03\x04 not a workbook",
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(BadFile):
        load_consumers(io.BytesIO(content), name="x")


def test_a_workbook_is_read_with_its_numbers_and_dates() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, COLUMNS)
    sheet.write_row(1, 0, [1000000001, 100000000001, "Consumer A", "Z1", 9876543210, "LV-1"])
    sheet.write_row(1, 6, ["postpaid", "B1", "2026-08", 1234.5, "2026-08-01", "2026-08-21"])
    sheet.write_formula(2, 0, "=1000000002", value=1000000002)
    sheet.write_row(2, 1, ["100000000002", "Consumer B", "Z2"])
    book.close()

    loaded = load_consumers(out, name="consumers.xlsx")

    assert (loaded.consumers_added, loaded.bills_added) == (2, 1)
    assert Bill.objects.get().amount_paise == 123_450
    assert Consumer.objects.get(number="100000000002").business_partner == "1000000002"


def test_a_workbook_that_would_swell_is_refused_before_it_is_unpacked() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 50_000_000)

    with pytest.raises(BadFile, match="packed tighter"):
        load_consumers(out, name="bomb.xlsx")


def test_a_workbook_whose_last_cell_lies_in_a_desert_is_refused() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, COLUMNS)
    sheet.write(1_048_575, 16_383, "x")
    book.close()

    with pytest.raises(BadFile, match="spans 1048576 rows and 16384 columns"):
        load_consumers(out, name="desert.xlsx")


def test_an_archive_with_altered_bytes_or_no_workbook_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("content.xml", "x" * 50)
    with pytest.raises(BadFile, match="no XLSX workbook"):
        load_consumers(out, name="consumers.ods")

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(range(256)) * 4)
    altered = bytearray(out.getvalue())
    altered[60:90] = b"\xff" * 30
    with pytest.raises(BadFile, match="cannot be opened"):
        load_consumers(io.BytesIO(altered), name="altered.xlsx")


def test_the_command_names_the_bad_rows_and_fails(tmp_path: Path, capsys) -> None:
    path = tmp_path / "consumers.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n{SECOND.replace('Z2', 'Z9')}\n")

    with pytest.raises(CommandError, match="1 of 2 rows"):
        call_command("load_consumers", str(path))
    assert "row 3: office 'Z9' is not known" in capsys.readouterr().err

    path.write_text(f"{HEADER}\n{GOOD}\n")
    call_command("load_consumers", str(path))
    assert "consumers 1 new" in capsys.readouterr().out


def test_a_hundred_thousand_rows_are_loaded() -> None:
    rows = [
        f"{1_000_000_000 + n},{100_000_000_000 + n},Consumer {n},Z1,9{n:09d},LV-1,postpaid,"
        f"B{n},2026-08,{n + 1}.25,2026-08-01,2026-08-21"
        for n in range(100_000)
    ]

    loaded = load(*rows)

    assert loaded.bills_added == 100_000
    assert Consumer.objects.count() == 100_000
