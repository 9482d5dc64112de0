"""Counters that go on without a network: devices that sign, numbers reserved, what they sent."""

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from counters.models.collections import Collection
from counters.models.shifts import Shift
from cspdcl.kernel.clock import now
from payments.models import Counter


class Device(models.Model):
    """A browser that may go on offline: it holds a key that never leaves it."""

    public_id = models.UUIDField(default=uuid4, unique=True)
    counter = models.ForeignKey(Counter, on_delete=models.PROTECT, related_name="devices")
    series = models.CharField(max_length=24, unique=True)  # of its own receipts: "RPR1-T1"
    public_key = models.BinaryField()  # SubjectPublicKeyInfo, P-256
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    last_sequence = models.PositiveBigIntegerField(default=0)  # of what it sent
    last_hash = models.CharField(max_length=64, blank=True)  # each item names the one before
    enrolled_at = models.DateTimeField(default=now)
    approved_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(checker__isnull=True) | ~Q(checker=F("maker")),
                name="device_approved_by_another",
            ),
        ]

    def __str__(self) -> str:
        return self.series


class NumberRange(models.Model):
    """Receipt numbers that a device may give offline, one after another."""

    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="ranges")
    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, related_name="number_ranges")
    year = models.CharField(max_length=7)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    used_until = models.BigIntegerField()  # first - 1: none yet
    reserved_at = models.DateTimeField(default=now)
    returned_at = models.DateTimeField(null=True)  # the rest goes to the next range

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "year", "first"], name="number_range_once"),
            models.CheckConstraint(
                condition=Q(first__gt=0)
                & Q(last__gte=F("first") - 1)
                & Q(used_until__gte=F("first") - 1)
                & Q(used_until__lte=F("last")),
                name="number_range_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} {self.first} to {self.last}"


class OfflineItem(models.Model):
    """One signed item of a device's queue, kept as it came, and what became of it."""

    class State(models.TextChoices):
        TAKEN = "taken", _("taken")
        PERSON = "person", _("waits for a person")
        SETTLED = "settled", _("settled by a person")

    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="items")
    sequence = models.PositiveBigIntegerField()
    submit_key = models.CharField(max_length=64)
    body = models.BinaryField()  # sealed; the signed bytes
    signature = models.BinaryField()
    content_hash = models.CharField(max_length=64)
    receipt_number = models.BigIntegerField()
    amount_paise = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State)
    problem = models.CharField(max_length=200, blank=True)
    answer = models.CharField(max_length=200, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    collection = models.ForeignKey(
        Collection, on_delete=models.PROTECT, null=True, related_name="offline_items"
    )
    taken_at = models.DateTimeField()  # by the device's clock
    came_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "sequence"], name="offline_item_once"),
            models.UniqueConstraint(fields=["device", "submit_key"], name="offline_item_key_once"),
            models.CheckConstraint(
                condition=Q(state="taken", collection__isnull=False) | ~Q(state="taken"),
                name="offline_item_taken",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_id}:{self.sequence}"
