"""What a run hands on to the next, so that none reads history: what is open, and sums by day.

Whatever is here can be made anew from entries and matches (``engine.reconcile(rebuild=True)``).
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models

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
    is_apart = models.BooleanField(default=False)  # its settlement has told several UTRs

    class Meta:
        indexes = [models.Index(fields=["channel", "settlement_ref"], name="open_lines_by_name")]

    def __str__(self) -> str:
        return f"{self.settlement_ref} {self.business_date}: {self.line_count}"


class DayTally(models.Model):
    """Entries of one stage, book, source and business date: what arrived, or matched on one day.

    A run adds what moved since the one before. A proof of any day is a sum of these rows, and so is
    the board of a day.
    """

    business_date = models.DateField()
    stage = models.CharField(max_length=8, choices=Stage)
    book = models.CharField(max_length=8, choices=Book)
    source_id = models.BigIntegerField(null=True)  # of the bank account, else of the channel
    matched_on = models.DateField(null=True)  # none: what arrived
    is_written_off = models.BooleanField(default=False)
    is_payment = models.BooleanField(default=False)  # of what arrived: receipts of payments
    count = models.BigIntegerField()
    paise = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "business_date", "stage", "book", "source_id", "matched_on", "is_written_off",
                    "is_payment",
                ],
                nulls_distinct=False,
                name="day_tally_once",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.stage} {self.book} {self.business_date}"
