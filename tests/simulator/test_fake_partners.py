"""The fake partners answer our calls over HTTP as real ones would, and fail as they are told."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from channels_.contract import (
    TOKEN,
    Call,
    Declined,
    Exchange,
    Inbound,
    Notice,
    Order,
    Outcome,
    RefundAsk,
    Setup,
    StatusAsk,
    Window,
    Wire,
)
from channels_.formats import sniff
from channels_.registry import adapter, formats_of
from channels_.simulation import Happened, News
from cspdcl.env import PROJECT
from cspdcl.kernel.clock import INDIA, now
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import Paise
from simulator.chance import chance, sample_reference
from simulator.day import Day, play_day
from simulator.files import write_day
from simulator.partners import Fault, Faults, Partners, partners_of
from simulator.scene import DEFAULT, read_scene
from tests import played

DAY = date(2026, 11, 20)
SCENE = read_scene(PROJECT / "configuration" / "demo.toml")
ANSWERING = [one.code for one in SCENE.channels if one.simulation.answer is not None]
REFERENCE = sample_reference(chance("order"), datetime(2026, 11, 20, 12, tzinfo=INDIA))


def able(part: str) -> list[str]:
    """The channels whose partner can be asked for this."""
    adapters = {code: adapter(SCENE.channel(code).adapter) for code in ANSWERING}
    return [code for code, found in adapters.items() if getattr(found, part) is not None]


@pytest.fixture(scope="module")
def day() -> Day:
    return play_day(SCENE, day=DAY, payments=1_500, seed=5)


@pytest.fixture(scope="module")
def directory(day: Day, tmp_path_factory) -> Path:
    """The files of the day."""
    made = tmp_path_factory.mktemp("day")
    write_day(day, made)
    return Path(made)


@pytest.fixture
def serve(directory: Path) -> Iterator[Callable[..., Partners]]:
    """Start the partners with faults, and stop them afterwards."""
    running: list[tuple[Partners, threading.Thread]] = []

    def start(**faults: int) -> Partners:
        theirs = {c.code: played.keys(c.adapter, c.code).theirs for c in SCENE.channels}
        partners = partners_of(SCENE, secrets=theirs, directory=directory)
        server = Partners(partners, faults=Faults(**faults))
        thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.stop()
        thread.join()


def setup_of(code: str, server: Partners) -> Setup:
    """What our house would call this partner with."""
    channel = SCENE.channel(code)
    ours = played.keys(channel.adapter, code).ours
    setup = replace(
        channel.setup(ours), api_url=f"{server.url}/{code}", at=now(), nonce="0123456789abcdef" * 2
    )
    token = adapter(channel.adapter).token
    if token is None:
        return setup
    found = token.read(sent(token.call(None, setup)), setup, None)
    return replace(setup, secrets={**setup.secrets, TOKEN: found.value})


def sent(call: Call) -> Wire:
    """The call over HTTP, and its answer."""
    answer = httpx.request(
        call.method, call.url, content=call.body, headers=dict(call.headers), timeout=10
    )
    return Wire(answer.content, answer.status_code, dict(answer.headers))


def asked(server: Partners, code: str, part: str, about: Any) -> Any:
    """Our question, their answer, our reading."""
    exchange: Exchange[Any, Any] = getattr(adapter(SCENE.channel(code).adapter), part)
    setup = setup_of(code, server)
    return exchange.read(sent(exchange.call(about, setup)), setup, about)


def told(day: Day, code: str, outcome: Outcome) -> Happened:
    """A payment that ended so, and stands alone in its order."""
    happened = [one for one in day.channels[code].happened if not one.refunds]
    orders = [one.payment.order_ref for one in happened]
    return next(
        one
        for one in happened
        if one.outcome is outcome and orders.count(one.payment.order_ref) == 1
    )


def notice_of(day: Day, code: str, one: Happened) -> Notice:
    """What our house has heard of a payment: the names by which it will ask."""
    channel = SCENE.channel(code)
    simulation, parse = channel.simulation, adapter(channel.adapter).parse
    assert parse is not None
    secrets = played.keys(channel.adapter, code)
    theirs = replace(channel.setup(secrets.theirs), at=now(), nonce="0123456789abcdef" * 2)
    news = News.PAID if one.outcome is Outcome.SUCCEEDED else News.FAILED
    envelope = simulation.tell(news, one.payment, one.payment.paid_at, "evt_of_this_test")
    envelope = simulation.seal(envelope, theirs) if simulation.seal else envelope
    headers = {name.lower(): text for name, text in simulation.sign(envelope, theirs).items()}
    inbound = Inbound(envelope.body, headers, envelope.path)
    (notice,) = parse(inbound, replace(theirs, secrets=secrets.ours))
    return notice


def status_of(day: Day, code: str, one: Happened) -> StatusAsk:
    notice = notice_of(day, code, one)
    return StatusAsk(
        reference=notice.reference or sample_reference(chance("ours"), one.payment.created_at),
        amount_paise=notice.amount_paise,
        channel_ref=notice.channel_ref,
        order_ref=notice.order_ref,
        created_at=one.payment.created_at,
    )


BEGUN_BY_US = [code for code in able("status") if SCENE.channel(code).simulation.is_begun_by_us]


@pytest.mark.parametrize("code", BEGUN_BY_US)
def test_a_partner_tells_of_a_payment_what_its_messages_told(day, serve, code: str) -> None:
    server = serve()
    paid = told(day, code, Outcome.SUCCEEDED)

    (notice,) = asked(server, code, "status", status_of(day, code, paid))

    assert notice.outcome is Outcome.SUCCEEDED
    assert notice.channel_ref == paid.payment.channel_ref
    assert notice.amount_paise == paid.payment.amount_paise
    assert not notice.confirm
    failed = told(day, code, Outcome.FAILED)
    notices = asked(server, code, "status", status_of(day, code, failed))
    assert {one.outcome for one in notices} <= {Outcome.FAILED}
    assert server.partners[code].calls["answered"] >= 2


@pytest.mark.parametrize("code", able("status"))
def test_what_a_partner_never_heard_of_is_not_called_paid(serve, code: str) -> None:
    server = serve()
    ask = StatusAsk(reference=REFERENCE, amount_paise=Paise(100), created_at=now())

    try:
        notices = asked(server, code, "status", ask)
    except (Declined, Malformed):
        return
    assert all(one.outcome is not Outcome.SUCCEEDED for one in notices)


@pytest.mark.parametrize("code", able("status"))
def test_what_is_begun_at_a_partner_is_told_as_it_becomes(serve, code: str) -> None:
    server = serve()
    books = server.partners[code].books
    order = books.begin(REFERENCE, 5_000, consumer_number="100000000001")
    ask = StatusAsk(
        reference=REFERENCE, amount_paise=Paise(5_000), order_ref=order, created_at=now()
    )
    ask = replace(ask, order_ref="") if code != "razorpay" else ask  # its API knows its own only

    outcomes = [one.outcome for _ in range(2) for one in asked(server, code, "status", ask)]

    found = books.find(REFERENCE)
    assert found is not None
    assert outcomes[-1:] in ([found.outcome], [])
    assert set(outcomes[:-1]) <= {Outcome.PENDING}


@pytest.mark.parametrize("code", able("order"))
def test_an_order_is_taken_and_decided_later(serve, code: str) -> None:
    server = serve()
    order = Order(
        reference=REFERENCE,
        amount_paise=Paise(123_400),
        consumer_number="100000000001",
        mobile="6000000000",
        email="sample@example.com",
        payer_name="Sample payer",
        expires_at=now() + timedelta(minutes=15),
        return_url="https://payments.example.org/back/",
        notify_url="https://payments.example.org/in/",
    )
    exchange = adapter(SCENE.channel(code).adapter).order
    assert exchange is not None
    ordered = asked(server, code, "order", order)
    ask = StatusAsk(
        reference=REFERENCE,
        amount_paise=Paise(123_400),
        order_ref=ordered.order_ref,
        created_at=now(),
    )

    outcomes = [one.outcome for _ in range(3) for one in asked(server, code, "status", ask)]

    known = server.partners[code].books.find(REFERENCE)
    assert known is not None
    assert known.payment.amount_paise == 123_400
    assert set(outcomes[1:]) <= {known.outcome, Outcome.PENDING}


@pytest.mark.parametrize("code", able("refund"))
def test_money_is_paid_back_once(day, serve, code: str) -> None:
    server = serve()
    paid = told(day, code, Outcome.SUCCEEDED)
    payment, notice = paid.payment, notice_of(day, code, paid)
    ask = RefundAsk(
        reference=sample_reference(chance("first"), payment.paid_at),
        amount_paise=notice.amount_paise,
        payment_reference=notice.reference or REFERENCE,
        channel_ref=notice.channel_ref,
        order_ref=notice.order_ref,
        paid_at=payment.paid_at,
        paid_paise=notice.amount_paise,
        reason="Paid twice",
    )

    notice = asked(server, code, "refund", ask)

    assert notice.outcome is not Outcome.FAILED
    assert notice.amount_paise == payment.amount_paise
    books = server.partners[code].books.find(payment.channel_ref)
    assert books is not None
    assert [one.amount_paise for one in books.refunds] == [payment.amount_paise]
    other = replace(ask, reference=sample_reference(chance("second"), payment.paid_at))
    with pytest.raises(Declined):
        asked(server, code, "refund", other)
    if adapter(SCENE.channel(code).adapter).refund_status is not None:
        known = replace(ask, refund_ref=notice.refund_ref)
        assert asked(server, code, "refund_status", known).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("code", able("history"))
def test_a_gap_is_filled_from_the_partners_history(day, serve, code: str) -> None:
    server = serve()
    start = datetime.combine(DAY, datetime.min.time(), tzinfo=now().tzinfo) + timedelta(hours=6)
    window = Window(since=start, until=start + timedelta(hours=3))
    paid: set[str] = set()
    for _page in range(20):
        page = asked(server, code, "history", window)
        paid |= {one.channel_ref for one in page.notices if one.outcome is Outcome.SUCCEEDED}
        window = replace(window, cursor=page.cursor)
        if not page.cursor:
            break

    wanted = {
        one.payment.channel_ref
        for one in server.partners[code].books.between(window.since, window.until)
        if one.outcome is Outcome.SUCCEEDED
    }
    assert wanted
    assert wanted <= paid  # some APIs know whole days only


@pytest.mark.parametrize("code", able("report"))
def test_a_report_is_pulled_as_its_file_tells_it(day, serve, code: str) -> None:
    server = serve()
    start = datetime.fromisoformat(f"{DAY}T00:00:00+05:30")
    window = Window(since=start, until=start + timedelta(days=1))
    keys: list[str] = []
    for _page in range(50):
        pulled = asked(server, code, "report", window)
        keys += _keys(code, pulled.content)
        window = replace(window, cursor=pulled.cursor)
        if not pulled.cursor:
            break

    assert len(keys) == len(day.channels[code].report)


def _keys(code: str, content: bytes) -> list[str]:
    channel = SCENE.channel(code)
    if not content:
        return []
    layout = sniff(content[:4096], among=formats_of(channel.adapter, channel.setup({}).settings))
    return [line.key for statement in layout.read(BytesIO(content)) for line in statement.lines]


@pytest.mark.parametrize("code", able("status"))
def test_garbage_and_errors_are_never_taken_for_an_answer(day, serve, code: str) -> None:
    paid = told(day, code, Outcome.SUCCEEDED)
    exchange = adapter(SCENE.channel(code).adapter).status
    assert exchange is not None
    setup = setup_of(code, serve())
    for faults in ({"garbage_percent": 100}, {"fail_percent": 100}):
        broken = serve(**faults)
        here = replace(setup, api_url=f"{broken.url}/{code}")
        for _ in range(6):
            wire = sent(exchange.call(status_of(day, code, paid), here))
            with pytest.raises(Malformed):
                exchange.read(wire, here, status_of(day, code, paid))


def test_a_lost_answer_is_silence_whether_the_work_was_done_or_not(day, serve) -> None:
    server = serve(timeout_percent=100)
    payments = [one.payment for one in day.channels["razorpay"].happened[:8]]
    exchange = adapter("razorpay").refund
    assert exchange is not None
    setup = setup_of("razorpay", server)
    for payment in payments:
        ask = RefundAsk(
            reference=f"R-{payment.channel_ref}",
            amount_paise=Paise(100),
            payment_reference=payment.reference,
            channel_ref=payment.channel_ref,
        )
        call = exchange.call(ask, setup)
        with pytest.raises(httpx.TimeoutException):
            httpx.request(
                call.method, call.url, content=call.body, headers=dict(call.headers), timeout=0.3
            )

    books = server.partners["razorpay"].books
    done = [books.refunded(f"R-{payment.channel_ref}") is not None for payment in payments]
    assert True in done
    assert False in done


def test_the_same_seed_plans_the_same_faults() -> None:
    def plan(seed: int) -> list[tuple[Fault | None, bool, int]]:
        faults = Faults(
            slow_ms=50, fail_percent=20, timeout_percent=10, garbage_percent=10, seed=seed
        )
        planned = [faults.of_call("payu", number) for number in range(500)]
        return [(one.fault, one.is_done, one.waits_ms) for one in planned]

    assert plan(1) == plan(1)
    assert plan(1) != plan(2)
    kinds = [fault for fault, _done, _waits in plan(1)]
    assert 60 < kinds.count(Fault.FAIL) < 140
    assert 25 < kinds.count(Fault.SILENCE) < 75
    assert 25 < kinds.count(Fault.GARBAGE) < 75


def test_a_wrong_signature_and_a_wrong_place_are_refused(serve) -> None:
    server = serve()
    forged = httpx.post(f"{server.url}/upi/status", json={"merchantTranId": "X"})

    assert forged.status_code == 401
    assert httpx.get(f"{server.url}/nobody/").status_code == 404
    assert httpx.post(f"{server.url}/razorpay/v1/nothing").status_code >= 400
    assert set(httpx.get(server.url).json()["partners"]) == set(ANSWERING)


def test_the_command_serves_until_it_is_told_to_stop(tmp_path) -> None:
    day = play_day(DEFAULT, day=DAY, payments=60, seed=2)
    write_day(day, tmp_path)
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({"razorpay": played.keys("razorpay", "razorpay").theirs}))
    command = [
        *(sys.executable, "manage.py", "fake_partners", "--secrets", str(secrets)),
        *("--directory", str(tmp_path), "--slow", "5"),
    ]
    running = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        url = next(word for word in running.stdout.readline().split() if word.startswith("http"))
        url = url.rstrip(",")
        keys = played.keys("razorpay", "razorpay").ours
        paid = next(
            one.payment.channel_ref
            for one in day.channels["razorpay"].happened
            if one.outcome is Outcome.SUCCEEDED
        )
        answer = httpx.get(
            f"{url}/razorpay/v1/payments/{paid}", auth=(keys["key_id"], keys["key_secret"])
        )
        assert answer.json()["id"] == paid
        assert "razorpay GET /v1/payments/" in running.stdout.readline()
    finally:
        running.send_signal(signal.SIGTERM)
        rest, _errors = running.communicate(timeout=20)
    assert running.returncode == 0
    assert "Stopped." in rest
