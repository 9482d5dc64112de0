"""The administration: masters are kept, money is only read, every write is recorded."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from channels_.models import BankAccount
from people.access import roles_of
from people.actions import granted_offices
from people.models import AuditEvent, Office, SecondFactor, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(as_role):
    return as_role("administrator")


def bring(client, text: str):
    """Import a sheet of offices: look, then confirm."""
    file = SimpleUploadedFile("offices.csv", text.encode(), content_type="text/csv")
    seen = client.post("/admin/people/office/import/", {"import_file": file, "format": "0"})
    confirm = seen.context.get("confirm_form")
    if confirm is None:
        return seen
    return client.post("/admin/people/office/process_import/", confirm.initial, follow=True)


def test_offices_come_from_a_sheet_and_find_their_place(client) -> None:
    bring(client, "code,name,kind,parent\nC9,New circle,circle,R1\nZ9,New zone,zone,C9\n")

    assert Office.objects.get(code="Z9").path == "/CO/R1/C9/Z9/"
    events = AuditEvent.objects.filter(action="office.imported")
    assert [event.object_id for event in events.order_by("id")] == ["C9", "Z9"]
    assert events[0].actor == "administrator"


def test_a_sheet_with_a_wrong_row_changes_nothing(client) -> None:
    before = Office.objects.count()

    bring(client, "code,name,kind,parent\nC9,New circle,circle,R1\nZ9,New zone,zone,NOWHERE\n")

    assert Office.objects.count() == before
    assert not AuditEvent.objects.exists()


def test_an_export_starts_no_formula(client, offices) -> None:
    Office.objects.filter(code="Z1").update(name="=1+1")

    answer = client.post(
        "/admin/people/office/export/",
        {"format": "0", "resource": "", "officeresource_name": "on", "officeresource_code": "on"},
    )

    assert b"=1+1" not in answer.content
    assert b"1+1" in answer.content


def test_a_change_is_recorded_with_what_was(client) -> None:
    account = BankAccount.objects.create(code="sbi", name="SBI", bank="SBI", account_number="1")

    answer = client.post(
        f"/admin/channels_/bankaccount/{account.pk}/change/".replace("channels_", "paychannels"),
        {
            "code": "sbi",
            "name": "State Bank",
            "bank": "SBI",
            "account_number": "1",
            "currency": "INR",
            "file_days": "every",
            "file_due_days": "1",
            "file_policy": "strict",
            "file_compared": "on",
        },
    )

    assert answer.status_code == 302
    event = AuditEvent.objects.get()
    assert (event.action, event.changes) == ("bankaccount.changed", [("name", "SBI", "State Bank")])


def test_a_person_gets_roles_and_offices(client, users, offices) -> None:
    clerk = users["clerk"]

    answer = client.post(
        f"/admin/people/user/{clerk.pk}/change/",
        {
            "username": "clerk",
            "full_name": "Somebody",
            "language": "en",
            "is_active": "on",
            "roles": ["supervisor"],
            "offices": [offices["C1"].pk],
        },
    )

    assert answer.status_code == 302
    changed = User.objects.get(pk=clerk.pk)
    assert roles_of(changed) == {"supervisor"}
    assert [office.code for office in granted_offices(changed)] == ["C1"]
    event = AuditEvent.objects.get(action="user.changed")
    assert "Somebody" not in str(event.payload)
    assert ("roles", "['clerk']", "['supervisor']") in event.changes


def test_a_lost_phone_is_forgotten(client, users) -> None:
    SecondFactor.objects.create(user=users["finance_officer"], name="phone", sealed=b"")

    client.post(
        "/admin/people/user/",
        {"action": "remove_second_factor", "_selected_action": [users["finance_officer"].pk]},
    )

    assert not SecondFactor.objects.exists()
    assert AuditEvent.objects.get().action == "user.second_factor_removed"


@pytest.mark.parametrize(
    "address",
    ["payments/payment", "payments/receipt", "reconciliation/entry", "people/auditevent"],
)
def test_money_and_evidence_are_only_read(client, address) -> None:
    assert client.get(f"/admin/{address}/").status_code == 200
    assert client.get(f"/admin/{address}/add/").status_code == 403
    assert client.post(f"/admin/{address}/add/", {}).status_code == 403


def test_a_second_factor_is_nobodys_to_see(client) -> None:
    assert client.get("/admin/people/secondfactor/").status_code == 404


def test_the_pages_keep_the_content_security_policy(client) -> None:
    policy = client.get("/admin/")["Content-Security-Policy"]

    assert "script-src 'self';" in f"{policy};"
    assert "unsafe" not in policy
