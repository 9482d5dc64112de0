"""Only a scanner that says clean lets a paper out; silence, garbage and absence do not."""

import socket
from pathlib import Path

import pytest

from attachments import actions, scanner
from attachments.models import Attachment, AttachmentContent, Kind, State
from cspdcl.env import Misconfigured, env_socket
from people.models import AuditEvent
from tests.attachments import papers
from tests.attachments.clamd import HARMFUL, Clamd, listening


def keep(users, offices, upload: bytes | None = None) -> Attachment:
    """A cheque that the clerk of zone Z1 takes."""
    return actions.keep(
        upload or papers.jpeg(), kind=Kind.INSTRUMENT_FRONT, office=offices["Z1"], by=users["clerk"]
    )


def test_the_scanner_sees_all_that_came_over_either_socket(
    clamd: Clamd, settings, tmp_path: Path
) -> None:
    large = bytes(300_000)

    assert scanner.scan(large, seconds=5) == ""
    assert scanner.scan(b"x" + HARMFUL, seconds=5) == "Eicar-Signature"
    with listening(socket.AF_UNIX, str(tmp_path / "clamd")) as other:
        settings.CLAMD_ADDRESS = f"unix://{tmp_path}/clamd"
        assert scanner.scan(b"abc", seconds=5) == ""

    assert clamd.seen == [large, b"x" + HARMFUL]
    assert other.seen == [b"abc"]


@pytest.mark.parametrize(
    "said",
    [
        None,
        b"",
        b"\0",
        b"stream: OK",  # not ended: more may have followed
        b"stream: OK FOUND it\0",
        b"stream: ok\0",
        b"stream: FOUND\0",
        b"OK\0",
        b"INSTREAM size limit exceeded. ERROR\0",
        b"\xff\xfe" * 5000,
    ],
)
def test_anything_but_a_plain_answer_is_no_answer(clamd: Clamd, said: bytes | None) -> None:
    clamd.answer = lambda _content: said

    with pytest.raises((scanner.ScannerUnsure, scanner.ScannerDown)):
        scanner.scan(b"abc", seconds=5)


def test_a_scanner_that_hangs_up_early_or_says_nothing_is_not_believed(clamd: Clamd) -> None:
    clamd.bytes_max = 1000
    with pytest.raises((scanner.ScannerUnsure, scanner.ScannerDown)):
        scanner.scan(bytes(5_000_000), seconds=5)

    clamd.bytes_max, clamd.is_silent = 10_000, True
    with pytest.raises(scanner.ScannerDown):
        scanner.scan(b"abc", seconds=1)


@pytest.mark.parametrize(
    ("value", "is_good"),
    [
        ("", True),
        ("tcp://clamd:3310", True),
        ("unix:///run/clamd.sock", True),
        ("clamd:3310", False),
        ("tcp://clamd", False),
        ("tcp://clamd:port", False),
        ("unix://run/clamd.sock", False),
    ],
)
def test_the_address_is_read_at_the_start(
    value: str, is_good: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAMD_ADDRESS", value)

    if is_good:
        assert env_socket("CLAMD_ADDRESS") == value
    else:
        with pytest.raises(Misconfigured):
            env_socket("CLAMD_ADDRESS")


def test_what_the_scanner_calls_clean_is_shown_and_its_original_is_not_kept(
    clamd: Clamd, users, offices
) -> None:
    found = keep(users, offices)

    assert (found.state, found.reason) == (State.CLEAN, "")
    assert found.scanned_at is not None
    assert found.content.sealed_original is None


def test_what_is_harmful_is_gone_and_its_row_stays(clamd: Clamd, users, offices) -> None:
    with pytest.raises(actions.Harmful):
        keep(users, offices, papers.jpeg() + HARMFUL)

    row = Attachment.objects.get()
    assert (row.state, row.reason) == (State.INFECTED, "Eicar-Signature")
    assert not AttachmentContent.objects.exists()
    with pytest.raises(actions.NotShown):
        actions.see(row, by=users["clerk"])


def test_quarantine_ends_when_the_scanner_is_back(settings, users, offices) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings.CLAMD_ADDRESS = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        good = keep(users, offices)
        bad = keep(users, offices, papers.jpeg() + HARMFUL)
        assert actions.scan_again() == 0

    for row in (good, bad):
        row.refresh_from_db()
        assert row.state == State.QUARANTINED
        assert row.reason.startswith("no scanner answers")
        with pytest.raises(actions.NotShown):
            actions.see(row, by=users["clerk"])
        with pytest.raises(actions.NotShown):
            actions.see_small(row)

    settings.CLAMD_ADDRESS = ""
    assert actions.scan_again() == 0, "a scanner that was taken away lets nothing out"

    with listening(socket.AF_INET, ("127.0.0.1", 0)) as clamd:
        settings.CLAMD_ADDRESS = f"tcp://127.0.0.1:{clamd.server.getsockname()[1]}"
        assert actions.scan_again() == 2
        assert actions.scan_again() == 0
        assert [one.endswith(HARMFUL) for one in clamd.seen] == [True, False], (
            "it is asked about what came, not what was drawn; who was asked last comes last"
        )

    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.state, bad.state) == (State.CLEAN, State.INFECTED)
    assert [one.sealed_original for one in AttachmentContent.objects.all()] == [None]
    assert actions.see(good, by=users["clerk"]).startswith(b"\xff\xd8\xff")
    told = AuditEvent.objects.filter(action="attachment.scanned").order_by("id")
    assert [(one.actor, one.payload["after"]["state"]) for one in told] == [
        ("system", "infected"),
        ("system", "clean"),
    ]


def test_one_that_the_scanner_cannot_read_does_not_hold_up_the_others(
    clamd: Clamd, users, offices
) -> None:
    clamd.answer = lambda _content: b"stream: Can't allocate memory ERROR\0"
    strange = keep(users, offices, papers.jpeg((300, 200)))
    plain = keep(users, offices, papers.jpeg((200, 100)))

    large = strange.byte_size
    clamd.answer = lambda content: None if len(content) == large else b"stream: OK\0"

    assert actions.scan_again() == 1
    strange.refresh_from_db()
    plain.refresh_from_db()
    assert (strange.state, plain.state) == (State.QUARANTINED, State.CLEAN)
    assert strange.tried_at is not None
