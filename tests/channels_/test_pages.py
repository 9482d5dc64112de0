"""The operator's pages over HTTP: health, messages, the bytes of one, and the second try."""

import json

import pytest
from django.urls import reverse

from channels_.masking import readable
from channels_.models import InboundMessage, RefusalTally
from cspdcl.kernel.clock import now
from people.models import AuditEvent, Heartbeat
from tests import factories as make

pytestmark = pytest.mark.django_db

State = InboundMessage.State


@pytest.fixture
def parked() -> InboundMessage:
    """A captured payment that was given up, of a payer who must not be seen."""
    body = make.razorpay_body(
        pay="pay_PARKED1", email="someone@example.org", contact="+919876543210"
    )
    return make.InboundMessageFactory(
        channel=make.RazorpayFactory(code="razorpay", name="Razorpay"),
        event_key="evt_parked",
        raw=body,
        state=State.PARKED,
        attempts=5,
        outcome="given up: DataError",
    )


def address(message: InboundMessage, name: str = "message") -> str:
    return reverse(f"channels:{name}", args=[message.channel.code, message.event_key])


def test_the_page_says_what_came_what_waits_and_what_was_refused(as_role, parked) -> None:
    make.InboundMessageFactory(channel=parked.channel, state=State.DUE)
    make.RefusalTallyFactory(kind=RefusalTally.Kind.FORGED, count=3, last_problem="no secret")
    Heartbeat.objects.create(name="beat", at=now())

    answer = as_role("operator").get("/operator/")

    house = answer.context["house"]
    (row,) = house.channels
    assert (row.in_hour, row.due, row.parked, row.look.tone) == (2, 1, 1, "bad")
    assert (house.due, house.parked, house.refused) == (1, 1, 3)
    assert [one["look"].tone for one in house.beats] == ["ok"]
    page = answer.content.decode()
    assert "signature wrong" in page
    assert "given up after five tries" in page


def test_all_is_well_when_nothing_waits_and_everybody_lives(as_role) -> None:
    make.RazorpayFactory()
    Heartbeat.objects.create(name="beat", at=now())

    answer = as_role("operator").get("/operator/")

    assert answer.context["house"].needs == 0
    assert "all is well" in answer.content.decode()


def test_a_silent_beat_needs_somebody(as_role) -> None:
    answer = as_role("operator").get("/operator/")

    assert answer.context["house"].needs == 1
    assert "never heard" in answer.content.decode()


def test_messages_are_listed_by_state_and_channel(as_role, parked) -> None:
    done = make.InboundMessageFactory(channel=parked.channel, state=State.DONE)
    client = as_role("auditor")

    every = client.get("/operator/messages/")
    some = client.get("/operator/messages/?state=parked&channel=razorpay")

    assert [row.pk for row in every.context["page"]] == [done.pk, parked.pk]
    assert [row.pk for row in some.context["page"]] == [parked.pk]
    assert [one["count"] for one in every.context["sums"]] == [0, 1, 0, 1]


def test_a_filter_that_is_not_understood_shows_no_message(as_role, parked) -> None:
    answer = as_role("auditor").get("/operator/messages/?state=lost")

    assert answer.status_code == 422
    assert list(answer.context["page"]) == []


def test_a_message_is_shown_in_our_words_and_as_it_came_without_the_payer(as_role, parked) -> None:
    page = as_role("auditor").get(address(parked)).content.decode()

    assert "pay_PARKED1" in page
    assert "payment succeeded" in page
    assert "1,234<span" in page
    for private in ("someone@example.org", "9876543210", "someone@okbank"):
        assert private not in page


def test_a_message_that_is_no_json_is_shown_all_the_same(as_role) -> None:
    message = make.InboundMessageFactory(raw=b"\xff<script>alert(1)</script>")

    page = as_role("auditor").get(address(message)).content.decode()

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


def test_bytes_that_were_altered_are_said_to_be(as_role, parked) -> None:
    InboundMessage.objects.filter(pk=parked.pk).update(body=b"\x01\x01" + b"0" * 40)

    answer = as_role("auditor").get(address(parked))

    assert answer.status_code == 200
    assert "cannot be opened" in answer.content.decode()


@pytest.mark.parametrize("key", ["evt_none", "evt%00", "a/b/c"])
def test_a_message_that_never_came_is_not_found(as_role, parked, key: str) -> None:
    answer = as_role("operator").get(f"/operator/messages/razorpay/{key}/")

    assert answer.status_code == 404


def test_a_parked_message_is_tried_again_and_the_trail_knows_who_said_so(as_role, parked) -> None:
    answer = as_role("operator").post(address(parked, "replay"))

    parked.refresh_from_db()
    assert answer["Location"] == address(parked)
    assert (parked.state, parked.attempts) == (State.DUE, 0)
    event = AuditEvent.objects.get(action="message.replayed")
    assert (event.actor, event.object_id) == ("operator", "razorpay:evt_parked")


def test_what_is_done_is_not_done_again(as_role) -> None:
    done = make.InboundMessageFactory(state=State.DONE)

    answer = as_role("operator").post(address(done, "replay"))

    done.refresh_from_db()
    assert answer.status_code == 409
    assert done.state == State.DONE
    assert not AuditEvent.objects.filter(action="message.replayed").exists()


def test_an_auditor_reads_and_cannot_try_again(as_role, parked) -> None:
    client = as_role("auditor")

    page = client.get(address(parked)).content.decode()
    answer = client.post(address(parked, "replay"))

    parked.refresh_from_db()
    assert "Try it again" not in page
    assert answer.status_code == 403
    assert parked.state == State.PARKED


def test_masking_hides_the_payer_and_keeps_what_is_compared() -> None:
    body = {
        "payer_name": "A PAYER",
        "payer_account": "00000012344821",
        "utr": "SBINN26230000001",
        "amount": "1234.00",
        "quoted": {"name": 'say "hi"'},
    }

    text = readable(json.dumps(body).encode())

    assert "A PAYER" not in text
    assert "say" not in text
    assert '"payer_account": "••••4821"' in text
    assert "SBINN26230000001" in text
    assert "1234.00" in text
