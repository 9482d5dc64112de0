"""The calendar of bank holidays: kept by file and page, and felt wherever working days count."""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client

from channels_.models import BankAccount
from configuration import actions as configuration
from configuration import export
from cspdcl.kernel.workdays import is_working_day, working_day_after
from people.models import AuditEvent
from sources import calendar, holidays, owing
from sources.models import Holiday
from tests import factories as make
from tests.reconciliation.test_pages_board import words

pytestmark = pytest.mark.django_db

AsRole = Callable[[str], Client]
FRI, SAT, SUN, MON = (date(2026, 8, day) for day in (14, 15, 16, 17))  # a third Saturday
LIST = b"date,name,state\n2026-08-15,Independence Day,\n17-08-2026,Made up day,cg\n"


def load(content: bytes) -> holidays.Put:
    return holidays.load(io.BytesIO(content), by="command")


def test_a_holiday_is_no_working_day_and_moves_what_is_due() -> None:
    assert working_day_after(FRI, 1) == SAT

    load(LIST)

    assert not is_working_day(SAT)
    assert working_day_after(FRI, 1) == date(2026, 8, 18)
    assert working_day_after(FRI, 1, ()) == SAT


def test_a_holiday_of_another_state_is_none_here(settings) -> None:
    holidays.put(MON, name="Made up day", state="MH", by="command")

    assert is_working_day(MON)
    settings.HOLIDAY_STATE = "MH"
    assert not is_working_day(MON)


def test_a_change_by_psql_is_seen_by_its_token_and_a_roll_back_too(monkeypatch) -> None:
    monkeypatch.setattr(calendar, "LOOK_SECONDS", 0)
    assert is_working_day(MON)

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO sources_holiday (day, name, state) VALUES ('2026-08-17', 'X', '')"
            )
        assert not is_working_day(MON)
        transaction.set_rollback(True)

    assert is_working_day(MON)


def test_the_same_list_again_changes_nothing_and_a_name_is_mended() -> None:
    assert load(LIST) == holidays.Put(new=2, renamed=0, known=0)
    events = AuditEvent.objects.count()
    assert load(LIST) == holidays.Put(new=0, renamed=0, known=2)
    assert AuditEvent.objects.count() == events

    assert load(LIST.replace(b"Made up", b"Found")).renamed == 1
    assert Holiday.objects.get(day=MON).name == "Found day"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"day,what\n2026-08-15,x", "The first row must be"),
        (b"date,name\n15.08.2026,x", "Row 2: expected a day such as"),
        (b"date,name,state\n2026-08-15,,", "Row 2: expected a name"),
        (b"date,name,state\n2026-08-15,x,Chhattisgarh", "Row 2: expected a state of two letters"),
        (b"date,name,state\n2026-08-15,x,,y", "Row 2: expected three cells"),
        (b"date,name\n2026-08-15,x\n2026-08-15,y", "Row 3: the day is there twice"),
        (b"date,name\n2026-08-15,\xff", "no text in UTF-8"),
        (b"", "The first row must be"),
    ],
)
def test_a_list_with_a_fault_is_refused_whole_and_names_its_row(content, problem) -> None:
    with pytest.raises(holidays.BadHolidays, match=problem):
        load(content + b"\n2026-10-02,Good day\n")

    assert not Holiday.objects.exists()


def test_the_database_refuses_a_state_that_is_none() -> None:
    with pytest.raises(IntegrityError, match="holiday_state_known"):
        Holiday.objects.create(day=MON, name="x", state="c1")


@pytest.mark.parametrize(
    ("days", "after", "day", "due"),
    [
        ("every", 1, SUN, (2026, 8, 17)),
        ("every", 0, SUN, (2026, 8, 16)),
        ("working", 1, FRI, (2026, 8, 17)),
        ("working", 2, FRI, (2026, 8, 18)),
        ("working", 1, SAT, None),
        ("working", 1, SUN, None),
    ],
)
def test_a_source_owes_files_of_its_days_by_its_time(days, after, day, due) -> None:
    load(b"date,name\n2026-08-15,Independence Day\n")
    account = make.BankAccountFactory(file_due_at=time(9), file_days=days, file_due_days=after)

    found = owing.due_at(account, day)

    # 09:00 in India
    assert found == (datetime.combine(date(*due), time(3, 30), tzinfo=UTC) if due else None)


def test_who_has_no_time_owes_nothing() -> None:
    assert owing.due_at(make.BankAccountFactory(), MON) is None


def test_the_page_adds_names_anew_and_takes_off(as_role: AsRole) -> None:
    officer = as_role("finance_officer")
    told = {"day": "2026-08-15", "name": "Independence Day", "state": ""}

    page = words(officer.post("/holidays/put/", told, follow=True).content.decode())
    assert "Independence Day is in the calendar." in page
    assert "a working day less" in page
    assert not is_working_day(SAT)

    page = words(officer.post("/holidays/remove/", told, follow=True).content.decode())
    assert "was taken off the calendar" in page
    assert is_working_day(SAT)
    actions = AuditEvent.objects.filter(object_type="holiday").values_list("action", flat=True)
    assert sorted(actions) == ["holiday.created", "holiday.removed"]


def test_what_is_typed_wrong_is_said_at_its_field_and_stays(as_role: AsRole) -> None:
    told = {"day": "2026-08-15", "name": "Independence Day", "state": "C1"}

    answer = as_role("operator").post("/holidays/put/", told)

    assert answer.status_code == 422
    assert "Expected two letters" in words(answer.content.decode())
    assert 'value="Independence Day"' in answer.content.decode()
    assert not Holiday.objects.exists()


def test_a_list_is_loaded_on_the_page_or_refused_at_the_field(as_role: AsRole) -> None:
    officer = as_role("finance_officer")

    bad = officer.post("/holidays/load/", {"file": SimpleUploadedFile("h.csv", b"nonsense")})
    assert bad.status_code == 422
    assert "The first row must be" in words(bad.content.decode())

    good = officer.post("/holidays/load/", {"file": SimpleUploadedFile("h.csv", LIST)}, follow=True)
    assert "2 holidays added" in words(good.content.decode())
    assert Holiday.objects.count() == 2


def test_the_configuration_holds_the_calendar_and_what_is_owed() -> None:
    account = {
        "code": "sbi", "name": "SBI", "bank": "SBI", "account_number": "1", "file_due_at": "09:00",
        "file_days": "working", "file_due_days": 2, "file_policy": "row", "file_compared": False,
    }  # fmt: skip
    days = [{"day": "2026-08-15", "name": "Independence Day"}]

    configuration.apply({"bank_accounts": [account], "holidays": days}, actor="command", secrets={})

    assert not is_working_day(SAT)
    row = BankAccount.objects.get()
    assert (row.file_days, row.file_due_days, row.file_policy) == ("working", 2, "row")
    made = export.document()
    assert made["holidays"] == [{"day": SAT, "name": "Independence Day", "state": ""}]
    again = configuration.apply(made | {"rules": []}, actor="command", secrets={})
    assert not again
