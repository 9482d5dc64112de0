"""Many breaks at once: what was asked for them, by a filter or a sheet, and what came of each."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cspdcl.kernel.clock import now
from reconciliation.models.breaks import Break
from reconciliation.models.decisions import Decision


class Batch(models.Model):
    """One step for many breaks: proposed with count and sum, approved once, each break answered."""

    class Source(models.TextChoices):
        FILTER = "filter", _("a filter of the list")
        SHEET = "sheet", _("an Excel sheet")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a second person")
        WORKING = "working", _("works now")
        DONE = "done", _("done")
        REJECTED = "rejected", _("rejected")

    public_id = models.CharField(max_length=32, unique=True)
    source = models.CharField(max_length=8, choices=Source)
    state = models.CharField(max_length=8, choices=State, default=State.PROPOSED)
    needs_second = models.BooleanField()  # notes and owners need none
    is_whole = models.BooleanField(default=False)  # all of it or nothing
    title = models.CharField(max_length=200)  # the step, or the name of the file
    query = models.CharField(max_length=1000, blank=True)  # of the filter, to look at it again
    sha256 = models.CharField(max_length=64, blank=True)  # of the sheet
    count = models.BigIntegerField()  # of what can be done
    amount_paise = models.BigIntegerField()
    why = models.CharField(max_length=300)
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=now)
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    checked_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True)
    submit_key = models.CharField(max_length=64, blank=True)  # of a program: a retry is no new one

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(checker__isnull=True) | ~Q(maker=F("checker")),
                name="batch_maker_is_not_checker",
            ),
            models.CheckConstraint(
                condition=Q(checker__isnull=False)
                | Q(state="proposed")
                | Q(needs_second=False, state__in=["working", "done"]),
                name="batch_checked_unless_light",
            ),
            models.CheckConstraint(
                condition=Q(state="done", ended_at__isnull=False)
                | ~Q(state="done") & Q(ended_at__isnull=True),
                name="batch_done_iff_dated",
            ),
            models.UniqueConstraint(
                fields=["sha256"],
                condition=~Q(sha256="") & ~Q(state="rejected"),
                name="batch_sheet_once",
            ),
            models.UniqueConstraint(
                fields=["maker", "submit_key"],
                condition=~Q(submit_key=""),
                name="batch_submit_key_once",
            ),
        ]

    def __str__(self) -> str:
        return f"batch {self.title}"


class BatchItem(models.Model):
    """One break of a batch, or one row of its sheet, with its answer."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused")
        IDLE = "idle", _("nothing was asked")

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="items")
    row = models.PositiveIntegerField()  # of the sheet, or the place in the list
    name = models.CharField(max_length=80)  # what the sheet calls it
    open_break = models.ForeignKey(Break, on_delete=models.PROTECT, null=True, related_name="+")
    seen = models.CharField(max_length=160, blank=True)  # its subject as it was seen
    act = models.CharField(max_length=16, blank=True)
    why = models.CharField(max_length=1000, blank=True)
    argument = models.CharField(max_length=300, blank=True)  # candidates, a day, a user name
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    said = models.CharField(max_length=300, blank=True)
    decision = models.ForeignKey(
        Decision, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "row"], name="batch_item_row_once"),
        ]
        indexes = [
            models.Index(
                fields=["batch", "row"], condition=Q(state="waiting"), name="batch_item_waiting"
            )
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}: {self.row}"
