"""What nobody could explain yet."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from channels_.models import BankAccount, Channel
from cspdcl.kernel.clock import now
from reconciliation.models.books import Book, Entry, Leg, Reason, Stage
from reconciliation.models.runs import Run


class Break(models.Model):
    """Entries that a finished run could not explain, with the reason."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")

    public_id = models.CharField(max_length=32, unique=True)  # for addresses: no sequence outside
    stage = models.CharField(max_length=8, choices=Stage)
    leg = models.CharField(max_length=16, choices=Leg)
    reason = models.CharField(max_length=24, choices=Reason)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    book = models.CharField(max_length=8, choices=Book)  # who says the thing that is unexplained
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, null=True, related_name="breaks")
    bank_account = models.ForeignKey(
        BankAccount, on_delete=models.PROTECT, null=True, related_name="breaks"
    )
    reference = models.CharField(max_length=64)  # what a person would search for
    subject_key = models.CharField(max_length=160)  # the same break found again by a later run
    amount_paise = models.BigIntegerField()  # the money at stake, positive
    business_date = models.DateField()
    facts = models.JSONField(default=dict)  # what explain.py turns into a sentence
    opened_by = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="opened_breaks")
    opened_at = models.DateTimeField(default=now)
    closed_at = models.DateTimeField(null=True)
    closed_why = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["stage", "subject_key"], condition=Q(state="open"), name="break_open_once"
            ),
            models.CheckConstraint(
                condition=Q(reason__in=Reason.values), name="break_reason_known"
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at__isnull=True)
                | Q(state="closed", closed_at__isnull=False),
                name="break_closed_iff_dated",
            ),
        ]
        indexes = [models.Index(fields=["state", "business_date"], name="break_by_day")]

    def __str__(self) -> str:
        return f"{self.reason} {self.reference}"


class BreakLine(models.Model):
    """One entry inside a break; it stays when the break closes, as its evidence."""

    open_break = models.ForeignKey(Break, on_delete=models.CASCADE, related_name="lines")
    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, related_name="break_lines", db_constraint=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["open_break", "entry"], name="break_line_once")
        ]

    def __str__(self) -> str:
        return f"{self.open_break_id}: {self.entry_id}"
