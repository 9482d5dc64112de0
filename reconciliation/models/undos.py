"""What is told back: a match, a decision, a file or a whole run."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from channels_.models import StatementFile
from cspdcl.kernel.clock import now
from reconciliation.models.decisions import Decision
from reconciliation.models.matches import Match
from reconciliation.models.runs import Run


class Undo(models.Model):
    """One thing that a person wants told back, and what a second person says to it.

    Undo marks and adds, it never deletes. What it did is counted here.
    """

    class Kind(models.TextChoices):
        MATCH = "match", _("a match")
        DECISION = "decision", _("a decision")
        FILE = "file", _("a file")
        RUN = "run", _("a run")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a second person")
        APPROVED = "approved", _("approved, waits for the worker")
        DONE = "done", _("done")
        REJECTED = "rejected", _("rejected")
        REFUSED = "refused", _("could not be done")

    public_id = models.CharField(max_length=32, unique=True)
    kind = models.CharField(max_length=8, choices=Kind)
    state = models.CharField(max_length=8, choices=State, default=State.PROPOSED)
    target = models.CharField(max_length=200)  # what names the thing: one waits at a time
    title = models.CharField(max_length=200)  # the same for people
    match = models.ForeignKey(
        Match, on_delete=models.PROTECT, null=True, related_name="+", db_constraint=False
    )
    decision = models.ForeignKey(
        Decision, on_delete=models.PROTECT, null=True, related_name="undos"
    )
    file = models.ForeignKey(
        StatementFile, on_delete=models.PROTECT, null=True, related_name="undos"
    )
    run = models.ForeignKey(Run, on_delete=models.PROTECT, null=True, related_name="undos")
    match_count = models.BigIntegerField()  # as it stood when it was proposed
    entry_count = models.BigIntegerField()
    amount_paise = models.BigIntegerField()
    why = models.CharField(max_length=300)
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=now)
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    checked_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=300, blank=True)
    done_at = models.DateTimeField(null=True)  # also the ``undone_at`` of what it marked
    done_matches = models.BigIntegerField(default=0)
    done_entries = models.BigIntegerField(default=0)  # of a file: lines that left the books
    done_paise = models.BigIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(checker__isnull=True) | ~Q(maker=F("checker")),
                name="undo_maker_is_not_checker",
            ),
            models.CheckConstraint(
                condition=Q(state="proposed", checker__isnull=True, checked_at__isnull=True)
                | ~Q(state="proposed") & Q(checker__isnull=False, checked_at__isnull=False),
                name="undo_checked_iff_decided",
            ),
            models.CheckConstraint(
                condition=Q(state="done", done_at__isnull=False)
                | ~Q(state="done") & Q(done_at__isnull=True),
                name="undo_done_iff_dated",
            ),
            models.CheckConstraint(
                condition=Q(kind="match", match__isnull=False, decision__isnull=True)
                & Q(file__isnull=True, run__isnull=True)
                | Q(kind="decision", match__isnull=True, decision__isnull=False)
                & Q(file__isnull=True, run__isnull=True)
                | Q(kind="file", match__isnull=True, decision__isnull=True)
                & Q(file__isnull=False, run__isnull=True)
                | Q(kind="run", match__isnull=True, decision__isnull=True)
                & Q(file__isnull=True, run__isnull=False),
                name="undo_is_of_one_thing",
            ),
            models.UniqueConstraint(
                fields=["target"],
                condition=Q(state__in=["proposed", "approved"]),
                name="undo_one_under_way",
            ),
        ]
        indexes = [
            models.Index(fields=["done_at"], condition=Q(done_at__isnull=False), name="undo_done")
        ]

    def __str__(self) -> str:
        return f"undo {self.target}"
