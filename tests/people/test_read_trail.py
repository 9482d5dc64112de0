"""The page of the audit trail."""

import csv
import io

import pytest

from people import audit
from people.models import AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def trail(offices) -> None:
    audit.record("asha", "rule.changed", ("rule", "r1"), before={"p": 1}, after={"p": 2})
    audit.record("=1+1", "office.created", ("office", "Z9"), office=offices["Z1"])
    audit.seal(1)


def rows(answer) -> list[str]:
    return [event.object_id for event in answer.context["page"]]


def test_the_latest_comes_first_and_the_sums_are_right(as_role, trail) -> None:
    answer = as_role("auditor").get("/audit/")

    assert rows(answer) == ["Z9", "r1"]
    assert [item["count"] for item in answer.context["sums"]] == [2, 2, 1]
    assert "<strong>2</strong>" in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("actor=asha", ["r1"]),
        ("action=office.created", ["Z9"]),
        ("about=z", ["Z9"]),
        ("since=2020-01-01&until=2020-01-02", []),
        ("since=2020-01-01", ["Z9", "r1"]),
        ("page=99", ["Z9", "r1"]),
    ],
)
def test_filters_narrow(as_role, trail, query, found) -> None:
    assert rows(as_role("auditor").get(f"/audit/?{query}")) == found


def test_a_filter_that_cannot_be_read_shows_nothing_and_says_so(as_role, trail) -> None:
    answer = as_role("auditor").get("/audit/?since=yesterday")

    assert answer.status_code == 422
    assert rows(answer) == []


def test_verifying_says_what_it_found(as_role, trail) -> None:
    answer = as_role("auditor").get("/audit/?verify=1")

    assert "sealed up to number 1, 1 not yet sealed" in answer.content.decode()


def test_the_export_is_what_is_filtered_and_starts_no_formula(as_role, trail) -> None:
    answer = as_role("auditor").get("/audit/export.csv?action=office.created")
    lines = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))

    assert [line["object"] for line in lines] == ["Z9"]
    assert lines[0]["actor"] == "'=1+1"
    assert lines[0]["office"] == "Z1"


def test_a_long_trail_is_read_by_page(as_role) -> None:
    AuditEvent.objects.bulk_create(
        AuditEvent(actor="a", action="b", object_type="c", object_id=str(n)) for n in range(1205)
    )
    client = as_role("auditor")

    assert len(rows(client.get("/audit/?page=2"))) == 50
    assert len(client.get("/audit/export.csv").getvalue().splitlines()) == 1206
