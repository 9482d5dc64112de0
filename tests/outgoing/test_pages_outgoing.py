"""Who sees what left the house, who reads its text, and what people do about it."""

import csv
import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pypdf import PdfReader

from channels_.contract import Wire
from cspdcl.kernel.clock import day_bounds, today
from outgoing import delivery, port, queue
from outgoing.models import Outgoing
from outgoing.selectors import about_visible_to, given_up_count, outgoing_visible_to
from people.models import AuditEvent
from tests.outgoing.telling import MOBILE, told

pytestmark = pytest.mark.django_db

ADDRESS = "Sample Drawer of a Cheque\nStreet 1\nRaipur 492001"


def page_of(client, row: Outgoing) -> str:
    answer = client.get(f"/outgoing/{row.public_id}/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def given_up(gateway, number: int = 1, *, status: int = 400, **more) -> Outgoing:
    gateway.answer = lambda _path, _body: Wire(b"{}", status)
    row = told(number, **more)
    delivery.work()
    gateway.says({"status": "success"})
    row.refresh_from_db()
    assert row.state == "given_up"
    return row


def test_an_office_sees_its_own_and_nobody_sees_a_number(as_role, users, offices) -> None:
    mine, below_another, of_none = (
        told(1, office=offices["Z1"]), told(2, office=offices["Z3"]), told(3),
    )  # fmt: skip

    assert list(outgoing_visible_to(users["supervisor"])) == [mine]
    assert outgoing_visible_to(users["operator"]).count() == 3
    assert not outgoing_visible_to(users["clerk"]).exists()
    assert not outgoing_visible_to(users["manager"]).exists()
    assert list(about_visible_to(users["auditor"], ("receipt", of_none.object_id))) == [of_none]

    supervisor = as_role("supervisor")
    listed = supervisor.get("/outgoing/").content.decode()
    assert mine.object_id in listed
    assert below_another.object_id not in listed
    assert "••••••4321" in listed
    assert supervisor.get(f"/outgoing/{below_another.public_id}/").status_code == 404
    for role in ("supervisor", "operator", "auditor"):
        assert MOBILE not in page_of(as_role(role), mine)


def test_the_text_is_shown_to_who_may_read_it(as_role, offices) -> None:
    row = told(office=offices["Z1"])

    for role, may in (("supervisor", True), ("finance_officer", True), ("auditor", True),
                      ("operator", False), ("administrator", False)):  # fmt: skip
        page = page_of(as_role(role), row)
        assert ("received on 18-08-2026 for consumer xxxxxxxx7263" in page) is may, role
        assert ("The text is shown to" in page) is not may, role


def test_filters_narrow_and_what_is_not_understood_shows_nothing(as_role, gateway) -> None:
    gone, failed = told(1), given_up(gateway, 2)
    told(3, channel="email", to="somebody@mail.example")
    operator = as_role("operator")

    def shown(query: str) -> list[Outgoing]:
        return list(operator.get(f"/outgoing/?{query}").context["rows"])

    assert shown("state=given_up&channel=sms") == [failed, gone] == shown("state=given_up")
    assert [one.channel for one in shown("channel=email")] == ["email"]
    assert shown(f"q={failed.key}") == [failed]
    assert shown(f"since={today() + timedelta(days=1)}") == []
    assert shown("unclear=yes") == []
    assert operator.get("/outgoing/?state=nonsense").status_code == 422


def test_an_operator_tries_again_and_it_is_recorded(as_role, gateway) -> None:
    row = given_up(gateway)
    operator = as_role("operator")
    assert "Try again" in page_of(operator, row)

    assert operator.post(f"/outgoing/{row.public_id}/again/").status_code == 302
    delivery.work()

    row.refresh_from_db()
    assert (row.state, row.attempts) == ("sent", 1)
    assert AuditEvent.objects.get(action="outgoing.again").object_id == str(row.public_id)
    answer = operator.post(f"/outgoing/{row.public_id}/again/")
    assert answer.status_code == 422
    assert "cannot be tried again" in answer.content.decode()
    assert AuditEvent.objects.filter(action="outgoing.again").count() == 1


def test_many_are_tried_again_but_not_what_may_have_gone_out(as_role, gateway) -> None:
    doubt = given_up(gateway, 9, status=500)
    sure = [given_up(gateway, number) for number in range(3)]
    operator = as_role("operator")
    assert "Try all of these again" in operator.get("/outgoing/?state=given_up").content.decode()
    assert "Try all of these again" not in operator.get("/outgoing/").content.decode()

    operator.post("/outgoing/again/?state=given_up")
    delivery.work()

    assert [Outgoing.objects.get(pk=row.pk).state for row in sure] == ["sent"] * 3
    doubt.refresh_from_db()
    assert (doubt.state, doubt.is_unclear) == ("given_up", True)
    told_what = AuditEvent.objects.get(action="outgoing.many_again").payload["after"]["which"]
    assert told_what == [f"sms {row.key}" for row in sure]


def test_a_letter_is_printed_posted_and_said_to_be(as_role, offices) -> None:
    row = told(kind="cheque_notice", channel="letter", to=ADDRESS, office=offices["Z1"])
    delivery.work()
    assert row.recipient_masked == "••••, 492001"
    supervisor, auditor = as_role("supervisor"), as_role("auditor")
    page = page_of(supervisor, row)
    assert "Raipur 492001" in page
    assert "within 15 days of receiving this notice" in page
    assert "Street 1" not in page_of(auditor, row)
    paper = supervisor.get(f"/outgoing/{row.public_id}/letter.pdf").content
    words = "".join(page.extract_text() for page in PdfReader(io.BytesIO(paper)).pages)
    assert "Raipur 492001" in words
    assert "section 138" in words
    assert auditor.get(f"/outgoing/{row.public_id}/letter.pdf").status_code == 403
    assert "Sample Drawer" not in str(row.facts)

    url = f"/outgoing/{row.public_id}/sent/"
    for on in (today() + timedelta(days=1), today() - timedelta(days=1), "nonsense"):
        assert supervisor.post(url, {"on": on, "ref": "RC123456789IN"}).status_code == 422
    assert supervisor.post(url, {"on": today(), "ref": ""}).status_code == 422
    row.refresh_from_db()
    assert row.state == "waiting"

    assert supervisor.post(url, {"on": today(), "ref": "RC123456789IN"}).status_code == 302
    row.refresh_from_db()
    assert (row.state, row.provider_ref) == ("sent", "RC123456789IN")
    since, until = day_bounds(today())
    assert row.sent_at is not None
    assert since <= row.sent_at < until
    assert AuditEvent.objects.filter(action="outgoing.sent_by_hand").count() == 1
    assert supervisor.post(url, {"on": today(), "ref": "again"}).status_code == 422


def test_what_is_due_is_not_said_to_be_sent_by_hand(gateway, users) -> None:
    with pytest.raises(queue.NotSentByHand):
        queue.note_sent(told(), by=users["supervisor"], on=today(), ref="x")
    assert Outgoing.objects.get().state == "due"


def test_postings_that_wait_leave_as_a_sheet_without_formulas(as_role, offices) -> None:
    facts = {"amount_paise": 10_000, "consumer": "100000417263", "why": "=1+1"}
    for number in (1, 2):
        port.post_to_erp(
            "payment_reversed",
            key=f"P{number}",
            facts=facts if number == 1 else {"amount_paise": 5},
            about=("payment", f"P{number}"),
            office=offices["Z1"],
        )
    told()

    answer = as_role("finance_officer").get("/outgoing/erp.csv")

    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [row["key"] for row in rows] == ["P1", "P2"]
    assert (rows[0]["amount_paise"], rows[0]["consumer"]) == ("10000", "100000417263")
    assert (rows[0]["why"], rows[1]["why"], rows[0]["office"]) == ("'=1+1", "", "Z1")


def test_the_navigation_counts_what_waits_for_a_person(users, gateway, offices) -> None:
    given_up(gateway)
    told(2, kind="cheque_notice", channel="letter", to=ADDRESS, office=offices["Z1"])

    assert given_up_count(users["operator"]) == 1
    assert given_up_count(users["supervisor"]) == 1
    assert given_up_count(users["auditor"]) is None


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SMS_SUCCESS", "", "SMS_SUCCESS must say"),
        ("SMS_SUCCESS", "/(/", "SMS_SUCCESS: "),
        ("SMS_SUCCESS", "status", "expected PATH=WORD"),
        ("SMS_BODY", "$nothing", "no such place: nothing"),
        ("SMS_BODY", "costs $ 5", "is written $$"),
        ("SMS_URL", "https://$mobile.example/", "the host takes no value"),
        ("SMS_HEADERS", "[1]", "must be a JSON object"),
        ("SMS_METHOD", "DELETE", "SMS_METHOD must be"),
        ("SMS_TEMPLATES", ["receipt_issued=1"], "expected KIND.LANGUAGE=ID"),
        ("DEFAULT_FROM_EMAIL", "nobody", "EMAIL_FROM must be"),
    ],
)
def test_a_connection_that_is_half_described_is_refused_at_the_start(
    gateway, post, settings, name, value, words
) -> None:
    call_command("check")
    setattr(settings, name, value)

    with pytest.raises(SystemCheckError, match=words.replace("$", r"\$")):
        call_command("check")
