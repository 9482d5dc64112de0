"""Taking a paper, asking the scanner again, and looking: every write of attachments."""

import hashlib
import logging
from dataclasses import dataclass
from typing import ClassVar, Final

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from attachments import pictures, scanner
from attachments.models import TRANSITIONS, Attachment, AttachmentContent, Kind, State
from attachments.pictures import Picture
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError, Transient
from people import audit
from people.access import offices_of
from people.models import Office, User

AT_THE_WINDOW: Final = 4  # seconds that a person waits for the scanner; the sweep has more
IN_THE_SWEEP: Final = 60

log = logging.getLogger(__name__)


class NotYourOffice(DomainError):
    """Papers are kept for an office that the person works in."""

    code: ClassVar[str] = "attachment_not_your_office"


class Harmful(DomainError):
    """The virus scanner found something; the bytes are gone, the row stays."""

    code: ClassVar[str] = "attachment_harmful"


class NotShown(DomainError):
    """A paper that is not clean, or no longer opens, is shown to nobody."""

    code: ClassVar[str] = "attachment_not_shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """What became of the question to the scanner."""

    state: State
    reason: str = ""
    is_scanned: bool = False


def keep(upload: bytes, *, kind: Kind, office: Office, by: User) -> Attachment:
    """Redraw, scan and keep a paper; it is clean or quarantined. Call it outside a transaction.

    Raises NotTaken or Harmful: of both a row without content stays. A child process and the
    scanner work here, for seconds at worst: no lock may be held meanwhile.
    """
    if not offices_of(by).filter(pk=office.pk).exists():
        raise NotYourOffice(_("You do not work in the office of this paper."))
    row = Attachment(
        kind=Kind(kind),
        office=office,
        sha256=hashlib.sha256(upload).hexdigest(),
        byte_size=len(upload),
        came_as=pictures.type_of(upload) or "",
        uploaded_by=by,
    )
    try:
        picture = pictures.redraw(upload)
    except pictures.NotTaken as refusal:
        _add(row, _Verdict(state=State.REFUSED, reason=refusal.why), by=by)
        raise
    verdict = _ask_scanner(upload)
    _add(row, verdict, by=by, picture=picture, upload=upload)
    if verdict.state is State.INFECTED:
        raise Harmful(_harmful_words())
    return row


def see(attachment: Attachment, *, by: User) -> bytes:
    """The picture, for a person whose look is written into the audit trail."""
    picture = _open(attachment, "sealed")
    audit.record(by, "attachment.seen", attachment, office=attachment.office)
    return picture


def see_small(attachment: Attachment) -> bytes:
    """The picture too small to read; such a look is not noted."""
    return _open(attachment, "sealed_small")


def scan_again(limit: int = 50) -> int:
    """Ask the scanner about what is quarantined, the longest untried first; say how many left it.

    Two at once ask twice and change it once. Without a scanner nothing is asked, and nothing is
    let out either: what a scanner should have seen waits for one.
    """
    if not scanner.is_configured():
        return 0
    waiting = Attachment.objects.filter(state=State.QUARANTINED)
    due = waiting.order_by(F("tried_at").asc(nulls_first=True), "pk").values_list("pk", flat=True)
    settled = 0
    for pk in list(due[:limit]):
        try:
            found = scanner.scan(_original(pk), seconds=IN_THE_SWEEP)
        except scanner.ScannerUnsure as trouble:
            _note_trouble(pk, trouble)
        except scanner.ScannerDown as trouble:
            _note_trouble(pk, trouble)
            break  # the next one would find it no better
        except AttachmentContent.DoesNotExist:
            continue  # settled meanwhile
        else:
            settled += _settle(pk, found=found)
    return settled


# ---- helpers ----


def _ask_scanner(upload: bytes) -> _Verdict:
    """The scanner sees what came, not what we drew of it: that is what might be harmful."""
    if not scanner.is_configured():
        return _Verdict(state=State.CLEAN)
    try:
        found = scanner.scan(upload, seconds=AT_THE_WINDOW)
    except Transient as trouble:
        return _Verdict(state=State.QUARANTINED, reason=_short(trouble))
    state = State.INFECTED if found else State.CLEAN
    return _Verdict(state=state, reason=found, is_scanned=True)


@transaction.atomic
def _add(
    row: Attachment,
    verdict: _Verdict,
    *,
    by: User,
    picture: Picture | None = None,
    upload: bytes = b"",
) -> None:
    row.state, row.reason = verdict.state, verdict.reason
    row.scanned_at = now() if verdict.is_scanned else None
    row.tried_at = now() if verdict.state is State.QUARANTINED else None
    if picture is not None:
        row.width, row.height, row.pages = picture.width, picture.height, picture.pages
    row.save(force_insert=True)
    if picture is not None and verdict.state in (State.CLEAN, State.QUARANTINED):
        original = upload if verdict.state is State.QUARANTINED else None
        AttachmentContent.objects.create(
            attachment=row,
            sealed=_seal(row, "sealed", picture.picture),
            sealed_small=_seal(row, "sealed_small", picture.small),
            sealed_original=original and _seal(row, "sealed_original", original),
        )
    after = {"kind": row.kind, "sha256": row.sha256, "state": row.state, "reason": row.reason}
    audit.record(by, "attachment.added", row, after=after, office=row.office)
    log.info("attachment %s: %s %s", row.public_id, row.state, row.reason)


@transaction.atomic
def _settle(pk: int, *, found: str) -> bool:
    """Leave quarantine for good; false when somebody else was first."""
    row = Attachment.objects.select_for_update().get(pk=pk)
    to = State.INFECTED if found else State.CLEAN
    was = State(row.state)
    if to not in TRANSITIONS[was]:
        return False
    row.state, row.reason, row.scanned_at = to, found, now()
    row.save(update_fields=["state", "reason", "scanned_at"])
    content = AttachmentContent.objects.filter(attachment=row)
    if found:
        content.delete()
    else:
        content.update(sealed_original=None)
    audit.record(
        audit.SYSTEM,
        "attachment.scanned",
        row,
        before={"state": was},
        after={"state": to, "reason": found},
        office=row.office,
    )
    log.info("attachment %s: %s -> %s %s", row.public_id, was, to, found)
    return True


def _note_trouble(pk: int, trouble: Transient) -> None:
    waiting = Attachment.objects.filter(pk=pk, state=State.QUARANTINED)
    waiting.update(tried_at=now(), reason=_short(trouble))
    log.warning("attachment %s stays in quarantine: %s", pk, trouble)


def _original(pk: int) -> bytes:
    content = AttachmentContent.objects.select_related("attachment").get(
        attachment=pk, sealed_original__isnull=False
    )
    assert content.sealed_original is not None  # noqa: S101 - asked for above
    place = _place(content.attachment, "sealed_original")
    return crypto.unseal(content.sealed_original, place=place)


def _open(attachment: Attachment, column: str) -> bytes:
    if not attachment.is_shown:
        raise NotShown(_not_shown_words(State(attachment.state)))
    sealed = AttachmentContent.objects.values_list(column, flat=True).get(attachment=attachment)
    try:
        return crypto.unseal(sealed, place=_place(attachment, column))
    except crypto.Undecipherable as error:
        log.error("attachment %s does not open: %s", attachment.public_id, error)  # noqa: TRY400 - said whole
        raise NotShown(_("This paper does not open any more; tell the operator.")) from error


def _seal(row: Attachment, column: str, plain: bytes) -> bytes:
    return crypto.seal(plain, place=_place(row, column))


def _place(row: Attachment, column: str) -> str:
    """The column and the row: the picture of one cheque does not open under another."""
    return f"attachments_attachmentcontent.{column}:{row.public_id}"


def _short(trouble: Transient) -> str:
    return str(trouble)[:200]


def _not_shown_words(state: State) -> str:
    if state is State.QUARANTINED:
        return _("The virus scanner has not seen this paper yet; look again in a minute.")
    return _harmful_words() if state is State.INFECTED else _("This paper was not taken.")


def _harmful_words() -> str:
    return _("The virus scanner found something harmful in this file; it was not kept.")
