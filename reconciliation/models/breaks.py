"""What nobody could explain yet."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from attachments.models import Attachment
from channels_.models import BankAccount, Channel
from cspdcl.kernel.clock import now, today
from outgoing.models import Outgoing
from reconciliation.models.books import Book, Entry, Leg, Reason, Stage
from reconciliation.models.runs import Run


class Break(models.Model):
    """Entries that a finished run could not explain, with the reason."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")

    class Parked(models.TextChoices):
        """Why an open break is not worked on now."""

        NOT = "", _("no")
        TIMING = "timing", _("will come by a date")
        SUSPENSE = "suspense", _("in suspense")

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
    # What people agree about it. The defaults are the database's, because runs insert by SQL.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    due_on = models.DateField(null=True)  # empty: by the term of its reason
    parked = models.CharField(
        max_length=8, choices=Parked, default=Parked.NOT, db_default="", blank=True
    )
    parked_until = models.DateField(null=True)  # the last day it may come

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
            models.CheckConstraint(
                condition=Q(parked="timing", parked_until__isnull=False)
                | Q(parked__in=["", "suspense"], parked_until__isnull=True),
                name="break_parked_until_iff_timing",
            ),
        ]
        indexes = [models.Index(fields=["state", "business_date"], name="break_by_day")]

    def __str__(self) -> str:
        return f"{self.reason} {self.reference}"

    @property
    def is_parked(self) -> bool:
        """Whether it waits now: what should have come until a day that has passed waits no more."""
        return self.parked == self.Parked.SUSPENSE or (
            self.parked_until is not None and self.parked_until >= today()
        )


class BreakNote(models.Model):
    """What somebody says about a break, with a paper if there is one. Append-only by trigger."""

    open_break = models.ForeignKey(Break, on_delete=models.PROTECT, related_name="notes")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=now)
    words = models.CharField(max_length=1000)
    paper = models.ForeignKey(Attachment, on_delete=models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.open_break_id}: {self.words[:40]}"


class BreakTerm(models.Model):
    """Within how many working days breaks of a reason should be explained, and who hears else."""

    reason = models.CharField(max_length=24, choices=Reason, unique=True)
    working_days = models.PositiveSmallIntegerField()
    escalate_to = models.CharField(max_length=24)  # the code of a role

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(reason__in=Reason.values), name="break_term_reason_known"
            ),
            models.CheckConstraint(
                condition=Q(working_days__lte=250), name="break_term_within_a_year"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason}: {self.working_days}"


class SavedFilter(models.Model):
    """A way to narrow the list of breaks that a person wants to have at hand."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_filters"
    )
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=1000)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="saved_filter_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class BreakLetter(models.Model):
    """What we asked a channel or bank about a break, or hold against it, and what it answered."""

    class Kind(models.TextChoices):
        QUESTION = "question", _("question")
        DISPUTE = "dispute", _("dispute")

    class State(models.TextChoices):
        SENT = "sent", _("waits for an answer")
        ANSWERED = "answered", _("answered")
        WITHDRAWN = "withdrawn", _("withdrawn")

    public_id = models.CharField(max_length=32, unique=True)
    open_break = models.ForeignKey(Break, on_delete=models.PROTECT, related_name="letters")
    kind = models.CharField(max_length=8, choices=Kind)
    state = models.CharField(max_length=9, choices=State, default=State.SENT)
    words = models.CharField(max_length=200)
    outgoing = models.ForeignKey(Outgoing, on_delete=models.PROTECT, related_name="+")
    decision = models.ForeignKey(  # of a dispute: the two persons who wanted it
        "Decision", on_delete=models.PROTECT, null=True, related_name="letters"
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=now)
    answer = models.CharField(max_length=1000, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="sent", answered_by__isnull=True, answered_at__isnull=True)
                | ~Q(state="sent") & Q(answered_by__isnull=False, answered_at__isnull=False),
                name="break_letter_ended_by_somebody",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.open_break_id}"


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
