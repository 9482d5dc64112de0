"""Pages and API of refunds, disputes and the clock, as each role meets them."""

from datetime import timedelta

import pytest

from channels_.contract import Outcome
from cspdcl.kernel.clock import now
from payments.disputes import note_dispute
from payments.models import Dispute
from refunds import actions
from refunds.models import DisputeAnswer, RefundRequest
from tests import factories as make
from tests.refunds.refunding import PAID_AT, dispute_told, paid

pytestmark = pytest.mark.django_db

KEY = "0123456789abcdef"


@pytest.fixture
def payment(db):
    return paid(make.RazorpayFactory())


@pytest.fixture
def request_(payment, users) -> RefundRequest:
    return actions.ask(
        payment,
        amount_paise=100_000,
        reason="paid twice",
        by=users["finance_officer"],
        submit_key=KEY,
    )


@pytest.fixture
def dispute(payment) -> Dispute:
    notice = dispute_told(payment, respond_by=now() + timedelta(days=2), detail="not received")
    return note_dispute(payment.channel_id, notice=notice, at=PAID_AT)


def test_a_refund_is_asked_from_the_page_of_its_payment(as_role, payment) -> None:
    officer = as_role("finance_officer")
    story = officer.get(f"/payments/{payment.reference}/").content.decode()
    assert f"/refunds/ask/{payment.reference}/" in story

    form = officer.get(f"/refunds/ask/{payment.reference}/")
    key = form.context["form"].initial["submit_key"]
    assert "1,234.00" in form.content.decode()
    answer = officer.post(
        f"/refunds/ask/{payment.reference}/",
        {"amount": "1,000.00", "reason": "paid twice", "submit_key": key},
    )

    made = RefundRequest.objects.get()
    assert answer.url == f"/refunds/{made.reference}/"
    assert (made.amount_paise, made.state) == (100_000, "asked")


def test_who_may_not_ask_sees_no_way_to(as_role, payment) -> None:
    story = as_role("finance_approver").get(f"/payments/{payment.reference}/").content.decode()

    assert "/refunds/ask/" not in story


@pytest.mark.parametrize(
    "change", [{"amount": "0"}, {"amount": "1234.01"}, {"reason": ""}, {"submit_key": "short"}]
)
def test_what_cannot_be_asked_is_said_at_the_form(as_role, payment, change) -> None:
    said = {"amount": "1", "reason": "paid twice", "submit_key": KEY, **change}

    answer = as_role("finance_officer").post(f"/refunds/ask/{payment.reference}/", said)

    assert answer.status_code == 422
    assert not RefundRequest.objects.exists()


def test_somebody_else_decides_at_the_page(as_role, request_) -> None:
    page = f"/refunds/{request_.reference}/"
    mine = as_role("finance_officer").get(page).content.decode()
    assert "somebody else decides" in mine
    assert "decide/" not in mine

    approver = as_role("finance_approver")
    assert "decide/" in approver.get(page).content.decode()
    refused = approver.post(f"{page}decide/", {"verdict": "refuse", "answer": ""})
    assert refused.status_code == 422
    approver.post(f"{page}decide/", {"verdict": "approve", "answer": ""})

    request_.refresh_from_db()
    assert request_.state == "approved"


def test_one_person_with_both_roles_cannot_decide_at_page_or_api(
    client, make_user, payment, settings
) -> None:
    settings.SECOND_FACTOR_ROLES = []
    both = make_user("both", "finance_officer", "finance_approver")
    client.force_login(both, backend="people.auth.PeopleBackend")
    asked = client.post(
        "/api/v1/refunds/",
        {
            "payment": payment.reference,
            "amount_paise": 5,
            "reason": "paid twice",
            "submit_key": KEY,
        },
        content_type="application/json",
    )
    assert asked.status_code == 201
    reference = asked.json()["reference"]

    answer = client.post(f"/refunds/{reference}/decide/", {"verdict": "approve", "answer": ""})

    assert answer.status_code == 422
    assert "cannot decide" in answer.content.decode()
    assert client.post(f"/api/v1/refunds/{reference}/").status_code in (403, 405)
    assert RefundRequest.objects.get().state == "asked"


def test_the_api_tells_and_refuses(as_role, request_, payment) -> None:
    officer = as_role("finance_officer")
    listed = officer.get("/api/v1/refunds/", {"payment": payment.reference}).json()
    assert [one["reference"] for one in listed["results"]] == [request_.reference]
    assert officer.get(f"/api/v1/refunds/{request_.reference}/").json()["state"] == "asked"

    asked = {"payment": payment.reference, "reason": "paid twice", "submit_key": "f" * 16}
    more = officer.post(
        "/api/v1/refunds/", {**asked, "amount_paise": 23_401}, content_type="application/json"
    )
    odd = officer.post(
        "/api/v1/refunds/", {**asked, "amount_paise": "1.00"}, content_type="application/json"
    )
    unknown = officer.get("/api/v1/refunds/", {"stat": "asked"})

    assert (more.status_code, more.json()["code"]) == (409, "not_refundable")
    assert odd.status_code == unknown.status_code == 400
    assert RefundRequest.objects.count() == 1


def test_the_list_sums_what_is_open(as_role, request_) -> None:
    page = as_role("auditor").get("/refunds/").content.decode()

    assert request_.reference in page
    assert "1,000" in page
    assert as_role("auditor").get("/refunds/?state=nonsense").status_code == 422


def test_a_manual_refund_is_finished_with_its_proof(as_role, users) -> None:
    from refunds import sending

    payment = paid(make.BankTransferFactory(), channel_ref="UTR1")
    made = actions.ask(
        payment, amount_paise=1, reason="twice", by=users["finance_officer"], submit_key=KEY
    )
    actions.decide(made, approve=True, by=users["finance_approver"])
    sending.send(made.pk)
    officer = as_role("finance_officer")
    page = officer.get(f"/refunds/{made.reference}/").content.decode()
    assert "A person must finish it" in page

    type(payment).objects.filter(pk=payment.pk).update(state="reversed")
    said = {"outcome": "paid", "note": "UTR SBIN00001"}
    answer = officer.post(f"/refunds/{made.reference}/done/", said, follow=True)

    assert "Its payment was reversed meanwhile" in answer.content.decode()
    made.refresh_from_db()
    assert made.state == "succeeded"


def test_disputes_are_listed_by_their_days(as_role, dispute, payment) -> None:
    later = dispute_told(payment, dispute_ref="disp_later", respond_by=now() + timedelta(days=20))
    note_dispute(payment.channel_id, notice=later, at=PAID_AT)
    won = dispute_told(payment, dispute_ref="disp_won", outcome=Outcome.SUCCEEDED)
    note_dispute(payment.channel_id, notice=won, at=PAID_AT)

    page = as_role("operator").get("/disputes/").content.decode()

    assert page.index("disp_Test000001") < page.index("disp_later")
    assert "disp_won" not in page
    assert "disp_won" in as_role("operator").get("/disputes/?state=won").content.decode()
    told = as_role("auditor").get("/api/v1/disputes/?state=won").json()["results"]
    assert [one["dispute_ref"] for one in told] == ["disp_won"]
    one = as_role("auditor").get(f"/api/v1/disputes/{dispute.public_id}/").json()
    assert one["payment"] == payment.reference


def test_a_dispute_is_answered_and_decided_at_its_page(as_role, dispute) -> None:
    page = f"/disputes/{dispute.public_id}/"
    officer, approver = as_role("finance_officer"), as_role("finance_approver")
    assert officer.post(f"{page}answer/", {"summary": ""}).status_code == 422

    officer.post(f"{page}answer/", {"summary": "Given in.", "accept": "on"})

    answer = DisputeAnswer.objects.get()
    assert answer.state == "proposed"
    assert "waits for a second person" in officer.get(page).content.decode()
    approver.post(f"/answers/{answer.public_id}/decide/", {"verdict": "approve", "answer": ""})
    answer.refresh_from_db()
    assert answer.state == "approved"
    assert "Given in." in approver.get(page).content.decode()


def test_an_answer_by_hand_and_a_verdict_on_paper(as_role, dispute) -> None:
    from refunds import answering

    officer, approver = as_role("finance_officer"), as_role("finance_approver")
    officer.post(f"/disputes/{dispute.public_id}/answer/", {"summary": "Supplied."})
    answering.work()
    answer = DisputeAnswer.objects.get()
    assert answer.state == "manual"

    officer.post(f"/answers/{answer.public_id}/done/", {"note": "on their page"})
    dispute.refresh_from_db()
    assert dispute.state == "answered"
    approver.post(f"/disputes/{dispute.public_id}/conclude/", {"to": "won", "note": "letter"})

    dispute.refresh_from_db()
    assert dispute.state == "won"


def test_the_story_of_a_payment_tells_both(as_role, request_, dispute, payment) -> None:
    story = as_role("finance_officer").get(f"/payments/{payment.reference}/").content.decode()
    clerk = as_role("auditor").get(f"/payments/{payment.reference}/").content.decode()

    for page in (story, clerk):
        assert "Refund asked for" in page
        assert f"/disputes/{dispute.public_id}/" in page
