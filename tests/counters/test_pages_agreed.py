"""What is agreed for the counters, as people read it."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from counters.models import CashRule, OfficePolicy, ReturnCharge, SurchargeRate
from cspdcl.kernel.clock import today
from tests import factories as make
from tests.counters.banking import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def agreed(offices) -> None:
    """Windows in three zones; the circle of two of them, and the third, have a policy."""
    for code in ("Z1", "Z2", "Z3"):
        make.CounterFactory(code=f"w-{code}", office=offices[code])
    OfficePolicy.objects.create(
        office=offices["C1"], drawer_limit_paise=12_345_00, tenders=["cash"], post_dated="hold"
    )
    OfficePolicy.objects.create(office=offices["Z3"], drawer_limit_paise=54_321_00)
    tomorrow = today() + timedelta(days=1)
    for code, zone in (("near", "Z1"), ("far", "Z3")):
        CashRule.objects.create(
            code=code, per="payment", effect="up_to", limit_paise=1_00, office=offices[zone],
            valid_from=date(2024, 1, 1),
        )  # fmt: skip
    ReturnCharge.objects.create(code="tariff", flat_paise=250_00, valid_from=date(2024, 1, 1))
    for percent, since in (("1.00", date(2020, 4, 1)), ("1.50", date(2020, 7, 1)), (2, tomorrow)):
        SurchargeRate.objects.create(percent=percent, valid_from=since)


def test_finance_reads_what_holds_held_and_will_hold(as_role, agreed) -> None:
    answer = as_role("finance_officer").get("/agreed/")

    found = [(row["office"].code, row["agreed_for"].code) for row in answer.context["rows"]]
    assert found == [("Z1", "C1"), ("Z2", "C1"), ("Z3", "Z3")]
    cash, charges, rates = answer.context["tables"]
    assert [row["rule"].code for row in cash["rows"]] == ["269ST", "far", "near"]
    assert [row["look"].word for row in rates["rows"]] == ["over", "in force", "to come"]
    assert [row["look"].word for row in charges["rows"]] == ["in force"]
    page = text(answer)
    assert "12,345.00" in page
    assert "2,00,000.00" in page
    assert "s. 269ST" in page
    assert b'href="/admin/' not in answer.content


def test_a_supervisor_reads_what_holds_at_their_own_office(as_role, agreed) -> None:
    answer = as_role("supervisor").get("/agreed/")

    assert [row["office"].code for row in answer.context["rows"]] == ["Z1"]
    assert "54,321.00" not in text(answer)
    assert [row["rule"].code for row in answer.context["tables"][0]["rows"]] == ["269ST", "near"]
    assert as_role("clerk").get("/agreed/").status_code == 403


def test_a_version_takes_the_place_of_the_one_before_and_many_offices_cost_no_more(
    as_role, offices, agreed
) -> None:
    CashRule.objects.create(
        code="near", per="payment", effect="up_to", limit_paise=2_00, office=offices["Z1"],
        valid_from=date(2025, 1, 1),
    )  # fmt: skip
    client = as_role("manager")
    client.get("/agreed/")

    with CaptureQueriesContext(
        connection,
    ) as few:
        answer = client.get("/agreed/?q=Z1")
    with CaptureQueriesContext(connection) as many:
        client.get("/agreed/")

    near = [row for row in answer.context["tables"][0]["rows"] if row["rule"].code == "near"]
    assert [row["look"].word for row in near] == ["over", "in force"]
    assert [row["office"].code for row in answer.context["rows"]] == ["Z1"]
    assert len(few) == len(many)
