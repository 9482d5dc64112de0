"""Sheets of payers who pay for many consumers with one paper."""

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from counters.models.collections import Collection
from cspdcl.kernel.clock import now
from payments.models import Counter


class Sheet(models.Model):
    """An uploaded list of consumers and amounts, checked row by row before anything is taken."""

    class State(models.TextChoices):
        CHECKED = "checked", _("checked")
        TAKEN = "taken", _("taken")

    public_id = models.UUIDField(default=uuid4, unique=True)
    counter = models.ForeignKey(Counter, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)  # of its rows as read: the same list, however saved
    payer = models.CharField(max_length=120)
    letter = models.CharField(max_length=60, blank=True)  # number and day of the payer's letter
    takes_advances = models.BooleanField(default=False)  # more than is due is meant
    amount_paise = models.BigIntegerField()
    row_count = models.PositiveIntegerField()
    problem_count = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.CHECKED)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=now)
    collection = models.OneToOneField(
        Collection, on_delete=models.PROTECT, null=True, related_name="sheet"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="taken", collection__isnull=False)
                | Q(state="checked", collection__isnull=True),
                name="sheet_taken_once",
            ),
        ]
        indexes = [models.Index(fields=["sha256"], name="sheet_same_rows")]

    def __str__(self) -> str:
        return self.name


class SheetRow(models.Model):
    """One row as it was read; a problem says what was expected."""

    sheet = models.ForeignKey(Sheet, on_delete=models.CASCADE, related_name="rows")
    line = models.PositiveIntegerField()
    consumer_number = models.CharField(max_length=20)
    bill_number = models.CharField(max_length=20, blank=True)
    amount_paise = models.BigIntegerField(null=True)
    name = models.CharField(max_length=120, blank=True)  # of the consumer, as we know them
    unread = models.CharField(max_length=200, blank=True)  # what the row itself has wrong
    problem = models.CharField(max_length=200, blank=True)  # that, and what the books say

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sheet", "line"], name="sheet_row_once")]

    def __str__(self) -> str:
        return f"{self.sheet_id}:{self.line}"
