"""Work without a network over HTTP: what a browser asks and sends, and the pages of who settles."""

import base64
import json
import uuid
from typing import Any

import pytest
from django.test import Client

from counters.models import Device, OfflineItem
from counters.offline import Envelope
from payments.models import Receipt
from tests import factories as make
from tests.counters import drawer
from tests.counters.offline_window import OfflineWindow

pytestmark = pytest.mark.django_db


@pytest.fixture
def shift(offices, users):
    """An open shift at counter 1 of Z1."""
    make.ChannelFactory(code="cash", adapter="counter")
    counter = make.CounterFactory(code="rpr1", office=offices["Z1"], keeps_shifts=True)
    drawer.fill_safe(
        counter.office, 20_000_00, supervisor=users["supervisor"], second=users["finance_officer"]
    )
    return drawer.open_with(
        counter, clerk=users["clerk"], supervisor=users["supervisor"], paise=2_000_00
    )


@pytest.fixture
def window(shift, users):
    made = OfflineWindow(shift.counter, clerk=users["clerk"], supervisor=users["supervisor"])
    made.reserve(users["clerk"])
    return made


def post(client: Client, path: str, said: object) -> tuple[int, dict[str, Any]]:
    answer = client.post(f"/counter/offline/{path}", said, content_type="application/json")
    return answer.status_code, answer.json()


def envelope(one: Envelope) -> dict[str, str]:
    return {"body": one.body.decode(), "signature": base64.b64encode(one.signature).decode()}


def test_a_window_is_enrolled_approved_and_sends(shift, as_role, users) -> None:
    consumer = make.ConsumerFactory(office=shift.counter.office)
    clerk, supervisor = as_role("clerk"), as_role("supervisor")
    window = OfflineWindow(shift.counter, clerk=users["clerk"])
    key = base64.b64encode(window.public_key).decode()
    status, said = post(clerk, "enrol/", {"counter": "rpr1", "public_key": key})
    assert (status, said["device"]["state"]) == (200, "pending")
    device = said["device"]["id"]
    assert post(clerk, "numbers/", {"device": device})[0] == 409

    shown = supervisor.get("/offline/").content.decode()
    assert said["device"]["fingerprint"] in shown
    supervisor.post(f"/offline/windows/{device}/approve/")
    _status, said = post(clerk, "numbers/", {"device": device})
    assert (said["numbers"]["first"], said["numbers"]["last"]) == (1, 50)
    window.reserve(users["clerk"])
    item = envelope(window.take(consumer.number, 100_00))
    for _again in range(2):
        status, said = post(clerk, "send/", {"device": device, "items": [item]})
        assert status == 200
        assert [one["status"] for one in said["results"]] == ["taken"]

    receipt = Receipt.objects.get()
    assert receipt.label == f"RPR1-T1/{window.numbers.year}/000001"
    state = clerk.get(f"/counter/offline/state/?device={device}").json()
    assert (state["shift"]["is_open"], state["numbers"]["used_until"]) == (True, 1)
    # The code that was printed before the receipt came proves it now.
    code = clerk.get(f"/check/{window.code_of(1)}/").content.decode()
    assert receipt.label in code
    back = envelope(window.back())
    assert post(clerk, "back/", {"device": device, "item": back}) == (200, {"numbers": None})


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("send/", "no json"),
        ("send/", {"device": str(uuid.uuid4())}),
        ("send/", {"device": "nobody", "items": [{"body": "{}", "signature": ""}]}),
        ("send/", {"device": str(uuid.UUID(int=0)), "items": []}),
        ("send/", {"device": str(uuid.UUID(int=0)), "items": [{"body": 1, "signature": ""}] * 51}),
        ("back/", {"device": "nobody", "item": {}}),
        ("enrol/", {"counter": "rpr1", "public_key": "%"}),
        ("enrol/", {"counter": "rpr1", "public_key": "AAAA"}),
        ("numbers/", {"device": 7}),
    ],
)
def test_what_was_not_agreed_is_refused(shift, as_role, path: str, said: object) -> None:
    status, answer = post(as_role("clerk"), path, said)

    assert (status, answer["code"]) == (400, "malformed")
    assert not Device.objects.exists()


def test_windows_of_other_offices_are_not_there(window, as_role, make_user, offices) -> None:
    far = Client()
    far.force_login(
        make_user("far", "clerk", offices=(offices["Z3"],)), backend="people.auth.PeopleBackend"
    )
    device = str(window.device.public_id)
    make.CounterFactory(code="rpr9", office=offices["Z3"], keeps_shifts=True)

    sent = far.post(
        "/counter/offline/send/",
        {"device": device, "items": [{"body": "{}", "signature": ""}]},
        content_type="application/json",
    )

    assert sent.status_code == 404
    assert far.get(f"/counter/offline/state/?device={device}").status_code == 404
    assert not OfflineItem.objects.exists()


def test_the_supervisor_settles_what_waits(window, as_role, users, make_user, offices) -> None:
    consumer = make.ConsumerFactory(office=offices["Z1"])
    clerk, supervisor = as_role("clerk"), as_role("supervisor")
    items = [envelope(window.take("199999999999", 100_00, name="Sample")) for _n in range(2)]
    device = str(window.device.public_id)
    _status, said = post(clerk, "send/", {"device": device, "items": items})
    assert [one["status"] for one in said["results"]] == ["person", "person"]

    shown = supervisor.get("/offline/").content.decode()
    assert "2 receipts wait for a person." in shown
    first, second = OfflineItem.objects.order_by("pk")
    address = f"/offline/{first.public_id}/"
    page = supervisor.get(address).content.decode()
    assert "No consumer has the number 199999999999." in page
    assert "Take it after all" not in clerk.get(address).content.decode()
    wrong = supervisor.post(f"{address}take/", {"take-consumer": "12", "take-reason": "typed"})
    assert wrong.status_code == 422
    assert 'value="12"' in wrong.content.decode()
    right = {"take-consumer": consumer.number, "take-reason": "mistyped"}
    assert supervisor.post(f"{address}take/", right).status_code == 302
    assert Receipt.objects.get().number == 1

    other = Client()
    other.force_login(
        make_user("second", "supervisor", offices=(offices["Z1"],)),
        backend="people.auth.PeopleBackend",
    )
    address = f"/offline/{second.public_id}/"
    supervisor.post(f"{address}void/", {"void-reason": "the money was given back"})
    supervisor.post(f"{address}answer/", {"answer": "void"})
    second.refresh_from_db()
    assert second.state == "void_asked"
    assert "the money was given back" in other.get(address).content.decode()
    other.post(f"{address}answer/", {"answer": "void"})
    second.refresh_from_db()
    assert second.state == "void"
    assert "Nothing waits" in supervisor.get("/offline/?show=all").content.decode()


def test_a_revoked_window_is_told_so(window, as_role) -> None:
    device = str(window.device.public_id)
    as_role("supervisor").post(f"/offline/windows/{device}/revoke/", {"reason": "it was stolen"})

    state = as_role("clerk").get(f"/counter/offline/state/?device={device}").json()

    assert (state["device"]["state"], state["numbers"]) == ("revoked", None)
    assert "it was stolen" in as_role("supervisor").get("/offline/").content.decode()


def test_what_browsers_keep_names_nobody(db, as_role, users) -> None:
    page = as_role("clerk").get("/counter/offline/")
    assert page.content == Client().get("/counter/offline/").content
    assert users["clerk"].get_full_name() not in page.content.decode().split("<body>")[1]
    assert page["Cache-Control"] == "no-cache"
    assert "unsafe" not in page["Content-Security-Policy"]

    worker = Client().get("/counter/sw.js")
    assert worker["Content-Type"] == "text/javascript; charset=utf-8"
    release = json.loads(worker.content.decode().splitlines()[0][len("const RELEASE = ") : -1])
    assert release["shell"] == "/counter/offline/"
    assert all(address.startswith("/static/") for address in release["addresses"])
    assert Client().get("/counter/sw.js").content == worker.content
