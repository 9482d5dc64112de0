"""What a run hands on to the next, so that none reads history: what is open, and sums by day.

Whatever is here can be made anew from entries and matches (``engine.reconcile(rebuild=True)``).
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from channels_.models import Channel
from reconciliation.models.books import Book, Entry, Stage


class OpenItem(models.Model):
    """An entry that the last run left unmatched in a stage.

    What matches in its first run never stands here; channel lines before the bank stand in
    ``OpenLines``.
    """

    pk = models.CompositePrimaryKey("entry_id", "stage")
    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    stage = models.CharField(max_length=8, choices=Stage)

    def __str__(self) -> str:
        return f"{self.stage}: {self.entry_id}"


class OpenLines(models.Model):
    """Lines of one settlement and day that no credit has paid yet, as one row.

    A settlement may have several: each run adds one for the lines that came since.
    """

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="+")
    settlement_ref = models.CharField(max_length=64, blank=True)
    utr = models.CharField(max_length=40, blank=True)
    business_date = models.DateField()
    due_on = models.DateField()  # the latest of them
    line_count = models.BigIntegerField()
    net_paise = models.BigIntegerField()
    line_hash = models.BigIntegerField()  # of their keys, in no order
    line_ids = ArrayField(models.BigIntegerField())

    class Meta:
        indexes = [models.Index(fields=["channel", "settlement_ref"], name="open_lines_by_name")]

    def __str__(self) -> str:
        return f"{self.settlement_ref} {self.business_date}: {self.line_count}"


class DayCell(models.Model):
    """What the day board shows of one channel and day, as of the last run: sums a page can read.

    Kept beside ``DayTally``, which a proof sums over all days and which has no channels.
    """

    class What(models.TextChoices):
        TAKEN = "taken", _("payments we receipted")
        ARRIVED = "arrived", _("what the stage asks for")
        MATCHED = "matched", _("of that, what is matched")

    business_date = models.DateField()
    channel = models.ForeignKey(
        Channel, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    stage = models.CharField(max_length=8, choices=Stage)
    what = models.CharField(max_length=8, choices=What)
    count = models.BigIntegerField()
    paise = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["business_date", "channel", "stage", "what"], name="day_cell_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.business_date} {self.channel_id} {self.stage} {self.what}"


class DayTally(models.Model):
    """Entries of one stage, book and business date: all that arrived, or all matched on one day.

    A run adds what moved since the one before; a proof of any day is a sum of these rows.
    """

    stage = models.CharField(max_length=8, choices=Stage)
    book = models.CharField(max_length=8, choices=Book)
    business_date = models.DateField()
    matched_on = models.DateField(null=True)  # none: what arrived
    is_written_off = models.BooleanField(default=False)
    count = models.BigIntegerField()
    paise = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["stage", "book", "business_date", "matched_on", "is_written_off"],
                nulls_distinct=False,
                name="day_tally_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.book} {self.business_date}"
