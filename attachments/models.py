"""Scanned or photographed proof: what it is, where it stands, and its sealed picture."""

from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cspdcl.kernel.clock import now
from people.models import Office


class Kind(models.TextChoices):
    """What the paper is."""

    INSTRUMENT_FRONT = "instrument_front", _("Front of the instrument")
    INSTRUMENT_BACK = "instrument_back", _("Back of the instrument")
    DEPOSIT_SLIP = "deposit_slip", _("Deposit slip with the bank's stamp")
    RETURN_MEMO = "return_memo", _("Return memo of the bank")
    OTHER = "other", _("Another paper")


class State(models.TextChoices):
    """Whether it may be shown; only what is clean ever is."""

    QUARANTINED = "quarantined", _("waits for the virus scanner")
    CLEAN = "clean", _("kept")
    REFUSED = "refused", _("not taken")
    INFECTED = "infected", _("harmful, removed")


class CameAs(models.TextChoices):
    """What was handed in, by its first bytes; what is kept is always a JPEG."""

    JPEG = "image/jpeg", "JPEG"
    PNG = "image/png", "PNG"
    PDF = "application/pdf", "PDF"


# A row is born in any state; only quarantine is ever left.
TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    State.QUARANTINED: frozenset({State.CLEAN, State.INFECTED}),
    State.CLEAN: frozenset(),
    State.REFUSED: frozenset(),
    State.INFECTED: frozenset(),
}


class Attachment(models.Model):
    """One picture of one paper. The same picture twice may be two papers, and is two rows."""

    public_id = models.UUIDField(default=uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)  # hex, of the bytes that were handed in
    byte_size = models.PositiveIntegerField()  # of the same
    came_as = models.CharField(max_length=20, choices=CameAs, blank=True)  # empty: none of them
    width = models.PositiveIntegerField(null=True)  # of the picture that is kept
    height = models.PositiveIntegerField(null=True)
    pages = models.PositiveSmallIntegerField(null=True)  # one below the other in the picture
    state = models.CharField(max_length=16, choices=State)
    reason = models.CharField(max_length=200, blank=True)  # a code, or the scanner's words
    scanned_at = models.DateTimeField(null=True)  # null: no scanner has spoken of it
    tried_at = models.DateTimeField(null=True)  # when a scanner was last asked in vain
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    uploaded_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="attachment_kind_known"),
            models.CheckConstraint(
                condition=Q(state__in=State.values), name="attachment_state_known"
            ),
            models.CheckConstraint(
                condition=Q(came_as__in=["", *CameAs.values]), name="attachment_came_as_known"
            ),
            models.CheckConstraint(
                condition=Q(
                    state=State.REFUSED, width__isnull=True, height__isnull=True, pages__isnull=True
                )
                # A comparison with nothing is no refusal to PostgreSQL: it is asked for by itself.
                | (
                    ~Q(state=State.REFUSED)
                    & Q(width__isnull=False, height__isnull=False, pages__isnull=False)
                    & Q(width__gt=0, height__gt=0, pages__gt=0)
                ),
                name="attachment_measured_unless_refused",
            ),
            models.CheckConstraint(
                condition=Q(state=State.CLEAN) | ~Q(reason=""), name="attachment_says_why_not"
            ),
        ]
        indexes = [
            models.Index(
                fields=["tried_at"],
                condition=Q(state=State.QUARANTINED),
                name="attachment_quarantined",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.public_id}"

    @property
    def is_shown(self) -> bool:
        """Whether the picture may be looked at."""
        return self.state == State.CLEAN


class AttachmentContent(models.Model):
    """The sealed bytes, apart from their row so that no list loads them."""

    attachment = models.OneToOneField(
        Attachment, on_delete=models.CASCADE, primary_key=True, related_name="content"
    )
    sealed = models.BinaryField()  # the JPEG
    sealed_small = models.BinaryField()  # the same, too small to read
    sealed_original = models.BinaryField(null=True)  # what a scanner still has to look at

    def __str__(self) -> str:
        return f"content of {self.attachment_id}"
