"""A channel that should speak and is silent raises an alarm; what it did not tell is pulled."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from channels_ import registry
from channels_.contract import Wire
from channels_.models import Channel
from cspdcl.kernel.clock import INDIA, now
from enquiries import alarms, listening, tasks
from enquiries.models import Alarm, Breaker, Listening, Operation
from payments.models import Payment
from tests import factories as make
from tests.enquiries.asking import attempt, channel_at, listed
from tests.enquiries.partner import Answer

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 8, 18, 12, 0, tzinfo=INDIA)


def heard(channel, minutes: float, *, at: datetime = NOON) -> None:
    """A message that came so many minutes before."""
    make.InboundMessageFactory(
        channel=channel, received_at=at - timedelta(minutes=minutes), state="done"
    )


@pytest.mark.parametrize(
    ("clock", "heard_at", "is_silent"),
    [
        ("12:00", "11:45", False),
        ("12:00", "11:29", True),
        ("07:20", None, False),
        ("07:31", None, True),
        ("07:20", "05:00", False),
        ("23:00", "12:00", False),
        ("06:59", "00:00", False),
    ],
)
def test_silence_is_measured_by_day(clock, heard_at, is_silent) -> None:
    channel = make.RazorpayFactory(quiet_minutes=30)

    def at(text: str) -> datetime:
        return datetime.fromisoformat(f"2026-08-18T{text}+05:30")

    last = at(heard_at) if heard_at else None
    assert listening.is_silent(channel, heard=last, at=at(clock)) is is_silent


def test_one_alarm_while_it_is_silent_and_none_when_it_speaks_again(partner) -> None:
    channel = channel_at(partner, quiet_minutes=30)
    heard(channel, 60)
    with time_machine.travel(NOON, tick=False):
        assert listening.watch() == [channel]
        assert listening.watch() == [channel]
    alarm = Alarm.objects.get()
    assert (alarm.kind, alarm.cleared_at) == ("silent", None)

    partner.says(listed())
    heard(channel, -10)
    with time_machine.travel(NOON + timedelta(minutes=11), tick=False):
        assert listening.watch() == []
    assert Alarm.objects.get().cleared_at is not None


def test_an_answer_to_our_question_is_no_sign_of_life(partner) -> None:
    channel = channel_at(partner, quiet_minutes=30)
    heard(channel, 60)
    make.InboundMessageFactory(
        channel=channel, received_at=NOON - timedelta(minutes=1), path="answer:status"
    )

    with time_machine.travel(NOON, tick=False):
        assert listening.watch() == [channel]


@pytest.mark.parametrize("change", [{"is_live": False}, {"quiet_minutes": None}])
def test_who_need_not_speak_raises_no_alarm(partner, change) -> None:
    channel_at(partner, **{"quiet_minutes": 30, **change})

    with time_machine.travel(NOON, tick=False):
        assert listening.watch() == []
    assert not Alarm.objects.exists()


def test_the_gap_is_filled_page_by_page_and_twice_changes_nothing(partner) -> None:
    channel = channel_at(partner, quiet_minutes=30)
    heard(channel, 90)
    missed = [
        make.PaymentFactory.build(
            channel=channel, order_ref=f"order_Miss{n:06d}", amount_paise=1000 + n,
            created_at=NOON - timedelta(minutes=50),
            consumer=None, office=None, consumer_number="",
        )
        for n in range(101)
    ]  # fmt: skip
    entities = [attempt(one, id=f"pay_Miss{n:06d}") for n, one in enumerate(missed)]

    def answer(path: str, _body: bytes) -> Wire:
        import json

        skip = int(parse_qs(urlsplit(path).query).get("skip", ["0"])[0])
        return Wire(json.dumps(listed(*entities[skip : skip + 100])).encode())

    partner.answer = answer
    with time_machine.travel(NOON, tick=False):
        tasks.watch_channels()
        tasks.watch_channels()

    assert Payment.objects.filter(state="succeeded").count() == 101
    row = Listening.objects.get()
    assert (row.since, row.cursor, row.heard_until) == (None, "", NOON.astimezone(UTC))
    assert Operation.objects.filter(kind="history", state="succeeded").count() == 4
    first = partner.asked[0][1]
    assert f"from={int((NOON - timedelta(minutes=100)).timestamp())}" in first


def test_a_pull_that_breaks_off_goes_on_where_it_stood(partner) -> None:
    channel = channel_at(partner, quiet_minutes=30)
    heard(channel, 90)
    with time_machine.travel(NOON, tick=False):
        partner.answer = lambda _path, _body: Wire(b"busy", 500)
        listening.watch()
        listening.fill_gaps()
        begun = Listening.objects.get()
        assert (begun.since, begun.heard_until) == (NOON - timedelta(minutes=100), None)

        partner.says(listed())
        listening.fill_gaps()
    assert Listening.objects.get().heard_until == NOON


def test_a_history_that_never_comes_tells_a_person(partner) -> None:
    channel = channel_at(partner, quiet_minutes=30)
    heard(channel, 90)
    partner.answer = lambda _path, _body: Wire(b"nonsense", 200)
    with time_machine.travel(NOON, tick=False):
        listening.watch()
        for _ in range(5):
            listening.fill_gaps()

    assert set(Alarm.objects.values_list("kind", flat=True)) == {"silent", "history"}
    assert not Payment.objects.exists()


def test_a_channel_without_a_history_is_only_rung_for(partner) -> None:
    channel = make.BankTransferFactory(quiet_minutes=30, api_url=partner.url)
    heard(channel, 90)
    with time_machine.travel(NOON, tick=False):
        tasks.watch_channels()

    assert Alarm.objects.get().kind == "silent"
    assert partner.asked == []
    assert now() > NOON


def test_a_gap_is_not_forgotten_while_nobody_may_be_asked(partner) -> None:
    channel = channel_at(partner, quiet_minutes=30)
    heard(channel, 90)
    Breaker.objects.create(channel=channel, failures=5, open_until=NOON + timedelta(hours=1))
    with time_machine.travel(NOON, tick=False):
        listening.watch()
        listening.fill_gaps()
    heard(channel, -20)
    with time_machine.travel(NOON + timedelta(minutes=21), tick=False):
        tasks.watch_channels()
    assert partner.asked == []
    assert Alarm.objects.get().cleared_at is not None

    partner.says(listed())
    with time_machine.travel(NOON + timedelta(minutes=61), tick=False):
        for _ in range(3):
            tasks.watch_channels()

    since = [parse_qs(urlsplit(path).query)["from"][0] for _m, path, _h, _b in partner.asked]
    assert since[:2] == [
        str(int((NOON - timedelta(minutes=100)).timestamp())),
        str(int((NOON - timedelta(minutes=10)).timestamp())),
    ]
    assert Listening.objects.get().heard_until == NOON + timedelta(minutes=61)


def test_two_that_pull_at_once_begin_nothing_anew_and_ring_for_nothing(partner) -> None:
    channel = channel_at(partner, quiet_minutes=30)
    heard(channel, 90)
    partner.says(listed(*[_entity(n) for n in range(100)]))
    with time_machine.travel(NOON, tick=False):
        listening.watch()
        window, page = listening._window_in_hand(channel)
        partner.answer = _once(partner.answer)
        listening.fill_gaps()  # another worker, who is quicker by a page
        before = Listening.objects.get()
        assert (before.page, before.since) == (1, NOON - timedelta(minutes=100))

        adapter = registry.adapter(channel.adapter)
        assert listening._pull_page(channel, adapter, window, page) is False

    after = Listening.objects.get()
    assert (after.since, after.until, after.page) == (before.since, before.until, 1)
    assert set(Alarm.objects.values_list("kind", flat=True)) == {"silent"}


def test_a_window_that_never_came_keeps_its_beginning_and_its_alarm_ends(partner) -> None:
    channel = channel_at(partner, quiet_minutes=30)
    heard(channel, 90)
    partner.answer = lambda _path, _body: Wire(b"nonsense", 200)
    with time_machine.travel(NOON, tick=False):
        listening.watch()
        for _ in range(5):
            listening.fill_gaps()
    heard(channel, -20)
    with time_machine.travel(NOON + timedelta(minutes=21), tick=False):
        listening.watch()
        partner.says(listed())
        listening.fill_gaps()

    assert Listening.objects.get().heard_until == NOON + timedelta(minutes=21)
    assert not Alarm.objects.filter(cleared_at=None).exists()
    first = int((NOON - timedelta(minutes=100)).timestamp())
    assert f"from={first}" in partner.asked[-1][1]


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"is_live": False}, set()),
        ({"quiet_minutes": None}, {"unreachable"}),
        ({"paused_at": NOON, "paused_by": "x", "pause_reason": "x"}, {"unreachable"}),
    ],
)
def test_who_need_not_speak_any_more_has_no_alarm_left(partner, change, left) -> None:
    channel = channel_at(partner, quiet_minutes=30)
    heard(channel, 90)
    with time_machine.travel(NOON, tick=False):
        listening.watch()
        alarms.sound(channel, kind=Alarm.Kind.UNREACHABLE, detail="HTTP 503")
        Channel.objects.filter(pk=channel.pk).update(**change)
        listening.watch()

    assert set(Alarm.objects.filter(cleared_at=None).values_list("kind", flat=True)) == left


def _entity(number: int) -> dict[str, object]:
    payment = make.PaymentFactory.build(
        channel=None, order_ref=f"order_Page{number:06d}", consumer=None, office=None,
        created_at=NOON - timedelta(minutes=50), consumer_number="",
    )  # fmt: skip
    return attempt(payment, id=f"pay_Page{number:06d}")


def _once(answer: Answer) -> Answer:
    """This answer the first time, and half of one after that."""
    left = [answer]

    def say(path: str, body: bytes) -> Wire:
        return left.pop()(path, body) if left else Wire(b"{", 200)

    return say
