"""The sender signs, repeats what was not acknowledged, and keeps each counter's order."""

import hashlib
import hmac
import json
import threading
from collections import Counter, defaultdict
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.management import CommandError, call_command

from simulator.day import play_day
from simulator.files import write_day
from simulator.scene import DEFAULT
from simulator.sender import Request, Sender, send_day

SECRETS = {
    "razorpay": {"webhook_secret": "hook"},
    "neft": {"notice_key": "bank"},
    "api_key": "prefix.secret",
}


def _always(_path: str, _times: int) -> int | None:
    return 200


class Receiver(ThreadingHTTPServer):
    """A server that keeps what it got; ``answer`` says what it says."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got = []
        self.lock = threading.Lock()
        self.answer = _always

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.got.append((self.path, body, dict(self.headers)))
            times = [got[:2] for got in self.server.got].count((self.path, body))
            status = self.server.answer(self.path, times)
        if status is None:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_args):
        pass


@pytest.fixture
def receiver():
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def _request(body, path="/in/razorpay/"):
    return Request("2026-11-20T00:00:00", path, body, {"Content-Type": "application/json"})


def test_a_day_arrives_whole_signed_and_in_each_counters_order(receiver, tmp_path):
    day = play_day(DEFAULT, day=date(2026, 11, 20), payments=150, seed=3)
    write_day(day, tmp_path)
    outcome = send_day(tmp_path, receiver.url, scene=DEFAULT, secrets=SECRETS)
    assert outcome.refused == []
    assert outcome.done == outcome.total == len(receiver.got)
    hooks = [(body, headers) for path, body, headers in receiver.got if path == "/in/razorpay/"]
    assert sorted(body for body, _ in hooks) == sorted(
        s.envelope.body for s in day.channels["razorpay"].messages
    )
    for body, headers in hooks:
        expected = hmac.new(b"hook", body, hashlib.sha256).hexdigest()
        assert headers["X-Razorpay-Signature"] == expected
        assert headers["X-Razorpay-Event-Id"].startswith("evt_")
    notices = [(body, headers) for path, body, headers in receiver.got if path == "/in/neft/"]
    assert len(notices) == len(day.channels["neft"].messages)
    for body, headers in notices:
        assert headers["X-Signature"] == hmac.new(b"bank", body, hashlib.sha256).hexdigest()
        assert headers["X-Event-Id"] == json.loads(body)["event_id"]
    _check_counters(day, receiver.got)


def _check_counters(day, got):
    taken: dict[str, set[str]] = defaultdict(set)
    slips: Counter[str] = Counter()
    for path, body, headers in got:
        if not path.startswith("/api/v1/counters/"):
            continue
        assert headers["Authorization"] == "Bearer prefix.secret"
        counter, what = path.split("/")[4:6]
        said = json.loads(body)
        if what == "receipts":
            taken[counter] |= {item["submit_key"] for item in said["receipts"]}
            continue
        (slip,) = (s for s in day.slips if s.number == said["slip_number"])
        slips[slip.number] += 1
        assert {receipt.submit_key for receipt in slip.receipts} <= taken[counter]
        later = {
            receipt.submit_key
            for batch in day.batches
            if batch.counter == counter
            for receipt in batch.receipts
            if receipt.at >= slip.at
        }
        assert taken[counter].isdisjoint(later)
    assert slips == Counter(slip.number for slip in day.slips)


def test_what_was_not_acknowledged_is_sent_again_with_the_same_bytes(receiver):
    receiver.answer = lambda _path, times: (503, None, 200)[times - 1]
    outcome = Sender(receiver.url).send([_request(b"one"), _request(b"two")])
    assert Counter(body for _, body, _ in receiver.got) == {b"one": 3, b"two": 3}
    assert outcome.answers == {"503": 2, "no answer": 2, "200": 2}
    assert outcome.refused == []


def test_what_is_refused_for_good_is_not_repeated(receiver):
    receiver.answer = lambda _path, _times: 401
    outcome = Sender(receiver.url).send([_request(b"one")])
    assert len(receiver.got) == 1
    assert len(outcome.refused) == 1
    assert "401" in outcome.refused[0]


def test_the_command_sends_and_says_what_was_answered(receiver, tmp_path, capsys):
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps(SECRETS))
    arguments = ["--date", "2026-11-20", "--payments", "30", "--out", str(tmp_path / "day")]
    sending = ["--send", receiver.url, "--secrets", str(secrets)]
    call_command("simulate_day", *arguments, *sending)
    assert f"answers: {len(receiver.got)} x 200" in capsys.readouterr().out
    receiver.answer = lambda _path, _times: 404
    with pytest.raises(CommandError, match="were refused"):
        call_command("simulate_day", *arguments, *sending)


def test_sending_needs_every_secret(tmp_path):
    arguments = ["--date", "2026-11-20", "--payments", "5", "--out", str(tmp_path)]
    with pytest.raises(CommandError, match="go together"):
        call_command("simulate_day", *arguments, "--send", "http://127.0.0.1:1")
    secrets = tmp_path / "secrets.json"
    sending = ["--send", "http://127.0.0.1:1", "--secrets", str(secrets)]
    secrets.write_text('{"razorpay": {"webhook_secret": "x"}, "neft": {}}')
    with pytest.raises(CommandError, match=r"lacks api_key, neft\.notice_key"):
        call_command("simulate_day", *arguments, *sending)


def test_only_whose_secrets_are_given_play(receiver, tmp_path):
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({"razorpay": SECRETS["razorpay"], "api_key": "prefix.secret"}))
    arguments = ["--date", "2026-11-20", "--payments", "40", "--out", str(tmp_path / "day")]
    call_command("simulate_day", *arguments, "--send", receiver.url, "--secrets", str(secrets))
    doors = {path for path, _body, _headers in receiver.got if path.startswith("/in/")}
    assert doors == {"/in/razorpay/"}
    assert [path.name for path in (tmp_path / "day").glob("*-messages.jsonl")] == [
        "razorpay-messages.jsonl"
    ]


def test_one_can_say_who_plays(tmp_path):
    arguments = ["--date", "2026-11-20", "--payments", "40", "--out", str(tmp_path)]
    call_command("simulate_day", *arguments, "--channels", "neft,payu")
    written = {path.name for path in tmp_path.glob("*-messages.jsonl")}
    assert written == {"neft-messages.jsonl", "payu-messages.jsonl"}
    with pytest.raises(CommandError, match="no channel is played as pigeon"):
        call_command("simulate_day", *arguments, "--channels", "pigeon")
