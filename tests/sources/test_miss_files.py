"""A file that is owed and has not come raises one alarm, which ends when the file comes."""

from datetime import date, time, timedelta

import pytest
import time_machine

from channels_.models import BankAccount, StatementFile
from enquiries.models import Alarm
from reconciliation.incoming import missing
from sources import holidays
from tests import factories as make

pytestmark = pytest.mark.django_db

MON = date(2026, 8, 17)
TUE_MORNING = "2026-08-18 08:59:00+05:30"
TUE_LATER = "2026-08-18 09:01:00+05:30"


def account(**fields: object) -> BankAccount:
    return make.BankAccountFactory(code="sbi", file_due_at=time(9), **fields)


def loaded(of: BankAccount, first: date, last: date | None = None, **fields: object) -> None:
    make.StatementFileFactory(
        channel=None, bank_account=of, covers_from=first, covers_to=last or first, **fields
    )


def test_before_its_time_nothing_is_missing_and_after_it_one_alarm_is_raised() -> None:
    account()

    with time_machine.travel(TUE_MORNING, tick=False):
        assert missing.watch() == 0
    with time_machine.travel(TUE_LATER, tick=False):
        assert missing.watch() == 1
        assert missing.watch() == 1

    alarm = Alarm.objects.get()
    assert (str(alarm.source), alarm.kind, alarm.cleared_at) == ("Account sbi", "file", None)
    assert alarm.detail == "no file of 17-08-2026"


def test_the_alarm_ends_when_the_file_comes_and_another_day_is_another_alarm() -> None:
    bank = account()
    with time_machine.travel(TUE_LATER, tick=False):
        missing.watch()
        loaded(bank, MON)
        assert missing.watch() == 0
    assert Alarm.objects.get().cleared_at is not None

    with time_machine.travel("2026-08-19 10:00:00+05:30", tick=False):
        assert missing.watch() == 1
    assert Alarm.objects.filter(cleared_at=None).get().detail == "no file of 18-08-2026"


@pytest.mark.parametrize("state", ["refused", "waiting"])
def test_a_file_that_is_not_loaded_has_not_come(state) -> None:
    loaded(account(), MON, state=state)

    with time_machine.travel(TUE_LATER, tick=False):
        assert missing.watch() == 1


def test_who_owes_working_days_is_not_missed_over_a_long_weekend() -> None:
    holidays.put(MON, name="Made up day", by="command")
    bank = account(file_days="working")
    loaded(bank, MON - timedelta(days=10), MON - timedelta(days=2))

    with time_machine.travel(TUE_LATER, tick=False):
        assert missing.watch() == 0
    with time_machine.travel("2026-08-19 10:00:00+05:30", tick=False):
        assert missing.watch() == 1


def test_days_before_the_first_file_of_a_source_are_not_owed_and_days_after_are() -> None:
    loaded(account(), MON - timedelta(days=3))

    with time_machine.travel(TUE_LATER, tick=False):
        missing.watch()

    assert Alarm.objects.get().detail == "no file of 15-08-2026, 16-08-2026, 17-08-2026"


def test_a_channel_that_is_switched_off_is_not_missed() -> None:
    channel = make.RazorpayFactory(file_due_at=time(9))
    with time_machine.travel(TUE_LATER, tick=False):
        assert missing.watch() == 1
        channel.is_live = False
        channel.save(update_fields=["is_live"])
        assert missing.watch() == 0

    assert not Alarm.objects.filter(cleared_at=None).exists()
    assert StatementFile.objects.count() == 0


@pytest.mark.parametrize("kind", Alarm.Kind.values)
def test_the_operator_reads_every_kind_of_alarm(as_role, kind) -> None:
    channel = make.RazorpayFactory()
    Alarm.objects.create(channel=channel, kind=kind, detail="as it was told")

    page = as_role("operator").get("/operator/").content.decode()

    assert "as it was told" in page
