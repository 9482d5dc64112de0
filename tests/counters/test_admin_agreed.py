"""What is agreed for the counters, in the administration: set, recorded, not altered later."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from counters.models import CashRule, OfficePolicy, ReturnCharge, SurchargeRate
from counters.policy import policy_of
from cspdcl.kernel.clock import today
from people.models import AuditEvent

pytestmark = pytest.mark.django_db

POLICY = {
    "shows_running_total": "on",
    "receipt_paper": "slip",
    "drawer_limit_paise": "30,000.00",
    "difference_limit_paise": "50",
    "part_from_paise": "1",
    "tenders": ["cash", "cheque"],
    "post_dated": "hold",
    "cheque_months": "3",
    "days_to_bank": "0",
    "cheque_from_paise": "0",
    "clearing_days": "3",
}
RULE = {
    "code": "own",
    "per": "payment",
    "effect": "up_to",
    "limit_paise": "20,000",
    "law": "",
    "valid_from": "2024-01-01",
    "valid_until": "",
}


@pytest.fixture
def client(as_role):
    return as_role("administrator")


@pytest.fixture
def tomorrow() -> date:
    return today() + timedelta(days=1)


def page(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_a_policy_is_set_in_rupees_and_a_change_is_recorded(client, offices) -> None:
    add = "/admin/counters/officepolicy/add/"

    made = client.post(add, POLICY | {"office": offices["Z1"].pk})
    row = OfficePolicy.objects.get()
    change = f"/admin/counters/officepolicy/{row.pk}/change/"
    changed = client.post(change, POLICY | {"drawer_limit_paise": "25000"})

    assert (made.status_code, changed.status_code) == (302, 302)
    policy = policy_of(offices["Z1"])
    assert (policy.drawer_limit_paise, policy.tenders) == (25_000_00, ["cash", "cheque"])
    event = AuditEvent.objects.get(action="officepolicy.changed")
    assert (event.object_id, event.changes) == (
        "Z1", [("drawer_limit_paise", "3000000", "2500000")],
    )  # fmt: skip
    assert "25,000.00" in page(client.get(change))
    assert "25,000.00" in page(client.get("/admin/counters/officepolicy/?post_dated__exact=hold"))


@pytest.mark.parametrize("amount", ["-1", "ten", "0", ""])
def test_a_policy_that_cannot_be_is_refused_at_its_field(client, offices, amount) -> None:
    sent = POLICY | {"office": offices["Z1"].pk, "drawer_limit_paise": amount}

    answer = client.post("/admin/counters/officepolicy/add/", sent)

    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors["drawer_limit_paise"]
    assert not OfficePolicy.objects.exists()


def test_policies_go_out_and_come_back_as_a_sheet(client, offices) -> None:
    OfficePolicy.objects.create(office=offices["Z1"], tenders=["cash"])
    columns = ("office", "tenders", "clearing_days", "receipt_paper")
    asked = {f"officepolicyresource_{name}": "on" for name in columns}
    sheet = client.post(
        "/admin/counters/officepolicy/export/", {"format": "0", "resource": "", **asked}
    ).content.decode()

    bring(client, sheet.replace("cash", "cheque cash").replace(",3,1", ",5,1"))
    row = OfficePolicy.objects.get()
    assert (row.tenders, row.clearing_days) == (["cash", "cheque"], 5)
    assert AuditEvent.objects.get(action="officepolicy.imported").object_id == "Z1"

    for wrong in ("upi", "a5"):
        bring(client, sheet.replace("cash" if wrong == "upi" else "a5", "upi"))
        assert OfficePolicy.objects.get().clearing_days == 5


def bring(client, text: str) -> None:
    file = SimpleUploadedFile("policies.csv", text.encode(), content_type="text/csv")
    at = "/admin/counters/officepolicy"
    seen = client.post(f"{at}/import/", {"import_file": file, "format": "0"})
    confirm = seen.context.get("confirm_form")
    if confirm is not None:
        client.post(f"{at}/process_import/", confirm.initial, follow=True)


def test_what_has_been_in_force_is_not_altered_and_only_its_last_day_is_set(
    client, tomorrow
) -> None:
    client.post("/admin/counters/cashrule/add/", RULE)
    row = CashRule.objects.get()
    at = f"/admin/counters/cashrule/{row.pk}"

    client.post(f"{at}/change/", RULE | {"limit_paise": "90,000", "valid_from": "2023-01-01"})
    ended = client.post(f"{at}/change/", RULE | {"valid_until": str(today() - timedelta(days=1))})
    gone = client.post(f"{at}/delete/", {"post": "yes"})

    assert "It is in force today; its last day is" in page(ended)
    assert gone.status_code == 403
    row.refresh_from_db()
    assert (row.limit_paise, row.valid_from, row.valid_until) == (
        20_000_00, date(2024, 1, 1), None,
    )  # fmt: skip
    assert "has been in force and stays as it was" in page(client.get(f"{at}/change/"))
    assert client.post(f"{at}/change/", RULE | {"valid_until": str(tomorrow)}).status_code == 302
    row.refresh_from_db()
    assert row.valid_until == tomorrow
    events = AuditEvent.objects.filter(
        action="cashrule.changed", payload__after__has_key="valid_until"
    )
    assert events.get().object_id == "own from 2024-01-01"


def test_a_changed_figure_is_a_row_of_a_day_to_come(client, tomorrow) -> None:
    add = "/admin/counters/surchargerate/add/"
    assert client.post(add, {"percent": "1", "valid_from": "2020-04-01"}).status_code == 302

    late = client.post(add, {"percent": "1.5", "valid_from": str(today())})
    assert "Up to today another row has been in force" in page(late)
    assert client.post(add, {"percent": "1.5", "valid_from": str(tomorrow)}).status_code == 302
    row = SurchargeRate.objects.get(valid_from=tomorrow)
    at = f"/admin/counters/surchargerate/{row.pk}"
    client.post(f"{at}/change/", {"percent": "1.25", "valid_from": str(tomorrow)})
    row.refresh_from_db()
    assert row.percent == Decimal("1.25")
    assert client.post(f"{at}/delete/", {"post": "yes"}).status_code == 302
    assert SurchargeRate.objects.count() == 1
    assert AuditEvent.objects.filter(action="surchargerate.removed").exists()


def test_lists_tell_what_is_in_force(client, tomorrow) -> None:
    ReturnCharge.objects.create(
        code="first", valid_from=date(2020, 1, 1), valid_until=date(2020, 12, 31)
    )
    ReturnCharge.objects.create(code="second", flat_paise=250_00, valid_from=date(2021, 1, 1))
    ReturnCharge.objects.create(code="third", valid_from=tomorrow)

    for holds, code in (("over", "first"), ("now", "second"), ("later", "third")):
        answer = client.get(f"/admin/counters/returncharge/?holds={holds}")
        assert [row.code for row in answer.context["cl"].queryset] == [code]
    assert client.get("/admin/counters/surchargerate/?holds=over").status_code == 200
    sheet = client.post(
        "/admin/counters/returncharge/export/",
        {"format": "0", "resource": "", "returnchargeresource_code": "on"},
    )
    codes = [line.split(",")[0] for line in sheet.content.decode().split()]
    assert codes == ["code", "third", "second", "first"]
