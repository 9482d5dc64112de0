"""One channel's page; pause and resume; secrets that are replaced; many messages tried again."""

from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_ import actions, inbox, secrets, selectors
from channels_.contract import Inbound
from channels_.models import Channel, ChannelSecret, InboundMessage, RefusalTally, Replay
from cspdcl.kernel.clock import now, today
from payments.inbox import drain
from payments.models import OwedReply, Payment, RefusedAsk
from people.models import AuditEvent, Heartbeat
from tests import factories as make

pytestmark = pytest.mark.django_db

State = InboundMessage.State
PAGE = "/operator/channels/razorpay/"


@pytest.fixture(autouse=True)
def fresh_doors():
    inbox.forget()
    yield
    inbox.forget()


@pytest.fixture
def channel() -> Channel:
    return make.RazorpayFactory(code="razorpay", name="Razorpay")


def parked_in(channel: Channel, count: int, **fields: object) -> list[InboundMessage]:
    """Captured payments that were given up."""
    return [
        make.InboundMessageFactory(
            channel=channel,
            event_key=f"evt_parked_{number}",
            raw=make.razorpay_body(pay=f"pay_AGAIN{number}"),
            **{"state": State.PARKED, "attempts": 5, "outcome": "given up: DataError", **fields},
        )
        for number in range(count)
    ]


# ---- figures ----


def test_an_answer_to_our_question_is_no_sign_of_life(users, channel) -> None:
    make.InboundMessageFactory(channel=channel, path="answer:status", state=State.DONE)

    pulse = selectors.pulses(users["operator"])[channel.pk]

    assert (pulse.last_at, sum(pulse.hours), pulse.handled) == (None, 0, None)


def test_the_pulse_counts_by_hour_and_takes_the_median(users, channel) -> None:
    moment = now()
    for minutes, seconds in ((5, 1), (10, 2), (90, 9), (26 * 60, 99)):
        came = moment - timedelta(minutes=minutes)
        make.InboundMessageFactory(
            channel=channel,
            received_at=came,
            settled_at=came + timedelta(seconds=seconds),
            state=State.DONE,
        )

    pulse = selectors.pulses(users["operator"])[channel.pk]

    assert pulse.hours == (*[0] * 22, 1, 2)
    assert pulse.handled == timedelta(seconds=2)
    assert pulse.last_at == moment - timedelta(minutes=5)


def test_what_became_of_a_message_is_dated(channel) -> None:
    body = make.razorpay_body()
    inbox.receive(
        "razorpay", inbound=make_inbound(body, make.razorpay_headers(body, "evt_1")), address=""
    )

    drain()

    message = InboundMessage.objects.get()
    assert message.settled_at is not None
    assert message.settled_at >= message.received_at


def make_inbound(body: bytes, headers: dict[str, str]) -> Inbound:
    """A message as the door reads it."""
    return Inbound(body, {name.lower(): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("came", "word", "late"),
    [
        (None, "file late", 90),
        (timedelta(hours=1), "fine", None),
        (timedelta(days=1), "file late", 90),
    ],
)
def test_a_file_is_late_by_its_hour(as_role, came, word: str, late: int | None) -> None:
    moment = "2026-08-19 10:30:00+05:30"
    with time_machine.travel(moment, tick=False):
        channel = make.RazorpayFactory(file_due_at="09:00")
        if came is not None:
            make.StatementFileFactory(channel=channel, loaded_at=now() - came)
        make.StatementFileFactory(channel=channel, state="refused", loaded_at=now())
        Heartbeat.objects.create(name="beat", at=now())

        (row,) = as_role("operator").get("/operator/").context["house"].channels

    assert str(row.look.word) == word
    assert row.file_late == (timedelta(minutes=late) if late else None)


def test_the_page_asks_as_often_for_one_channel_as_for_twelve(as_role, channel) -> None:
    client = as_role("operator")
    client.get("/operator/")
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get("/operator/")
    make.RazorpayFactory.create_batch(11)
    with CaptureQueriesContext(connection) as many:
        client.get("/operator/")

    assert len(many) == len(few)


def test_a_channels_page_tells_all_of_it_but_its_secrets(as_role, channel) -> None:
    Channel.objects.filter(pk=channel.pk).update(settings={"secret_days": 30})
    ChannelSecret.objects.update(created_at=now() - timedelta(days=31))
    make.RefusalTallyFactory(day=today() - timedelta(days=3), kind=RefusalTally.Kind.STALE)
    make.RefusalTallyFactory(day=today() - timedelta(days=20), kind=RefusalTally.Kind.DOUBLED)
    parked_in(channel, 1)
    RefusedAsk.objects.create(
        channel=channel, key="pay:BD0001", fingerprint="f", code="no_dues", detail="paid"
    )
    OwedReply.objects.create(
        channel=channel,
        message_ref="MSG0001",
        question=b"sealed",
        message=InboundMessage.objects.get(),
        state=OwedReply.State.GIVEN_UP,
        outcome="NoAnswer",
    )

    answer = as_role("auditor").get(PAGE)

    page = answer.content.decode()
    assert answer.status_code == 200
    for told in ("webhook_secret", "signed too long ago", "secret_days", "evt_parked_0"):
        assert told in page
    for told in ("pay:BD0001", "no dues: paid", "MSG0001", "NoAnswer", "1 answer was given up"):
        assert told in page
    (age,) = [one for one in answer.context["row"].secrets if one.name == "webhook_secret"]
    assert age.is_old
    assert "a header came twice" not in page
    assert make.WEBHOOK_SECRET not in page
    for button in ("Resume", "Replace", "Pause"):
        assert button not in page


# ---- pause ----


def test_a_channel_is_paused_with_a_reason_and_resumed_and_the_trail_knows(
    as_role, channel
) -> None:
    client = as_role("operator")

    paused = client.post(f"{PAGE}pause/", {"reason": "their maintenance"})

    channel.refresh_from_db()
    assert paused["Location"] == PAGE
    assert (channel.paused_by, channel.pause_reason) == ("operator", "their maintenance")
    page = client.get(PAGE).content.decode()
    assert "Paused since" in page
    assert "their maintenance" in client.get("/operator/").content.decode()

    assert client.post(f"{PAGE}pause/", {"reason": "again"}).status_code == 409
    assert client.post(f"{PAGE}resume/").status_code == 302
    assert client.post(f"{PAGE}resume/").status_code == 409
    channel.refresh_from_db()
    assert (channel.paused_at, channel.paused_by, channel.pause_reason) == (None, "", "")
    actions_done = AuditEvent.objects.order_by("pk").values_list("action", "actor")
    assert [one for one in actions_done if one[0].startswith("channel.")] == [
        ("channel.paused", "operator"),
        ("channel.resumed", "operator"),
    ]


def test_no_channel_is_paused_without_a_reason(as_role, channel) -> None:
    answer = as_role("operator").post(f"{PAGE}pause/", {"reason": "  "})

    channel.refresh_from_db()
    assert answer.status_code == 422
    assert channel.paused_at is None


def test_what_a_paused_channel_tells_is_kept_and_counts(users, channel, client) -> None:
    actions.pause(channel, reason="a test", by=users["operator"])
    body = make.razorpay_body()

    answer = client.post(
        "/in/razorpay/",
        body,
        content_type="application/json",
        headers=make.razorpay_headers(body, "evt_1"),
    )
    drain()

    assert answer.status_code == 200
    assert Payment.objects.get().state == "succeeded"


# ---- secrets ----


def test_a_message_signed_a_moment_after_the_rotation_is_kept(channel, client) -> None:
    body = make.razorpay_body()

    def send(event: str, secret: str) -> int:
        headers = make.razorpay_headers(body, event, secret)
        answer = client.post(
            "/in/razorpay/", body, content_type="application/json", headers=headers
        )
        return int(answer.status_code)

    assert send("evt_1", make.WEBHOOK_SECRET) == 200  # the door remembers the old secret now
    secrets.rotate(channel, name="webhook_secret", value="the next", by="system")

    assert [send("evt_2", "the next"), send("evt_3", make.WEBHOOK_SECRET)] == [200, 200]
    assert not RefusalTally.objects.exists()
    with time_machine.travel(now() + secrets.PREVIOUS_KEPT + timedelta(seconds=1)):
        inbox.forget()
        assert [send("evt_4", "the next"), send("evt_5", make.WEBHOOK_SECRET)] == [200, 401]
    assert RefusalTally.objects.get().kind == RefusalTally.Kind.FORGED


@pytest.mark.parametrize("kept", [timedelta(hours=24), timedelta(days=31), timedelta(0)])
def test_the_old_secret_is_kept_for_25_hours_at_least(channel, kept: timedelta) -> None:
    with pytest.raises(secrets.TooShort):
        secrets.rotate(channel, name="webhook_secret", value="next", by="system", kept=kept)

    assert ChannelSecret.objects.count() == 1


def test_a_second_rotation_waits_for_the_first(channel) -> None:
    secrets.rotate(channel, name="webhook_secret", value="second", by="system")

    with pytest.raises(secrets.RotationRuns):
        secrets.rotate(channel, name="webhook_secret", value="third", by="system")
    secrets.rotate(channel, name="webhook_secret", value="third", by="system", ends_previous=True)

    assert [one["webhook_secret"] for one in secrets.secrets_of(channel)] == ["third", "second"]


def test_an_environment_that_has_not_heard_of_the_new_one_does_not_bring_the_old_one_back(
    channel,
) -> None:
    secrets.rotate(channel, name="webhook_secret", value="second", by="system")

    with pytest.raises(secrets.WentBack):
        secrets.set_secret(
            channel, name="webhook_secret", value=make.WEBHOOK_SECRET, actor="configure"
        )

    assert secrets.secrets_of(channel)[0]["webhook_secret"] == "second"


def test_the_command_takes_the_value_from_the_standard_input(channel, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("from a file\n"))

    call_command("rotate_secret", "razorpay", "webhook_secret", stderr=StringIO())

    assert secrets.secrets_of(channel)[0]["webhook_secret"] == "from a file"


def test_the_command_shows_a_made_value_once(channel) -> None:
    out = StringIO()

    call_command(
        "rotate_secret", "razorpay", "webhook_secret", generate=True, stdout=out, stderr=StringIO()
    )

    assert secrets.secrets_of(channel)[0]["webhook_secret"] == out.getvalue().strip()
    assert len(out.getvalue().strip()) == 43


@pytest.mark.parametrize(
    ("code", "name", "days"),
    [("none", "webhook_secret", 7), ("razorpay", "other", 7), ("razorpay", "webhook_secret", 1)],
)
def test_the_command_refuses_in_words_and_changes_nothing(channel, code, name, days) -> None:
    with pytest.raises(CommandError):
        call_command("rotate_secret", code, name, generate=True, keep_days=days)

    assert ChannelSecret.objects.get().state == "current"


def test_the_page_shows_a_made_secret_once_and_a_typed_one_never(as_role, channel) -> None:
    client = as_role("administrator")
    address = f"{PAGE}secrets/webhook_secret/"

    made = client.post(address, {"value": "", "days": 7})
    again = client.post(address, {"value": "typed by hand", "days": 7})
    typed = client.post(address, {"value": "typed by hand", "days": 7, "ends_previous": "on"})

    assert made.context["shown"] == secrets.secrets_of(channel)[1]["webhook_secret"]
    assert made.context["shown"] in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    assert again.status_code == 422
    assert typed["Location"] == PAGE
    for page in (client.get(PAGE), client.get(address)):
        assert made.context["shown"] not in page.content.decode()
        assert "typed by hand" not in page.content.decode()
    trail = str(list(AuditEvent.objects.values_list("payload", flat=True)))
    assert "typed by hand" not in trail
    assert made.context["shown"] not in trail


def test_a_name_that_no_adapter_knows_is_not_found(as_role, channel) -> None:
    assert as_role("administrator").get(f"{PAGE}secrets/other/").status_code == 404


# ---- many again ----


def test_many_are_counted_first_and_tried_again_and_the_page_says_how_far(as_role, channel) -> None:
    parked_in(channel, 3)
    make.InboundMessageFactory(channel=channel, state=State.PARKED, outcome="not understood")
    client, day = as_role("operator"), today().isoformat()
    asked = {"channel": "razorpay", "since": day, "until": day, "words": "DataError"}

    counted = client.get("/operator/replays/", asked)
    answer = client.post("/operator/replays/", {**asked, "seen": counted.context["fits"]})

    assert counted.context["fits"] == 3
    made = Replay.objects.get()
    assert answer["Location"] == f"/operator/replays/{made.pk}/"
    waiting = client.get(answer["Location"])
    assert (waiting.context["done"], waiting.context["is_running"]) == (0, True)
    drain()
    done = client.get(answer["Location"])
    assert (done.context["done"], done.context["is_running"]) == (3, False)
    assert Payment.objects.count() == 3
    event = AuditEvent.objects.get(action="message.replayed_many")
    assert event.payload["after"]["count"] == 3
    assert InboundMessage.objects.get(outcome="not understood").state == State.PARKED


def test_another_number_than_was_seen_releases_nothing(as_role, channel) -> None:
    parked_in(channel, 3)
    day = today().isoformat()
    asked = {"channel": "razorpay", "since": day, "until": day, "words": "", "seen": 2}

    answer = as_role("operator").post("/operator/replays/", asked)

    assert answer.status_code == 409
    assert InboundMessage.objects.filter(state=State.PARKED).count() == 3
    assert not Replay.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"since": "2026-02-30"}, {"until": "2020-01-01"}, {"channel": "none"}]
)
def test_a_filter_that_is_not_understood_counts_nothing(as_role, channel, wrong) -> None:
    day = today().isoformat()
    asked = {"channel": "razorpay", "since": day, "until": day, **wrong}
    client = as_role("operator")

    counted = client.get("/operator/replays/", asked)
    answer = client.post("/operator/replays/", {**asked, "seen": 1})

    assert (counted.status_code, answer.status_code) == (422, 422)
    assert counted.context["fits"] is None


def test_a_large_replay_lets_fresh_money_pass(users, channel) -> None:
    parked_in(channel, 5)
    ids = list(InboundMessage.objects.values_list("pk", flat=True))
    replay = Replay.objects.create(
        channel=channel, since=today(), until=today(), total=5, asked_by="operator"
    )
    from channels_ import queue

    assert queue.release_many(ids, replay_id=replay.pk, a_second=2) == 5

    times = InboundMessage.objects.order_by("pk").values_list("next_try_at", flat=True)
    gaps = [(at - times[0]).total_seconds() for at in times]
    assert gaps == [0, 0, 1, 1, 2]


def test_a_partners_question_is_tried_again_only_when_the_partner_was_asked(as_role, users) -> None:
    channel = make.RazorpayFactory(code="razorpay", adapter="bbps_api")
    (message,) = parked_in(channel, 1)
    client = as_role("operator")
    address = f"/operator/replay/razorpay/{message.event_key}/"

    refused = client.post(address)
    message.refresh_from_db()
    was = message.state
    allowed = client.post(address, {"has_asked": "on"})

    message.refresh_from_db()
    assert (refused.status_code, was) == (409, State.PARKED)
    assert (allowed.status_code, message.state) == (302, State.DUE)
    with pytest.raises(actions.AskFirst):
        actions.replay_many(
            actions.Chosen(channel=channel, since=today(), until=today()),
            seen=1,
            by=users["operator"],
        )


def test_an_answer_and_a_paused_channels_message_are_tried_again_without_a_call(
    users, channel
) -> None:
    actions.pause(channel, reason="a test", by=users["operator"])
    (message,) = parked_in(channel, 1)
    answer = make.InboundMessageFactory(
        channel=channel, path="answer:status", state=State.PARKED, raw=b"{}"
    )

    for one in (message, answer):
        actions.replay(one.pk, by=users["operator"])
    drain()

    message.refresh_from_db()
    answer.refresh_from_db()
    assert message.state == State.DONE
    assert (answer.state, Payment.objects.count()) == (State.PARKED, 1)
