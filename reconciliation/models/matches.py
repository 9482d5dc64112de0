"""What explains each other."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from reconciliation.models.books import Entry, Leg, Stage
from reconciliation.models.rules import Rule
from reconciliation.models.runs import Run


class Match(models.Model):
    """Entries that explain each other, with the rule or the decision that says so."""

    class Kind(models.TextChoices):
        RULE = "rule", _("by rule")
        HAND = "hand", _("by hand")
        WRITE_OFF = "write_off", _("written off")

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.RULE)
    stage = models.CharField(max_length=8, choices=Stage)
    leg = models.CharField(max_length=16, choices=Leg)
    run = models.ForeignKey(
        Run, on_delete=models.PROTECT, null=True, related_name="matches", db_constraint=False
    )
    rule = models.ForeignKey(
        Rule,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    decision = models.ForeignKey(
        "Decision", on_delete=models.PROTECT, null=True, related_name="matches", db_index=False
    )
    matched_on = (
        models.DateField()
    )  # the latest business date of its entries: when both sides spoke
    difference_paise = models.BigIntegerField(
        default=0
    )  # left less right; not zero for rounding only
    undone_at = models.DateTimeField(null=True)  # undo never deletes

    class Meta:
        indexes = [
            models.Index(
                fields=["decision"], condition=Q(decision__isnull=False), name="match_by_decision"
            ),
            models.Index(
                fields=["undone_at"], condition=Q(undone_at__isnull=False), name="match_undone"
            ),
        ]

    def __str__(self) -> str:
        return f"match {self.pk}"


class MatchLine(models.Model):
    """One entry inside a match; live at most once per stage."""

    pk = models.CompositePrimaryKey("match_id", "entry_id")  # finds the lines of a match too
    match = models.ForeignKey(
        Match, on_delete=models.PROTECT, related_name="lines", db_constraint=False, db_index=False
    )
    entry = models.ForeignKey(
        Entry,
        on_delete=models.PROTECT,
        related_name="match_lines",
        db_constraint=False,
        db_index=False,
    )
    stage = models.CharField(max_length=8, choices=Stage)
    is_live = models.BooleanField(default=True)

    class Meta:
        constraints = [
            # One index a stage, over the entry alone: narrower, and half as dear to keep.
            models.UniqueConstraint(
                fields=["entry"],
                condition=Q(stage="channel", is_live=True),
                name="match_line_once_by_channel",
            ),
            models.UniqueConstraint(
                fields=["entry"],
                condition=Q(stage="bank", is_live=True),
                name="match_line_once_by_bank",
            ),
            models.CheckConstraint(
                condition=Q(stage__in=["channel", "bank"]), name="match_line_stage_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.match_id}: {self.entry_id}"
