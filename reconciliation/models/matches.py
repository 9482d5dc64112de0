"""What explains each other."""

from django.contrib.postgres.indexes import BrinIndex
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
        Run,
        on_delete=models.PROTECT,
        null=True,
        related_name="matches",
        db_constraint=False,
        db_index=False,
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
    # Of a pair, the receipt and the channel's line: it has no parts, its one row says all.
    left = models.ForeignKey(
        Entry,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    right = models.ForeignKey(
        Entry,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )

    class Meta:
        constraints = [
            # Live pairs only; a trigger holds them against the parts of the same stage.
            models.UniqueConstraint(
                fields=["left"],
                condition=Q(left__isnull=False, undone_at__isnull=True),
                name="match_pair_once_by_left",
            ),
            models.UniqueConstraint(
                fields=["right"],
                condition=Q(right__isnull=False, undone_at__isnull=True),
                name="match_pair_once_by_right",
            ),
            models.CheckConstraint(
                condition=Q(left__isnull=True, right__isnull=True)
                | Q(left__isnull=False, right__isnull=False, stage="channel"),
                name="match_pair_is_whole",
            ),
        ]
        indexes = [
            # A run's matches are written together: ranges of pages find them.
            BrinIndex(fields=["run"], pages_per_range=32, autosummarize=True, name="match_by_run"),
            models.Index(
                fields=["decision"], condition=Q(decision__isnull=False), name="match_by_decision"
            ),
            models.Index(
                fields=["undone_at"], condition=Q(undone_at__isnull=False), name="match_undone"
            ),
        ]

    def __str__(self) -> str:
        return f"match {self.pk}"


class MatchPart(models.Model):
    """One entry of a match that is no pair; live at most once per stage."""

    pk = models.CompositePrimaryKey("match_id", "entry_id")  # finds the lines of a match too
    match = models.ForeignKey(
        Match, on_delete=models.PROTECT, related_name="parts", db_constraint=False, db_index=False
    )
    entry = models.ForeignKey(
        Entry,
        on_delete=models.PROTECT,
        related_name="match_parts",
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
            models.UniqueConstraint(
                fields=["entry"],
                condition=Q(stage="erp", is_live=True),
                name="match_line_once_by_erp",
            ),
            models.CheckConstraint(
                condition=Q(stage__in=["channel", "bank", "erp"]), name="match_line_stage_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.match_id}: {self.entry_id}"


class MatchLine(models.Model):
    """One entry inside a match, pair or not: the view through which everybody reads.

    What is added here becomes a part; what is no longer live here is marked where it stands.
    """

    pk = models.CompositePrimaryKey("match_id", "entry_id")
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
        managed = False
        db_table = "reconciliation_matchline"

    def __str__(self) -> str:
        return f"{self.match_id}: {self.entry_id}"


class UndoneMatch(models.Model):
    """A match that was undone since the last run; the next run opens its entries again.

    A trigger adds it, whoever undoes; a run takes it out.
    """

    match = models.OneToOneField(
        Match, on_delete=models.PROTECT, primary_key=True, related_name="+", db_constraint=False
    )

    def __str__(self) -> str:
        return f"undone: {self.match_id}"
