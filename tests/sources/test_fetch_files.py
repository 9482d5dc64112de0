"""Files are fetched from where their sources lay them, once, and each fetch is noted."""

import io
import os
from collections.abc import Iterator
from datetime import time, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import time_machine
from django.db import IntegrityError, transaction

from channels_.models import StatementFile
from cspdcl.kernel import http
from cspdcl.kernel.clock import now
from enquiries.models import Alarm
from people.models import AuditEvent
from reconciliation.incoming import kept_files
from reconciliation.models import Entry
from sources import fetching, mappings, retention, secrets
from sources.models import Fetch, FetchedFile, FetchPlan
from sources.remote import sftp
from sources.remote.terms import OutOfReach, Terms
from tests.sources import days, places
from tests.sources.places import SECRET, USER

pytestmark = pytest.mark.django_db

NOON = "2026-08-19 12:00:00+05:30"
FIRST, SECOND = (days.of_day(days.MON + timedelta(days=n), [3_000 + n]) for n in range(2))


@pytest.fixture(autouse=True)
def _kept_aside(settings, tmp_path: Path) -> Iterator[None]:
    settings.STATEMENTS_DIR = tmp_path / "statements"
    with time_machine.travel(NOON, tick=True):
        yield
    http._context.cache_clear()


def plan(kind: str, address: str, **fields: Any) -> FetchPlan:
    """A plan of the account, every ten minutes."""
    bank = days.bank()
    secrets.put(bank, name="fetch", value=fields.pop("secret", SECRET), by="command")
    values = {"user": USER, "every_minutes": 10, "pattern": "*.sta", **fields}
    return FetchPlan.objects.create(
        code=kind, kind=kind, bank_account=bank, address=address, **values
    )


def followed(one: FetchPlan) -> tuple[str, int, int]:
    fetch = fetching.follow(one, asked_by="timetable")
    return fetch.state, fetch.seen_count, fetch.new_count


# ---- SFTP ----


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "there" / "out"
    made.mkdir(parents=True)
    return made


def of_server(server: places.Folder, **fields: Any) -> FetchPlan:
    address = f"sftp://localhost:{server.port}/out"
    return plan("sftp", address, host_key=server.host_key, **fields)


def test_new_files_of_a_folder_are_loaded_once(folder: Path) -> None:
    (folder / "day1.sta").write_bytes(FIRST)
    (folder / "notes.txt").write_bytes(b"not meant")
    with places.sftp(folder.parent) as server:
        one = of_server(server)

        assert followed(one) == ("done", 1, 1)
        assert followed(one) == ("done", 1, 0)
        (folder / "day2.sta").write_bytes(SECOND)
        assert followed(one) == ("done", 2, 1)
        assert len(server.asked) == 2  # what is known by size and time is not read again

    assert sorted(StatementFile.objects.values_list("name", flat=True)) == ["day1.sta", "day2.sta"]
    assert Entry.objects.count() == 2
    fetched = FetchedFile.objects.order_by("id")
    assert [row.outcome for row in fetched] == ["loaded", "loaded"]
    file = StatementFile.objects.get(name="day1.sta")
    assert kept_files.path_of(file).read_bytes() == FIRST
    assert AuditEvent.objects.filter(action="source.file_fetched").count() == 2


def test_the_same_content_under_another_name_is_known_and_a_bad_file_is_noted(folder) -> None:
    (folder / "day1.sta").write_bytes(FIRST)
    with places.sftp(folder.parent) as server:
        one = of_server(server)
        followed(one)
        (folder / "copy.sta").write_bytes(FIRST)
        (folder / "bad.sta").write_bytes(b"nonsense")

        assert followed(one) == ("done", 3, 1)
        assert followed(one) == ("done", 3, 0)

    assert Entry.objects.count() == 1
    outcomes = dict(FetchedFile.objects.values_list("name", "outcome"))
    assert outcomes == {"day1.sta": "loaded", "copy.sta": "known", "bad.sta": "refused"}
    assert "none of the known formats" in FetchedFile.objects.get(name="bad.sta").problem


def test_a_server_with_another_key_is_not_spoken_to(folder: Path) -> None:
    (folder / "day1.sta").write_bytes(FIRST)
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with places.sftp(folder.parent) as server:
        one = of_server(server)
        FetchPlan.objects.update(host_key=other)
        one.refresh_from_db()

        fetch = fetching.follow(one, asked_by="timetable")

    assert (fetch.state, fetch.problem) == (
        "failed",
        "the server showed another key than the one that was agreed",
    )
    assert not StatementFile.objects.exists()


def test_a_key_of_ours_opens_the_server_too(folder: Path) -> None:
    (folder / "day1.sta").write_bytes(FIRST)
    key = asyncssh.generate_private_key("ssh-ed25519")
    with places.sftp(folder.parent, user_key=key.export_public_key().decode()) as server:
        assert followed(of_server(server, secret=key.export_private_key().decode()))[2] == 1


def test_a_wrong_password_fails_without_being_told(folder: Path) -> None:
    with places.sftp(folder.parent) as server:
        fetch = fetching.follow(of_server(server, secret="another one"), asked_by="timetable")

    assert (fetch.state, fetch.problem) == ("failed", "localhost: PermissionDenied")


def test_a_key_that_is_none_fails_without_being_told(folder: Path) -> None:
    with places.sftp(folder.parent) as server:
        one = of_server(server, secret="-----BEGIN OPENSSH PRIVATE KEY-----\nhidden\n")
        own = fetching.follow(one, asked_by="timetable").problem
        secrets.put(days.bank(), name="fetch", value=SECRET, by="command")
        FetchPlan.objects.update(host_key="junk")
        one.refresh_from_db()
        theirs = fetching.follow(one, asked_by="timetable").problem
        FetchPlan.objects.update(address="sftp://localhost:99999/")
        one.refresh_from_db()
        port = fetching.follow(one, asked_by="timetable").problem

    assert own == "the secret of the plan begins like a private key and is none"
    assert theirs == "the host_key of the plan is no public key"
    assert port == "localhost: Port out of range 0-65535"


def test_a_file_that_is_too_large_does_not_hold_up_those_behind_it(folder: Path) -> None:
    (folder / "day1.sta").write_bytes(b"x" * 100_000)
    (folder / "day2.sta").write_bytes(SECOND)
    os.utime(folder / "day1.sta", (1, 1))
    with places.sftp(folder.parent) as server:
        terms = Terms(
            address=f"sftp://localhost:{server.port}/out", user=USER, secret=SECRET,
            host_key=server.host_key, sender="", subject="*", pattern="*", days=(),
            bytes_max=99_999,
        )  # fmt: skip
        pulled = sftp.pull(terms, lambda _name, _mark: False)
        assert next(pulled).name == "day2.sta"
        with pytest.raises(OutOfReach, match=r"more than 99999 bytes, so not read: day1\.sta"):
            next(pulled)


def test_a_folder_may_hold_larger_files_than_memory_should(folder: Path, settings) -> None:
    settings.PARTNER_REPORT_BYTES_MAX = 10
    (folder / "day1.sta").write_bytes(FIRST)
    with places.sftp(folder.parent) as server:
        assert followed(of_server(server)) == ("done", 1, 1)


def test_an_address_that_we_may_not_call_is_not_called(folder: Path, settings) -> None:
    settings.PARTNER_NETWORKS = []
    with places.sftp(folder.parent) as server:
        fetch = fetching.follow(of_server(server), asked_by="timetable")

    assert fetch.state == "failed"
    assert "where we may not call" in fetch.problem


# ---- a mailbox ----


def mail(name: str, content: bytes, *, sender: str = "mis@bank.example", **more: str) -> bytes:
    """A mail with one file."""
    made = EmailMessage()
    made["From"] = f"The bank <{sender}>"
    made["Subject"] = more.get("subject", "Statement of account")
    made.set_content("Please find attached.")
    made.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return made.as_bytes()


def of_box(box: places.Box, **fields: Any) -> FetchPlan:
    told = {"sender": "mis@bank.example", "subject": "statement*", **fields}
    return plan("mailbox", f"imaps://localhost:{box.port}/INBOX", **told)


@pytest.fixture
def trusted(tmp_path: Path, settings) -> Any:
    certificate, context = places.authority(tmp_path)
    settings.PARTNER_CA_FILE = str(certificate)
    return context


def test_files_of_the_sender_s_mails_are_loaded_once(trusted) -> None:
    with places.mailbox(trusted) as box:
        box.mails = {
            1: mail("day1.sta", FIRST),
            2: mail("day2.sta", SECOND, sender="mis@bank.example.other.example"),
            3: mail("day2.sta", SECOND, subject="Offers for you"),
            4: mail("letter.pdf", b"%PDF"),
        }
        one = of_box(box)

        assert followed(one)[::2] == ("done", 1)
        box.asked.clear()
        assert followed(one)[::2] == ("done", 0)
        assert not any("FETCH 1 " in said for said in box.asked)  # what is known is left alone
        assert any('SINCE 16-Aug-2026 FROM "mis@bank.example"' in said for said in box.asked)

    assert StatementFile.objects.get().name == "day1.sta"
    assert not any("STORE" in said or "BODY[]" in said for said in box.asked)  # nor marked as read


def test_a_mail_whose_fetch_broke_off_is_taken_up_again(trusted) -> None:
    with places.mailbox(trusted) as box:
        box.mails = {1: mail("day1.sta", FIRST), 2: mail("day2.sta", SECOND)}
        one, box.breaks_at = of_box(box), "FETCH 2 (BODY"
        assert followed(one)[0] == "failed"
        box.breaks_at = ""
        assert followed(one)[::2] == ("done", 1)

    assert Entry.objects.count() == 2


@pytest.mark.parametrize("sender", [b"bank@[mis@bank.example", b"mis@bank.example " + b"(" * 600])
def test_a_mail_that_cannot_be_read_does_not_hold_up_those_behind_it(
    trusted, caplog, sender: bytes
) -> None:
    whole = mail("day1.sta", FIRST)
    with places.mailbox(trusted) as box:
        box.mails = {
            4: whole.replace(b"The bank <mis@bank.example>", sender),
            5: whole,
        }

        assert followed(of_box(box))[::2] == ("done", 1)

    assert "mail 4 of localhost cannot be read" in caplog.text
    assert StatementFile.objects.get().name == "day1.sta"


def test_a_mail_that_is_too_large_does_not_hold_up_those_behind_it(trusted, settings) -> None:
    settings.PARTNER_REPORT_BYTES_MAX = 1_000
    with places.mailbox(trusted) as box:
        box.mails = {1: mail("day1.sta", FIRST * 20), 2: mail("day2.sta", SECOND)}
        box.mails[3] = mail("day3.sta", b"no statement")
        plan = of_box(box)
        fetch = fetching.follow(plan, asked_by="timetable")

        assert (fetch.state, fetch.new_count) == ("failed", 2)
        assert fetch.problem == "more than 2000 bytes, so not read: mail 1"
        assert set(StatementFile.objects.values_list("name", "state")) == {
            ("day2.sta", "loaded"), ("day3.sta", "refused"),
        }  # fmt: skip

        box.asked.clear()
        assert fetching.follow(plan, asked_by="timetable").new_count == 0
        # The last one of a look that failed may have been taken half.
        assert [one for one in box.asked if "BODY" in one] == ["UID FETCH 3 (BODY.PEEK[])"]


def test_a_name_with_signs_that_no_row_holds_is_kept_without_them(trusted) -> None:
    told = mail("day1.sta", FIRST).replace(
        b'filename="day1.sta"', b"filename*=utf-8''day%001%0A.sta"
    )
    with places.mailbox(trusted) as box:
        box.mails = {1: told}
        one = of_box(box)

        assert followed(one)[::2] == ("done", 1)
        assert followed(one)[::2] == ("done", 0)

    assert FetchedFile.objects.get().name == "day1.sta"


def test_two_files_of_one_name_in_a_mail_are_both_loaded_once(trusted) -> None:
    made = EmailMessage()
    made["From"], made["Subject"] = "mis@bank.example", "Statement of account"
    for content in (FIRST, SECOND):
        made.add_attachment(content, maintype="text", subtype="x-sta", filename="day.sta")
    with places.mailbox(trusted) as box:
        box.mails = {1: made.as_bytes(), 2: mail("day3.sta", b"nonsense")}
        one, box.breaks_at = of_box(box, pattern="*"), "FETCH 2 (BODY"
        assert followed(one)[::2] == ("failed", 2)
        box.breaks_at = ""
        assert followed(one)[::2] == ("done", 1)

    outcomes = dict(FetchedFile.objects.values_list("name", "outcome"))
    assert outcomes == {"day.sta": "loaded", "day.sta (2)": "loaded", "day3.sta": "refused"}


def test_a_mailbox_that_cannot_prove_its_name_or_takes_no_password_fails(tmp_path, trusted) -> None:
    (tmp_path / "else").mkdir()
    _unknown, stranger = places.authority(tmp_path / "else")
    with places.mailbox(stranger) as box:
        fetch = fetching.follow(of_box(box), asked_by="timetable")
        assert (fetch.state, "CERTIFICATE_VERIFY_FAILED" in fetch.problem) == ("failed", True)
    with places.mailbox(trusted) as box:
        FetchPlan.objects.update(address=f"imaps://localhost:{box.port}/INBOX")
        secrets.put(days.bank(), name="fetch", value="another one", by="command")
        fetch = fetching.follow(FetchPlan.objects.get(), asked_by="timetable")
        assert fetch.state == "failed"
        assert "another one" not in fetch.problem


# ---- HTTPS ----


def test_the_file_of_each_day_is_loaded_once_and_a_changed_one_again(trusted) -> None:
    with places.web(trusted) as server:
        server.pages = {"/out/2026-08-18.sta": FIRST, "/out/2026-08-19.sta": SECOND}
        one = plan("https", f"https://localhost:{server.port}/out/{{day}}.sta", days_back=2)

        assert followed(one) == ("done", 2, 2)
        assert followed(one) == ("done", 2, 0)
        server.pages["/out/2026-08-19.sta"] = days.of_day(days.MON, [7_000])
        assert followed(one) == ("done", 2, 1)

    assert [path for path, _who in server.asked[:3]] == [
        "/out/2026-08-17.sta",
        "/out/2026-08-18.sta",
        "/out/2026-08-19.sta",
    ]
    assert {who for _path, who in server.asked} == {"Basic Y3NwZGNsOnRoZSBzZWNyZXQgb2YgYSB0ZXN0"}
    assert StatementFile.objects.count() == 3


def test_a_web_server_that_is_ill_or_unknown_to_our_authorities_fails(trusted, settings) -> None:
    with places.web(trusted) as server:
        server.pages, server.status = {"/x.sta": FIRST}, 503
        one = plan("https", f"https://localhost:{server.port}/x.sta")
        assert fetching.follow(one, asked_by="timetable").problem.endswith(
            "answered 503 for 2026-08-19"
        )

        http._context.cache_clear()
        settings.PARTNER_CA_FILE = ""
        assert followed(one)[0] == "failed"

    assert not StatementFile.objects.exists()


# ---- when, and what is told ----


def test_a_plan_is_due_by_its_clock() -> None:
    often = plan("sftp", "sftp://localhost/", host_key="k")
    daily = plan("https", "https://localhost/", at=time(11), every_minutes=None)
    assert fetching.due_plans() == [often, daily]

    for one in (often, daily):
        moment = now()
        Fetch.objects.create(
            plan=one, asked_by="timetable", state="done", started_at=moment, ended_at=moment
        )
    assert fetching.due_plans() == []

    with time_machine.travel("2026-08-19 12:11:00+05:30"):
        assert fetching.due_plans() == [often]
    with time_machine.travel("2026-08-20 10:59:00+05:30"):
        assert daily not in fetching.due_plans()
    with time_machine.travel("2026-08-20 11:01:00+05:30"):
        assert daily in fetching.due_plans()
        FetchPlan.objects.update(is_active=False)
        assert fetching.due_plans() == []


def test_one_fetch_at_a_time_and_a_dead_one_gives_way() -> None:
    one = plan("https", "https://localhost:9/x")
    with time_machine.travel(NOON, tick=False):
        running = Fetch.objects.create(plan=one, asked_by="timetable")
        with pytest.raises(fetching.AlreadyFetching):
            fetching.follow(one, asked_by="timetable")

    with time_machine.travel("2026-08-19 13:01:00+05:30", tick=False):
        assert fetching.follow(one, asked_by="timetable").state == "failed"
    running.refresh_from_db()
    assert (running.state, running.problem) == ("failed", "its process died")


def test_three_failures_in_a_row_call_somebody_and_a_success_takes_it_back(trusted) -> None:
    with places.web(trusted) as server:
        one = plan("https", f"https://localhost:{server.port}/x.sta")
        server.pages, server.status = {"/x.sta": FIRST}, 500
        for _n in range(2):
            followed(one)
        assert not Alarm.objects.exists()
        followed(one)
        assert Alarm.objects.get(cleared_at=None).kind == "fetch"
        server.status = 200
        followed(one)

    assert Alarm.objects.get().cleared_at is not None


def test_the_alarm_stands_while_another_plan_of_the_source_fails(trusted) -> None:
    ill = plan("sftp", "sftp://localhost:9/", host_key="k")
    for _n in range(3):
        followed(ill)
    with places.web(trusted) as server:
        server.pages = {"/x.sta": FIRST}
        well = plan("https", f"https://localhost:{server.port}/x.sta")

        followed(well)
        assert Alarm.objects.get().cleared_at is None
        FetchPlan.objects.filter(pk=ill.pk).update(is_active=False)
        followed(well)

    assert Alarm.objects.get().cleared_at is not None


def test_an_error_that_nobody_expected_calls_somebody_too() -> None:
    one = plan("https", "https://localhost:9/{day.nothing}.sta")

    for _n in range(3):
        with pytest.raises(AttributeError):
            fetching.follow(one, asked_by="timetable")

    assert Fetch.objects.latest("id").problem == "its process failed"
    assert Alarm.objects.get(cleared_at=None).detail == "https: its process failed"


def test_bytes_are_wiped_when_their_retention_ends_and_nobody_else_needs_them(trusted) -> None:
    with places.web(trusted) as server:
        server.pages = {"/x.sta": FIRST}
        one = plan("https", f"https://localhost:{server.port}/x.sta", keep_days=30)
        followed(one)
        server.pages = {"/x.sta": SECOND}
        followed(one)
    first, second = StatementFile.objects.order_by("id")
    StatementFile.objects.create(  # the same bytes were tried by hand
        bank_account=days.bank(), sha256=second.sha256, name="x", size=1, format="", state="refused"
    )

    assert retention.wipe() == 0
    with time_machine.travel("2026-09-20 12:00:00+05:30"):
        assert retention.wipe() == 1
        assert retention.wipe() == 0

    assert not kept_files.path_of(first).exists()
    assert kept_files.path_of(second).exists()
    assert FetchedFile.objects.exclude(wiped_at=None).get().sha256 == first.sha256
    assert Entry.objects.count() == 2


def fetched_once(trusted: Any, *contents: bytes) -> FetchPlan:
    """A plan of thirty days that has fetched these files."""
    with places.web(trusted) as server:
        one = plan("https", f"https://localhost:{server.port}/x.sta", keep_days=30)
        for content in contents:
            server.pages = {"/x.sta": content}
            followed(one)
    return one


def wiped_after_retention() -> int:
    with time_machine.travel("2026-09-20 12:00:00+05:30"):
        return retention.wipe()


def test_bytes_that_were_handed_in_before_they_were_fetched_stay(trusted) -> None:
    by_hand = days.load(FIRST)
    fetched_once(trusted, FIRST)

    assert FetchedFile.objects.get().outcome == "known"
    assert wiped_after_retention() == 0
    assert kept_files.path_of(by_hand).exists()


def test_bytes_that_were_handed_in_stay_where_a_look_has_no_file_of_them(trusted) -> None:
    fetched_once(trusted, FIRST)
    StatementFile.objects.create(
        bank_account=days.bank(), sha256=FetchedFile.objects.get().sha256, name="x", size=1,
        format="", state="refused",
    )  # fmt: skip
    FetchedFile.objects.update(file=None, outcome="refused")

    assert wiped_after_retention() == 0


def test_bytes_that_a_mapping_has_for_its_sample_stay(trusted, users) -> None:
    fetched_once(trusted, FIRST)
    mappings.begin(days.bank(), io.BytesIO(FIRST), name="s", maker=users["finance_officer"])

    assert wiped_after_retention() == 0
    assert kept_files.path_of(StatementFile.objects.get()).exists()


def test_bytes_that_stay_do_not_keep_those_behind_them(trusted, monkeypatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    days.load(FIRST)
    fetched_once(trusted, FIRST, SECOND)

    assert wiped_after_retention() == 1
    assert FetchedFile.objects.get(wiped_at=None).outcome == "known"


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ({"host_key": ""}, "fetch_plan_knows_its_server"),
        ({"address": "ftp://localhost/"}, "fetch_plan_knows_its_server"),
        ({"at": time(9)}, "fetch_plan_has_one_clock"),
        ({"every_minutes": None}, "fetch_plan_has_one_clock"),
        ({"bank_account": None}, "fetch_plan_has_one_source"),
    ],
)
def test_the_database_refuses_a_plan_that_cannot_be_followed(change, law) -> None:
    one = plan("sftp", "sftp://localhost/out", host_key="ssh-ed25519 AAAA")

    with pytest.raises(IntegrityError, match=law), transaction.atomic():
        FetchPlan.objects.filter(pk=one.pk).update(**change)
