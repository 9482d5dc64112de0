"""The queue of a window that was offline: taken once and only once, or kept for a person."""

import json
import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction

from channels_.contract import Method
from counters import counts, devices, offline, offline_settling, seconds, shifts
from counters.models import Collection, Instrument, NumberRange, OfflineItem
from counters.offline import Envelope
from counters.taking import HandOver, ShareAsked, TenderAsked, take_one
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import Malformed
from payments.models import Payment, Receipt
from reports import sequences
from tests import factories as make
from tests.counters import drawer
from tests.counters.offline_window import OfflineWindow

pytestmark = pytest.mark.django_db


@pytest.fixture
def shift(offices, users, make_user):
    """An open shift at counter 1 of Z1, with 2,000.00 in its drawer."""
    make.ChannelFactory(code="cash", adapter="counter")
    make.ChannelFactory(code="cheque", adapter="counter")
    counter = make.CounterFactory(code="rpr1", office=offices["Z1"], keeps_shifts=True)
    drawer.fill_safe(
        counter.office, 20_000_00, supervisor=users["supervisor"], second=users["finance_officer"]
    )
    return drawer.open_with(
        counter, clerk=users["clerk"], supervisor=users["supervisor"], paise=2_000_00
    )


@pytest.fixture
def window(shift, users):
    """The window of that shift, ready for offline."""
    made = OfflineWindow(shift.counter, clerk=users["clerk"], supervisor=users["supervisor"])
    made.reserve(users["clerk"])
    return made


@pytest.fixture
def consumer(offices):
    return make.ConsumerFactory(office=offices["Z1"])


@pytest.fixture
def second(make_user, offices):
    """Another supervisor of the office."""
    return make_user("second", "supervisor", offices=(offices["Z1"],))


def send(window: OfflineWindow, by, *envelopes: Envelope) -> list[OfflineItem]:
    return offline.receive(window.device, envelopes=envelopes or window.queue, by=by)


def numbers() -> list[int]:
    rows = Receipt.objects.filter(series="RPR1-T1").order_by("number")
    return list(rows.values_list("number", flat=True))


def missing(window: OfflineWindow) -> int:
    """Numbers of the window's series of which the report of the sequence knows nothing."""
    runs = sequences.read(window.numbers.year, offices=None)
    return sum(run.held_back(sequences.MISSING) for run in runs if run.series == "RPR1-T1")


def problems() -> list[str]:
    return list(OfflineItem.objects.order_by("pk").values_list("problem", flat=True))


# ---- taken ----


def test_a_queue_is_taken_in_its_order_with_its_numbers(shift, window, users, consumer) -> None:
    make.BillFactory(consumer=consumer, amount_paise=500_00)
    window.take(consumer.number, 500_00, received_paise=1_000_00)
    window.take(
        consumer.number,
        70_00,
        method="cheque",
        instrument="204117",
        instrument_date=today().isoformat(),
        bank_name="State Bank of India",
    )

    first, second = send(window, users["clerk"])

    assert [first.state, second.state] == ["taken", "taken"]
    assert first.collection is not None
    receipt = first.collection.lines.get().payment.receipt
    assert receipt.label == f"RPR1-T1/{window.numbers.year}/000001"
    assert numbers() == [1, 2]
    assert (first.collection.shift, first.collection.received_paise) == (shift, 1_000_00)
    assert first.words == ""
    assert second.words == "Due was 0.00 by then: 70.00 stays as an advance."
    assert Instrument.objects.get().collection == second.collection
    assert shifts.expected_cash(shift) == 2_500_00


def test_sent_again_the_answers_are_the_same(window, users, consumer) -> None:
    window.take(consumer.number, 100_00)
    before = send(window, users["clerk"])
    window.take(consumer.number, 200_00)

    after = send(window, users["supervisor"])

    assert after[0] == before[0]
    assert Payment.objects.count() == 2
    assert numbers() == [1, 2]


def test_what_came_before_the_server_died_is_not_taken_again(window, users, consumer) -> None:
    """Each item is committed for itself: the one on which it died leaves nothing behind."""
    window.take(consumer.number, 100_00)
    window.take(consumer.number, 200_00)

    class Died(Exception):
        pass

    def die(*_args: object) -> None:
        raise Died

    watched = _on_insert_of("counters_offlineitem", nth=2, act=die)
    with connection.execute_wrapper(watched), pytest.raises(Died):
        send(window, users["clerk"])
    assert (Payment.objects.count(), OfflineItem.objects.count()) == (1, 1)
    assert numbers() == [1]

    send(window, users["clerk"])

    assert Payment.objects.count() == 2
    assert numbers() == [1, 2]


def _on_insert_of(table: str, *, nth: int, act):
    seen = []

    def watch(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if sql.startswith(f'INSERT INTO "{table}"'):
            seen.append(sql)
            if len(seen) == nth:
                act()
        return answer

    return watch


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_send_at_once_take_each_once(window, users, consumer) -> None:
    for _time in range(5):
        window.take(consumer.number, 10_00)
    start = threading.Barrier(2)
    failed: list[BaseException] = []

    def tab() -> None:
        try:
            start.wait(10)
            send(window, users["clerk"])
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)
        finally:
            connection.close()

    tabs = [threading.Thread(target=tab) for _place in range(2)]
    for one in tabs:
        one.start()
    for one in tabs:
        one.join(30)

    assert failed == []
    assert numbers() == [1, 2, 3, 4, 5]
    assert Payment.objects.count() == 5
    assert set(OfflineItem.objects.values_list("state", flat=True)) == {"taken"}


def test_what_was_taken_yesterday_lands_in_the_drawer_it_lies_in(
    offices, users, shift, window, consumer
) -> None:
    window.take(consumer.number, 100_00)

    with time_machine.travel(now() + timedelta(days=1), tick=True):
        (item,) = send(window, users["clerk"])

    assert item.state == "taken"
    assert item.collection is not None
    assert item.collection.business_date == shift.office_day.business_date
    assert shifts.expected_cash(shift) == 2_100_00


# ---- not believed ----

TAMPERED = {
    "amount_paise": 1_00,
    "bank_name": "Canara Bank",
    "consumer": "199999999999",
    "device": "00000000-0000-4000-8000-000000000000",
    "instrument": "204118",
    "instrument_date": "2026-11-20",
    "method": "cheque",
    "micr": "492002009",
    "name": "Sample",
    "number": 2,
    "previous": "0" * 64,
    "received_paise": 900_00,
    "sequence": 2,
    "shift": "00000000-0000-4000-8000-000000000000",
    "submit_key": "00000000-0000-4000-8000-000000000000",
    "taken_at": "2026-11-20T10:00:00+05:30",
    "v": 2,
    "year": "2025-26",
}


def test_whatever_is_tampered_with_is_kept_and_not_taken(window, users, consumer) -> None:
    window.take(consumer.number, 500_00)
    (genuine,) = window.queue
    item = json.loads(genuine.body)
    assert set(TAMPERED) == set(item)

    for name, value in TAMPERED.items():
        body = json.dumps({**item, name: value}, sort_keys=True, separators=(",", ":"))
        send(window, users["clerk"], Envelope(body.encode(), genuine.signature))
    assert set(problems()) == {"signature"}
    assert len(problems()) == len(TAMPERED)
    assert not Payment.objects.exists()

    # It does not stand in the way of what was truly signed.
    (taken,) = send(window, users["clerk"], genuine)
    assert taken.state == "taken"
    assert not missing(window)


def test_a_signed_item_out_of_place_goes_to_a_person(window, users, consumer) -> None:
    number = consumer.number
    one, two, three = (window.take(number, paise) for paise in (100_00, 200_00, 300_00))

    send(window, users["clerk"], two)  # a gap: the first has not come
    send(window, users["clerk"], one)
    send(window, users["clerk"], three)  # the head of the chain is the first still

    assert problems() == ["chain", "", "chain"]
    assert numbers() == [1]
    # Both are kept; with them the window may hand its numbers back, and all are accounted for.
    offline.hand_back(window.device, envelope=window.back(), by=users["clerk"])
    assert NumberRange.objects.get().used_until == 3
    assert not missing(window)


def test_a_fork_of_the_chain_goes_to_a_person(window, users, consumer) -> None:
    window.take(consumer.number, 100_00)
    send(window, users["clerk"])
    window.sequence, window.previous, window.used_until = 0, "", 0  # its storage was put back
    again = window.take(consumer.number, 900_00)

    (fork,) = send(window, users["clerk"], again)

    assert (fork.state, fork.problem) == ("person", "chain")
    assert Payment.objects.get().amount_paise == 100_00


def test_a_number_that_was_not_reserved_goes_to_a_person(window, users, consumer) -> None:
    (item,) = send(window, users["clerk"], window.take(consumer.number, 100_00, number=51))

    assert (item.state, item.problem) == ("person", "number")
    assert numbers() == []


@pytest.mark.parametrize("minutes", [-60, 6])
def test_a_time_that_cannot_be_goes_to_a_person(window, users, consumer, minutes: int) -> None:
    told = (now() + timedelta(minutes=minutes)).isoformat()

    (item,) = send(window, users["clerk"], window.take(consumer.number, 100_00, taken_at=told))

    assert (item.state, item.problem, item.is_linked) == ("person", "clock", True)
    taken = offline_settling.take(item, by=users["supervisor"], reason="the clock was wrong")
    assert taken.state == "taken"
    assert numbers() == [1]


def test_a_revoked_window_is_not_believed(shift, window, users, consumer) -> None:
    window.take(consumer.number, 100_00)
    devices.revoke(window.device, by=users["supervisor"], reason="stolen")

    (item,) = send(window, users["clerk"])

    assert (item.state, item.problem) == ("person", "revoked")
    assert NumberRange.objects.get().is_lost
    taken = offline_settling.take(item, by=users["supervisor"], reason="its paper was shown")
    assert numbers() == [1]
    assert taken.collection is not None
    assert taken.collection.shift == shift


# ---- settled by a person ----


def test_an_unknown_consumer_is_assigned_by_the_supervisor(window, users, consumer) -> None:
    window.take("199999999999", 100_00)
    window.take(consumer.number, 50_00)

    waits, taken = send(window, users["clerk"])

    assert (waits.state, waits.problem) == ("person", "refused")
    assert "199999999999" in waits.words
    assert taken.state == "taken"  # one that waits does not hold up the next
    assert numbers() == [2]
    settled = offline_settling.take(
        waits, by=users["supervisor"], reason="mistyped", consumer_number=consumer.number
    )
    assert settled.state == "taken"
    assert settled.collection is not None
    payment = settled.collection.lines.get().payment
    assert (payment.consumer, payment.receipt.number) == (consumer, 1)
    with pytest.raises(offline_settling.NotSettled):
        offline_settling.take(waits, by=users["supervisor"], reason="again")


def test_the_clerk_who_took_it_settles_nothing(window, users, make_user, offices) -> None:
    (item,) = send(window, users["clerk"], window.take("199999999999", 100_00))

    for by in (users["clerk"], make_user("far", "supervisor", offices=(offices["Z3"],))):
        with pytest.raises(seconds.NotYours):
            offline_settling.take(item, by=by, reason="mine")
        with pytest.raises(seconds.NotYours):
            offline_settling.ask_void(item, by=by, reason="mine")
    item.refresh_from_db()
    assert item.state == "person"


def test_a_number_is_void_by_two_and_stays_used(window, users, second, consumer) -> None:
    (item,) = send(window, users["clerk"], window.take("199999999999", 100_00))
    asked = offline_settling.ask_void(item, by=users["supervisor"], reason="money given back")
    with pytest.raises(seconds.NotYours):
        offline_settling.answer_void(asked, by=users["supervisor"], is_granted=True)

    offline_settling.answer_void(asked, by=second, is_granted=True)

    item.refresh_from_db()
    assert (item.state, item.maker, item.checker) == ("void", users["supervisor"], second)
    send(window, users["clerk"], window.take(consumer.number, 10_00))
    assert numbers() == [2]
    assert not missing(window)


def test_a_cheque_that_is_alive_elsewhere_waits_for_a_person(window, users, consumer) -> None:
    facts = {
        "method": "cheque",
        "instrument": "204117",
        "instrument_date": today().isoformat(),
        "bank_name": "State Bank of India",
    }
    window.take(consumer.number, 100_00, **facts)
    window.take(consumer.number, 100_00, **facts)

    first, twin = send(window, users["clerk"])

    assert first.state == "taken"
    assert (twin.state, twin.problem) == ("person", "refused")
    assert "taken already" in twin.words


def test_a_form_that_was_taken_online_is_not_taken_again(shift, window, users, consumer) -> None:
    """The network fell after the server had taken it, before the browser heard of it."""
    key = "7d9f1b52-0c74-4f3e-9f0f-2f6f4bb2a001"
    take_one(
        shift.counter,
        clerk=users["clerk"],
        asked=HandOver(
            submit_key=key,
            shares=[ShareAsked(consumer_number=consumer.number, amount_paise=100_00)],
            tenders=[TenderAsked(method=Method.CASH, amount_paise=100_00)],
        ),
    )

    (item,) = send(window, users["clerk"], window.take(consumer.number, 100_00, submit_key=key))

    assert (item.state, item.problem) == ("person", "refused")
    assert Collection.objects.count() == 1


def test_the_limit_on_cash_holds_offline_too(window, users, consumer) -> None:
    window.take(consumer.number, 1_99_999_00)
    window.take(consumer.number, 1_00)

    first, over = send(window, users["clerk"])

    assert (first.state, over.state) == ("taken", "person")
    assert "269ST" in over.words


# ---- numbers ----


def test_the_next_range_begins_where_the_used_ones_ended(shift, window, users, consumer) -> None:
    window.take(consumer.number, 10_00)
    window.take(consumer.number, 10_00)
    send(window, users["clerk"])
    assert (window.numbers.first, window.numbers.last) == (1, 50)
    assert devices.reserve(window.device, clerk=users["clerk"]).last == 52  # refilled
    with pytest.raises(devices.NumbersOut):
        counts.begin_close(shift, by=users["clerk"])

    offline.hand_back(window.device, envelope=window.back(), by=users["clerk"])
    again = window.reserve(users["clerk"])

    assert (again.first, again.last) == (3, 52)
    send(window, users["clerk"], window.take(consumer.number, 10_00))
    offline.hand_back(window.device, envelope=window.back(), by=users["clerk"])
    assert numbers() == [1, 2, 3]
    assert not missing(window)
    counts.begin_close(shift, by=users["clerk"])
    with pytest.raises(shifts.ClosingBegun):
        window.reserve(users["clerk"])


def test_numbers_are_not_handed_back_while_something_is_under_way(window, users, consumer) -> None:
    window.take(consumer.number, 10_00)
    send(window, users["clerk"])
    window.take(consumer.number, 20_00)

    with pytest.raises(offline.NotAllCame):
        offline.hand_back(window.device, envelope=window.back(), by=users["clerk"])
    said = window.back()
    forged = Envelope(said.body.replace(b'"sequence":2', b'"sequence":1'), said.signature)
    with pytest.raises(Malformed):
        offline.hand_back(window.device, envelope=forged, by=users["clerk"])
    assert NumberRange.objects.get().returned_at is None

    send(window, users["clerk"])
    assert offline.hand_back(window.device, envelope=window.back(), by=users["clerk"])
    assert offline.hand_back(window.device, envelope=window.back(), by=users["clerk"]) is None


def test_a_shift_is_not_counted_while_a_receipt_waits(shift, window, users, second) -> None:
    (item,) = send(window, users["clerk"], window.take("199999999999", 10_00))
    offline.hand_back(window.device, envelope=window.back(), by=users["clerk"])
    with pytest.raises(devices.ItemsWait):
        counts.begin_close(shift, by=users["clerk"])

    offline_settling.ask_void(item, by=users["supervisor"], reason="given back")
    offline_settling.answer_void(item, by=second, is_granted=True)

    counts.begin_close(shift, by=users["clerk"])


def test_a_lost_window_does_not_hold_the_shift(shift, window, users, consumer) -> None:
    window.take(consumer.number, 10_00)
    devices.revoke(window.device, by=users["supervisor"], reason="the disk is broken")
    counts.begin_close(shift, by=users["clerk"])

    (late,) = send(window, users["clerk"])

    with pytest.raises(offline_settling.NotSettled, match="closed"):
        offline_settling.take(late, by=users["supervisor"], reason="it came")
    fresh = OfflineWindow(shift.counter, clerk=users["clerk"])
    assert fresh.device.series == "RPR1-T2"


# ---- devices ----


def test_only_another_person_approves_a_window(shift, users) -> None:
    window = OfflineWindow(shift.counter, clerk=users["clerk"])
    same = devices.enrol(shift.counter, public_key=window.public_key, by=users["clerk"])
    assert same == window.device
    with pytest.raises(devices.NotADevice):
        window.reserve(users["clerk"])
    mine = OfflineWindow(shift.counter, clerk=users["supervisor"])
    for device, by in ((window.device, users["clerk"]), (mine.device, users["supervisor"])):
        with pytest.raises(seconds.NotYours):
            devices.approve(device, by=by)

    devices.approve(window.device, by=users["supervisor"])

    assert window.reserve(users["clerk"]).first == 1
    with pytest.raises(Malformed):
        devices.enrol(shift.counter, public_key=b"no key", by=users["clerk"])


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE counters_offlineitem SET amount_paise = 1",
        "UPDATE counters_offlineitem SET state = 'void', maker_id = NULL",
        "DELETE FROM counters_offlineitem",
        "UPDATE counters_numberrange SET last = last - 1",
        "UPDATE counters_numberrange SET used_until = used_until - 1",
        "UPDATE counters_device SET last_sequence = 0",
        "UPDATE counters_device SET public_key = 'other'",
    ],
)
def test_the_database_keeps_what_was_signed(window, users, consumer, sql: str) -> None:
    send(window, users["clerk"], window.take(consumer.number, 10_00))

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
