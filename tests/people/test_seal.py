"""The audit trail: what is altered is found, whoever has the password of the database."""

import json

import pytest
import time_machine
from django.core.management import call_command
from django.db import IntegrityError, InternalError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from people import audit
from people.audit_verify import canonical, verify
from people.models import AuditAnchor, AuditEvent, AuditHead

pytestmark = pytest.mark.django_db


def events(count: int = 5) -> None:
    for number in range(count):
        audit.record(
            "asha", "rule.changed", ("rule", f"r{number}"), before={"n": number}, after={"n": -1}
        )


def sql(statement: str, *values: int) -> None:
    """As somebody who owns the tables would: past every guard."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE people_auditevent DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE people_auditanchor DISABLE TRIGGER USER")
        cursor.execute(statement, values)
        cursor.execute("ALTER TABLE people_auditevent ENABLE TRIGGER USER")
        cursor.execute("ALTER TABLE people_auditanchor ENABLE TRIGGER USER")


def reseal() -> None:
    """Chain everything again from the start, as a forger with the database would."""
    sql("UPDATE people_auditevent SET seq = NULL, prev_hash = NULL, hash = NULL")
    AuditHead.objects.all().delete()
    audit.seal()


@pytest.fixture
def sealed() -> None:
    events()
    audit.anchor()
    assert verify().is_well


def test_an_untouched_trail_is_well_and_says_so() -> None:
    events(3)
    assert audit.seal(2) == 2
    events(1)

    verdict = verify()

    assert verdict.is_well
    assert (verdict.events, verdict.sealed_to, verdict.unsealed, verdict.anchors) == (4, 2, 2, 0)
    assert verdict.sentence == (
        "4 events, sealed up to number 2, 2 not yet sealed, 0 anchors checked: nothing was altered."
    )


def test_an_empty_trail_is_well() -> None:
    assert audit.seal() == 0
    assert audit.anchor() is None
    assert verify().is_well


def test_more_events_than_a_page_are_walked(monkeypatch) -> None:
    monkeypatch.setattr("people.audit_verify._PAGE", 2)
    events(7)
    audit.seal()

    assert verify().sealed_to == 7


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "'nobody'"),
        ("action", "'rule.kept'"),
        ("object_type", "'office'"),
        ("object_id", "'r9'"),
        ("at", "at - interval '1 microsecond'"),
        ("payload", """'{"after": {"n": 1}}'"""),
        ("hash", "sha256('x')"),
        ("prev_hash", "sha256('x')"),
        ("seq", "99"),
    ],
)
def test_an_edited_event_is_found(sealed: None, column: str, value: str) -> None:
    sql(f"UPDATE people_auditevent SET {column} = {value} WHERE seq = 3")  # noqa: S608

    assert not verify().is_well


def test_the_first_fault_is_named(sealed: None) -> None:
    sql("UPDATE people_auditevent SET actor = 'nobody' WHERE seq IN (3, 4)")

    assert verify().fault == "event 3 was altered: its content does not give its hash"


def test_another_office_is_found(sealed: None, offices) -> None:
    sql("UPDATE people_auditevent SET office_id = %s WHERE seq = 3", offices["Z1"].pk)

    assert not verify().is_well


@pytest.mark.parametrize("seq", [1, 3, 5])
def test_a_deleted_event_is_found(sealed: None, seq: int) -> None:
    sql("DELETE FROM people_auditevent WHERE seq = %s", seq)

    assert not verify().is_well


def test_two_swapped_events_are_found(sealed: None) -> None:
    sql("UPDATE people_auditevent SET seq = 6 - seq + 100 WHERE seq IN (2, 4)")
    sql("UPDATE people_auditevent SET seq = seq - 100 WHERE seq > 100")

    assert not verify().is_well


def test_a_cut_tail_is_found_by_the_head(sealed: None) -> None:
    sql("DELETE FROM people_auditevent WHERE seq > 3")

    assert "saw 5 events, but the chain ends at 3" in verify().fault


def test_a_cut_tail_with_a_rewritten_head_is_found_by_the_anchor(sealed: None) -> None:
    sql("DELETE FROM people_auditevent WHERE seq > 3")
    last = AuditEvent.objects.get(seq=3)
    AuditHead.objects.filter(pk=1).update(seq=3, hash=last.hash)

    assert "saw 5 events, but the chain ends at 3" in verify().fault


def test_a_trail_chained_anew_is_found_by_the_anchor(sealed: None) -> None:
    sql("UPDATE people_auditevent SET actor = 'nobody' WHERE seq = 2")
    reseal()

    assert "was rewritten" in verify().fault


def test_a_trail_chained_anew_without_its_anchors_is_found_by_the_file(sealed: None) -> None:
    sql("UPDATE people_auditevent SET actor = 'nobody' WHERE seq = 2")
    sql("DELETE FROM people_auditanchor")
    reseal()

    assert "the anchor in the file" in verify().fault


def test_a_truncated_trail_is_found(sealed: None) -> None:
    sql("TRUNCATE people_auditevent")
    AuditHead.objects.all().delete()

    assert "but the chain ends at 0" in verify().fault


def test_a_lost_head_is_a_fault_and_sealing_stops(sealed: None) -> None:
    AuditHead.objects.all().delete()
    events(1)

    with pytest.raises(InternalError), transaction.atomic():
        audit.seal()

    assert verify().fault == "the head of the chain is missing"


def test_an_event_dated_back_is_found() -> None:
    with time_machine.travel("2026-08-03 10:00", tick=False):
        events(2)
        audit.anchor()
    with time_machine.travel("2026-08-03 08:30", tick=False):
        events(1)
    with time_machine.travel("2026-08-03 12:00", tick=False):
        audit.seal()

    assert "event 3 is back-dated" in verify().fault


def test_an_event_dated_ahead_is_found() -> None:
    with time_machine.travel("2026-08-04 10:00", tick=False):
        events(1)
    with time_machine.travel("2026-08-03 10:00", tick=False):
        audit.anchor()

    assert "after the anchor that already saw it" in verify().fault


def test_a_forged_anchor_is_found(sealed: None, anchor_file) -> None:
    line = json.loads(anchor_file.read_text())
    anchor_file.write_text(json.dumps(line | {"seq": 4}) + "\n")

    assert not verify().is_well


def test_an_anchor_gone_from_the_file_is_found(sealed: None, anchor_file) -> None:
    anchor_file.write_text("")
    assert "is gone from the anchor file" in verify().fault

    anchor_file.unlink()
    assert "is missing" in verify().fault


def test_anchors_of_a_replaced_key_are_believed(sealed: None, settings) -> None:
    old = audit.public_key()
    settings.AUDIT_SIGNING_KEY = "A" * 43 + "="
    assert "unknown key" in verify().fault

    settings.AUDIT_OLD_PUBLIC_KEYS = [old]

    assert verify().is_well


def test_an_anchor_is_made_once_for_the_same_chain(sealed: None, anchor_file) -> None:
    assert audit.anchor() is None
    assert AuditAnchor.objects.count() == len(anchor_file.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE people_auditevent SET actor = 'nobody'",
        "UPDATE people_auditevent SET seq = seq + 1",
        "DELETE FROM people_auditevent",
        "TRUNCATE people_auditevent",
        "UPDATE people_auditanchor SET seq = 1",
        "DELETE FROM people_auditanchor",
        "TRUNCATE people_auditanchor",
        (
            "INSERT INTO people_auditevent (at, actor, action, object_type, object_id, payload, "
            "seq, prev_hash, hash) VALUES (now(), 'a', 'b', 'c', 'd', '{}', 9, '', '')"
        ),
    ],
)
def test_the_database_refuses_to_alter_the_trail(
    sealed: None, truncate_refused: None, statement: str
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert verify().is_well


def test_an_event_that_waits_for_its_seal_cannot_change_either() -> None:
    events(1)

    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEvent.objects.update(actor="nobody")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_canonical_json_is_what_the_database_hashes(value) -> None:
    plain = audit._plain({"x": value})
    with connection.cursor() as cursor:
        cursor.execute("SELECT (%s::jsonb)::text", [json.dumps(plain)])
        assert cursor.fetchone()[0] == canonical(plain)


def test_the_command_ends_with_one_when_something_is_wrong(sealed: None, capsys) -> None:
    call_command("audit_verify", "--json")
    assert json.loads(capsys.readouterr().out)["ok"] is True

    sql("DELETE FROM people_auditevent WHERE seq = 2")
    with pytest.raises(SystemExit, match="1"):
        call_command("audit_verify")

    assert "event 2 is missing: after 1 comes 3." in capsys.readouterr().out
