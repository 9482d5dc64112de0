"""The pages of the sources: what is agreed, where files are fetched, and a look now."""

from collections.abc import Callable
from datetime import time
from pathlib import Path

import pytest
from django.test import Client

from configuration import actions as configuration
from configuration import export
from configuration.schema import ConfigurationRefused
from cspdcl.kernel.clock import now
from people.models import AuditEvent
from sources import secrets
from sources.models import Fetch, FetchPlan
from tests import factories as make
from tests.reconciliation.test_pages_board import words
from tests.sources import days
from tests.sources.places import HOST_KEY

pytestmark = pytest.mark.django_db

AsRole = Callable[[str], Client]
PLAN = {
    "code": "sbi-out", "source": "sbi", "kind": "sftp", "address": "sftp://files.bank.example/out",
    "user": "cspdcl", "secret": {"env": "SBI_SECRET"}, "host_key": HOST_KEY,
    "every_minutes": 30,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _kept_aside(settings, tmp_path: Path) -> None:
    settings.STATEMENTS_DIR = tmp_path / "statements"


def apply(**changes: object) -> list[str]:
    document = {"fetch_plans": [{**PLAN, **changes}]}
    made = configuration.apply(document, actor="command", secrets={"SBI_SECRET": "a secret"})
    return [str(change) for change in made]


def test_the_list_says_what_each_source_owes(as_role: AsRole) -> None:
    days.bank(file_due_at=time(9), file_days="working", file_policy="row")
    make.RazorpayFactory(code="razorpay", name="Razorpay")

    page = words(as_role("manager").get("/sources/").content.decode())

    assert "SBI collection" in page
    assert "Of every working day, by 09:00 1 working day later." in page
    assert "the line is set aside, the rest is loaded" in page
    assert "Razorpay" in page
    assert "No file is owed." in page


def test_a_plan_of_the_configuration_is_made_and_told_without_its_secret() -> None:
    days.bank()

    assert apply() == ["+ fetch_plan sbi-out", "~ fetch_plan sbi-out secret fetch set"]
    assert apply() == []
    assert apply(every_minutes=60) == ["~ fetch_plan sbi-out every_minutes 30 -> 60"]

    plan = FetchPlan.objects.get()
    assert (str(plan.source), plan.every_minutes) == ("SBI collection", 60)
    assert secrets.value_of(days.bank(), name="fetch") == "a secret"
    told = export.document()
    assert "a secret" not in str(told)
    assert told["fetch_plans"][0]["source"] == "sbi"
    assert not configuration.apply(
        {"fetch_plans": told["fetch_plans"]}, actor="command", secrets={}
    )
    assert not AuditEvent.objects.filter(payload__icontains="a secret").exists()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"host_key": ""}, r"host_key: is required"),
        ({"host_key": "ssh-ed25519 AAAA"}, r"host_key: expected a public key"),
        ({"address": "sftp://files.bank.example:99999/"}, r"address: expected a port from 0"),
        ({"address": "https://files.bank.example/"}, r"address: expected sftp://"),
        ({"address": "sftp://a b/"}, r"address: expected a text like"),
        ({"address": "https://x.example/{day.year}"}, r"address: expected a text like"),
        ({"kind": "mailbox", "address": "imaps://m.example/INBOX"}, r"sender: is required"),
        ({"at": "09:00"}, r"at: expected a time of the day, or every_minutes, and not both"),
        ({"source": "nobody"}, r"source: there is no channel, bank account or ERP nobody"),
        ({"secret": {"env": "NOT_THERE"}}, r"secret: the environment has no NOT_THERE"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused_by_its_key(change, problem) -> None:
    days.bank()

    with pytest.raises(ConfigurationRefused, match=problem):
        apply(**change)

    assert not FetchPlan.objects.exists()


def test_the_page_of_a_source_tells_its_fetches_and_lets_look_now(
    as_role: AsRole, django_capture_on_commit_callbacks
) -> None:
    days.bank()
    days.load(days.of_day(days.MON, [3_000]))
    apply()
    plan = FetchPlan.objects.get()
    moment = now()
    Fetch.objects.create(
        plan=plan, asked_by="timetable", state="failed", problem="no answer", seen_count=2,
        started_at=moment, ended_at=moment,
    )  # fmt: skip

    page = words(as_role("auditor").get("/sources/sbi/").content.decode())
    assert "sftp://files.bank.example/out" in page
    assert "2 offered, 0 new" in page
    assert "no answer" in page
    assert "day.sta" in page
    assert "Fetch now" not in page

    operator = as_role("operator")
    with django_capture_on_commit_callbacks() as asked:
        answer = operator.post("/sources/sbi/fetch/", {"plan": "sbi-out"}, follow=True)
    assert "The worker looks now" in words(answer.content.decode())
    assert len(asked) == 1
    Fetch.objects.create(plan=plan, asked_by="timetable")
    answer = operator.post("/sources/sbi/fetch/", {"plan": "sbi-out"}, follow=True)
    assert "is being fetched now" in words(answer.content.decode())
    assert operator.post("/sources/sbi/fetch/", {"plan": "other"}).status_code == 404
    assert operator.get("/sources/nobody/").status_code == 404
