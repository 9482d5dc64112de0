"""The ERP as the file says it: made, exported, changed, and refused where it cannot be."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

from channels_.models import LedgerSystem
from configuration import export
from configuration.actions import apply
from configuration.schema import ConfigurationRefused
from cspdcl.kernel.clock import now
from reconciliation.models import DayClose, Run
from sources.models import FetchPlan
from tests.factories import UserFactory
from tests.sources.places import HOST_KEY
from tests.worked_examples.accounts import Desk, posted

pytestmark = pytest.mark.django_db

FILE = """
[[ledger_systems]]
code = "sap"
name = "SAP FI-CA"
compared_from = 2026-08-10
posting_days = 2
clarification_days = 7
file_due_at = "09:00"
file_days = "working"
file_due_days = 1
file_policy = "row"
file_compared = false
settings = { needs_totals = true, columns = { reference = "KEYZ2" } }
"""


def configured(text: str) -> list[str]:
    return [str(one) for one in apply(tomllib.loads(text), actor="system", secrets={})]


def test_the_erp_is_as_the_file_says_and_comes_out_again() -> None:
    assert configured(FILE) == ["+ ledger_system sap SAP FI-CA"]

    made = LedgerSystem.objects.get()
    assert (made.compared_from, made.posting_days) == (date(2026, 8, 10), 2)
    assert export.document()["ledger_systems"] == tomllib.loads(FILE)["ledger_systems"]
    assert configured(FILE) == []
    assert configured(export.toml({"ledger_systems": export.document()["ledger_systems"]})) == []


def test_its_files_may_be_fetched_like_all_others() -> None:
    configured(
        FILE
        + f"""
[[fetch_plans]]
code = "sap-files"
source = "sap"
kind = "sftp"
address = "sftp://erp.test/out"
host_key = "{HOST_KEY}"
secret = "never-to-be-seen"
every_minutes = 30
"""
    )

    assert FetchPlan.objects.get().source == LedgerSystem.objects.get()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[ledger_systems]]\ncode = "sap"\nname = "SAP"', "compared_from: is required"),
        (FILE.replace("posting_days = 2", "posting_days = 99"), "from 0 to 30"),
        (FILE.replace("needs_totals = true", 'needs_totals = "x"'), "expected true or false"),
        (FILE.replace('reference = "KEYZ2"', 'refs = "KEYZ2"'), "no such meaning"),
        (FILE + FILE.replace('"sap"', '"other"'), "there is one ERP, and it is sap"),
    ],
)
def test_what_cannot_be_is_refused_whole(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationRefused, match=problem):
        configured(text)
    assert not LedgerSystem.objects.exists()


def test_a_day_that_is_closed_is_not_compared_otherwise_afterwards() -> None:
    closed = date(2026, 8, 12)
    maker, checker = UserFactory.create(), UserFactory.create()
    DayClose.objects.create(
        business_date=closed, version=1, facts={}, state=DayClose.State.CLOSED, maker=maker,
        checker=checker, closed_at=now(), content_hash="0" * 64, signature=b"x", key_id="k",
        run=Run.objects.create(business_date=closed, started_by="test", worker="test"),
    )  # fmt: skip

    with pytest.raises(ConfigurationRefused, match="2026-08-12 is closed; expected a later day"):
        configured(FILE)
    assert not LedgerSystem.objects.exists()
    assert configured(FILE.replace("2026-08-10", "2026-08-13")) == ["+ ledger_system sap SAP FI-CA"]


def test_the_first_day_stays_once_postings_were_read_by_it(settings, tmp_path: Path) -> None:
    settings.STATEMENTS_DIR = tmp_path / "statements"
    desk = Desk.open()
    desk.connect_erp(since=date(2026, 8, 10))
    desk.postings(posted("26H10-0000TEST-000", 500, on=date(2026, 8, 11)))

    with pytest.raises(ConfigurationRefused, match="postings were loaded"):
        configured('[[ledger_systems]]\ncode = "sap"\ncompared_from = 2026-08-12')
