"""The pages of agencies: how each stands, the float by two persons, keys rotated."""

import re

import pytest
from django.test import Client

from agencies import doors
from agencies.models import AgencyKey, FloatAccount, FloatChange
from people.models import AuditEvent
from tests.agencies.partner import Partner, asked, make_agency

pytestmark = pytest.mark.django_db


def page(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


@pytest.fixture
def officer(as_role) -> Client:
    browser: Client = as_role("finance_officer")
    return browser


def test_the_list_says_what_each_took_today_and_whose_float_is_low(
    as_role, partner, consumer
) -> None:
    make_agency("csc", float_paise=0)
    FloatAccount.objects.filter(agency__code="csc").update(alarm_paise=1)
    partner.post("payments/", asked(consumer, confirm=True))
    partner.post("payments/", asked(consumer, "T2"))

    shown = page(as_role("operator").get("/agencies/"))

    assert "1,000<span" in shown
    assert "99,000<span" in shown
    assert "1 float is low" in shown
    assert "float low" in shown


def test_the_list_asks_the_database_few_times(as_role, django_assert_max_num_queries) -> None:
    for code in ("a", "b", "c", "d"):
        make_agency(code)
    operator = as_role("operator")
    operator.get("/agencies/")

    with django_assert_max_num_queries(12):
        operator.get("/agencies/")


def test_one_agency_shows_limits_ledger_keys_and_payments(as_role, partner, consumer) -> None:
    told = partner.post("payments/", asked(consumer, confirm=True)).json()

    shown = page(as_role("auditor").get("/agencies/atp/"))

    assert told["reference"] in shown
    assert "ak_atp" in shown
    assert "payment taken" in shown
    assert "99,500.00 can still be collected" in shown
    assert "Propose" not in shown
    assert "Rotate" not in shown


def test_a_top_up_is_made_by_one_and_approved_by_another(as_role, agency, officer) -> None:
    asks = {"kind": "top_up", "amount": "1,500.50", "utr": "sbin0000123", "why": "paid in"}

    proposed = officer.post("/agencies/atp/float/", asks)
    change = FloatChange.objects.get(state="proposed")
    mine = officer.post(f"/agencies/float/{change.public_id}/", {"verdict": "approve"})
    shown = page(officer.get("/agencies/atp/"))
    nav = page(as_role("finance_approver").get("/agencies/"))
    approved = as_role("finance_approver").post(
        f"/agencies/float/{change.public_id}/", {"verdict": "approve"}
    )

    assert (proposed.status_code, mine.status_code, approved.status_code) == (302, 422, 302)
    assert "who proposed it cannot answer it" in page(mine)
    assert "You proposed this" in shown
    assert "change waits" in nav
    change.refresh_from_db()
    assert (change.state, change.utr, change.amount_paise) == ("approved", "SBIN0000123", 150_050)
    assert FloatAccount.objects.get().balance_paise == 10_000_000 + 150_050


@pytest.mark.parametrize(
    "wrong",
    [{"utr": ""}, {"amount": "0"}, {"amount": "-1"}, {"amount": "12.345"}, {"why": ""},
     {"kind": "gift"}, {"kind": "commission"}],
    ids=str,
)  # fmt: skip
def test_an_odd_proposal_is_refused_with_what_was_typed(agency, officer, wrong) -> None:
    asks = {"kind": "top_up", "amount": "1500", "utr": "SBIN0000123", "why": "paid in", **wrong}

    answer = officer.post("/agencies/atp/float/", asks)

    assert answer.status_code == 422
    assert not FloatChange.objects.filter(state="proposed").exists()


def test_a_rejection_needs_a_reason(as_role, agency, officer) -> None:
    officer.post(
        "/agencies/atp/float/",
        {"kind": "correction", "amount": "-5", "utr": "", "why": "counted twice"},
    )
    change = FloatChange.objects.get(state="proposed")
    approver, address = as_role("finance_approver"), f"/agencies/float/{change.public_id}/"

    without = approver.post(address, {"verdict": "reject"})
    withit = approver.post(address, {"verdict": "reject", "answer": "it was not"})

    assert (without.status_code, withit.status_code) == (422, 302)
    change.refresh_from_db()
    assert (change.state, change.answer) == ("rejected", "it was not")
    assert FloatAccount.objects.get().balance_paise == 10_000_000


def test_a_rotated_secret_is_shown_once_and_the_one_before_is_believed(
    as_role, agency, partner
) -> None:
    answer = as_role("operator").post("/agencies/atp/keys/ak_atp/rotate/", {"hours": "2"})

    found = re.search(r'<p class="id">([\w-]{43})</p>', page(answer))
    assert found is not None
    assert "no-store" in answer["Cache-Control"]
    fresh = Partner(secret=found[1])
    assert fresh.get("float/").status_code == 200
    assert partner.get("float/").status_code == 200
    assert found[1] not in page(as_role("operator").get("/agencies/atp/"))
    assert found[1] not in str(list(AuditEvent.objects.values()))

    key = AgencyKey.objects.get()
    key.before_until = key.made_at
    key.save()
    doors.forget()
    assert partner.get("float/").status_code == 401
    assert fresh.get("float/").status_code == 200


def test_an_odd_length_rotates_nothing(as_role, agency, partner) -> None:
    answer = as_role("operator").post("/agencies/atp/keys/ak_atp/rotate/", {"hours": "9999"})

    assert answer.status_code == 422
    assert AgencyKey.objects.get().rotated_at is None


def test_a_key_is_ended(as_role, agency, partner) -> None:
    answer = as_role("administrator").post("/agencies/atp/keys/ak_atp/end/")

    assert answer.status_code == 302
    assert partner.get("float/").status_code == 401
    assert as_role("administrator").post(
        "/agencies/atp/keys/ak_atp/rotate/", {"hours": "1"}
    ).status_code in (302, 409)
    assert AuditEvent.objects.filter(action="agency_key.ended").count() == 1
