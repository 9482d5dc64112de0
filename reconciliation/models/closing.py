"""Closed days: signed versions, and what makes the next one."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cspdcl.kernel.clock import now
from reconciliation.models.runs import Run


class DayClose(models.Model):
    """One version of a closed business date: what was proved, who answers for it, signed.

    What touches the day afterwards makes the next version; a closed one is never altered. The
    database refuses any change but the steps proposed -> closed -> superseded, and withdrawn.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a second person")
        CLOSED = "closed", _("closed")
        SUPERSEDED = "superseded", _("restated since")
        WITHDRAWN = "withdrawn", _("not signed")

    business_date = models.DateField()
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300)
    facts = models.JSONField()  # certificates.py says what; final with the signature
    maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )  # nobody: the system proposes restatements
    made_at = models.DateTimeField(default=now)
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    answer = models.CharField(max_length=300, blank=True)
    closed_at = models.DateTimeField(null=True)
    content_hash = models.CharField(max_length=64, blank=True)
    key_id = models.CharField(max_length=16, blank=True)
    signature = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["business_date", "version"],
                condition=~Q(state="withdrawn"),
                name="day_close_version_once",
            ),
            models.UniqueConstraint(
                fields=["business_date"], condition=Q(state="closed"), name="day_close_one_live"
            ),
            models.UniqueConstraint(
                fields=["business_date"],
                condition=Q(state="proposed"),
                name="day_close_one_proposed",
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="day_close_version_counts"),
            models.CheckConstraint(
                condition=Q(checker__isnull=True) | Q(maker__isnull=True) | ~Q(maker=F("checker")),
                name="day_close_maker_is_not_checker",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["closed", "superseded"], checker__isnull=False)
                & Q(closed_at__isnull=False, signature__isnull=False)
                & ~Q(content_hash="")
                & ~Q(key_id="")
                | Q(state__in=["proposed", "withdrawn"], closed_at__isnull=True)
                & Q(signature__isnull=True, content_hash="", key_id=""),
                name="day_close_signed_iff_closed",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """What names the certificate to people: ``DC-2026-08-17-1``."""
        return f"DC-{self.business_date.isoformat()}-{self.version}"


class DayCause(models.Model):
    """Something that touches a day after it was closed: why the day is stated anew."""

    class Kind(models.TextChoices):
        FILE = "file", _("late file")
        RECEIPT = "receipt", _("late receipt")
        DISHONOUR = "dishonour", _("dishonoured cheque")
        UNDONE = "undone", _("match undone")
        CORRECTION = "correction", _("correction")

    business_date = models.DateField()
    kind = models.CharField(max_length=10, choices=Kind)
    key = models.CharField(max_length=160)  # the same cause found again is the same row
    reference = models.CharField(max_length=200)
    amount_paise = models.BigIntegerField()
    count = models.PositiveIntegerField(default=1)  # how many lines
    at = models.DateTimeField()
    facts = models.JSONField(default=dict)
    found_at = models.DateTimeField(default=now)
    stated_by = models.ForeignKey(
        DayClose, on_delete=models.PROTECT, null=True, related_name="causes"
    )  # the version that lists it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["business_date", "kind", "key"], name="day_cause_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["file", "receipt", "dishonour", "undone", "correction"]),
                name="day_cause_kind_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["business_date"],
                condition=Q(stated_by__isnull=True),
                name="day_cause_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.business_date} {self.kind} {self.reference}"
