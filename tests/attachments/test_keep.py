"""A paper is kept sealed, once for each upload, for an office of who brought it."""

import pytest
from django.conf import settings as real
from django.db import IntegrityError, connection, transaction

from attachments import actions, pictures
from attachments.models import Attachment, AttachmentContent, Kind, State
from attachments.selectors import attachments_visible_to, quarantine
from cspdcl.kernel import crypto
from people.models import AuditEvent
from people.roles import ROLES
from tests.attachments import papers


@pytest.fixture
def kept(users, offices) -> Attachment:
    """A cheque that the clerk of zone Z1 took."""
    return actions.keep(
        papers.with_gps(), kind=Kind.INSTRUMENT_FRONT, office=offices["Z1"], by=users["clerk"]
    )


def test_without_a_scanner_a_paper_is_clean_at_once_and_says_that_none_saw_it(kept) -> None:
    assert (kept.state, kept.scanned_at) == (State.CLEAN, None)
    assert (kept.came_as, kept.width, kept.height, kept.pages) == ("image/jpeg", 300, 640, 1)
    assert kept.byte_size == len(papers.with_gps())
    assert quarantine() == (0, None)
    told = AuditEvent.objects.get(action="attachment.added")
    assert (told.actor, told.object_id) == ("clerk", str(kept.public_id))


def test_the_table_holds_nothing_that_reads_without_the_key(kept) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed, sealed_small FROM attachments_attachmentcontent")
        (sealed, small), *others = cursor.fetchall()

    assert not others
    for blob in (bytes(sealed), bytes(small)):
        assert b"\xff\xd8\xff" not in blob[:32]
        assert b"JFIF" not in blob
    assert actions.see_small(kept).startswith(b"\xff\xd8\xff")


def test_an_older_key_still_opens_and_a_lost_one_is_said(kept, users, settings) -> None:
    settings.FIELD_KEYS = f"2:{crypto.new_key()},{real.FIELD_KEYS.replace('2:', '9:')}"
    assert actions.see(kept, by=users["clerk"]).startswith(b"\xff\xd8\xff")

    settings.FIELD_KEYS = f"2:{crypto.new_key()}"
    with pytest.raises(actions.NotShown):
        actions.see(kept, by=users["clerk"])


def test_the_picture_of_one_paper_does_not_open_under_another(kept, users, offices) -> None:
    other = actions.keep(
        papers.jpeg(), kind=Kind.INSTRUMENT_FRONT, office=offices["Z1"], by=users["clerk"]
    )
    AttachmentContent.objects.filter(attachment=kept).update(sealed=other.content.sealed)

    with pytest.raises(actions.NotShown):
        actions.see(kept, by=users["clerk"])
    assert not AuditEvent.objects.filter(action="attachment.seen").exists()


def test_a_refused_file_leaves_a_row_and_no_bytes(users, offices) -> None:
    with pytest.raises(pictures.NotTaken):
        actions.keep(b"<svg/>", kind=Kind.OTHER, office=offices["Z1"], by=users["clerk"])

    row = Attachment.objects.get()
    assert (row.state, row.reason, row.came_as, row.width) == (State.REFUSED, "svg", "", None)
    assert not AttachmentContent.objects.exists()


def test_nobody_keeps_papers_for_an_office_of_others(users, offices) -> None:
    with pytest.raises(actions.NotYourOffice):
        actions.keep(papers.jpeg(), kind=Kind.OTHER, office=offices["Z2"], by=users["clerk"])

    assert not Attachment.objects.exists()


def test_who_sees_a_paper(kept, users, make_user, offices) -> None:
    elsewhere = make_user("elsewhere", "clerk", "supervisor", offices=(offices["Z2"],))
    above = make_user("above", "supervisor", offices=(offices["R1"],))

    seen = {code for code in ROLES if attachments_visible_to(users[code]).exists()}

    assert seen == {"clerk", "supervisor", "finance_officer", "finance_approver", "auditor"}
    assert attachments_visible_to(above).exists()
    assert not attachments_visible_to(elsewhere).exists()


@pytest.mark.parametrize(
    "change",
    [
        {"state": "lost"},
        {"state": State.INFECTED, "reason": ""},
        {"state": State.REFUSED, "reason": "svg"},
        {"width": None},
        {"kind": "selfie"},
        {"came_as": "text/html"},
    ],
)
def test_the_database_refuses_rows_that_cannot_be(kept, change: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Attachment.objects.filter(pk=kept.pk).update(**change)
