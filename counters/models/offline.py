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
    public_key = models.BinaryField(unique=True)  # SubjectPublicKeyInfo, P-256
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    last_sequence = models.PositiveBigIntegerField(default=0)  # of what it sent, without a gap
    last_hash = models.CharField(max_length=64, blank=True)  # each item names the one before
    enrolled_at = models.DateTimeField(default=now)
    approved_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)  # its series is never used again
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    reason = models.CharField(max_length=200, blank=True)  # of the revocation

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(checker__isnull=True) | ~Q(checker=F("maker")),
                name="device_approved_by_another",
            ),
            models.CheckConstraint(
                condition=Q(checker__isnull=True, approved_at__isnull=True)
                | Q(checker__isnull=False, approved_at__isnull=False),
                name="device_approved_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoked_by__isnull=True, reason="")
                | (Q(revoked_at__isnull=False, revoked_by__isnull=False) & ~Q(reason="")),
                name="device_revoked_with_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.series

    @property
    def is_trusted(self) -> bool:
        """Whether it may be given numbers, and what it signs is taken without a person."""
        return self.approved_at is not None and self.revoked_at is None


class NumberRange(models.Model):
    """Receipt numbers that a device may give in one shift, one after another.

    It grows at its end while it is out; what is handed back unused begins the next range.
    """

    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="ranges")
    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, related_name="number_ranges")
    year = models.CharField(max_length=7)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    used_until = models.BigIntegerField()  # first - 1: none yet
    reserved_at = models.DateTimeField(default=now)
    returned_at = models.DateTimeField(null=True)
    is_lost = models.BooleanField(default=False)  # nobody will ever say which were given

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device"],
                condition=Q(returned_at__isnull=True),
                name="number_range_one_is_out",
            ),
            models.CheckConstraint(
                condition=Q(first__gt=0)
                & Q(last__gte=F("first") - 1)
                & Q(used_until__gte=F("first") - 1)
                & Q(used_until__lte=F("last")),
                name="number_range_in_order",
            ),
            models.CheckConstraint(
                condition=Q(is_lost=False) | Q(returned_at__isnull=False),
                name="number_range_lost_is_over",
            ),
        ]
        indexes = [
            models.Index(
                fields=["shift"],
                condition=Q(returned_at__isnull=True),
                name="number_range_out_of_shift",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} {self.first} to {self.last}"


class OfflineItem(models.Model):
    """One signed item of a device's queue, kept as it came, and what became of it."""

    class State(models.TextChoices):
        TAKEN = "taken", _("taken")
        PERSON = "person", _("waits for a person")
        VOID_ASKED = "void_asked", _("a second person must void it")
        VOID = "void", _("void")

    class Problem(models.TextChoices):
        SIGNATURE = "signature", _("The signature is not that of the window.")
        MALFORMED = "malformed", _("It does not say what was agreed.")
        REVOKED = "revoked", _("The window was not allowed to work offline any more.")
        CHAIN = "chain", _("It does not follow what the window sent before.")
        NUMBER = "number", _("The window had not reserved this number.")
        CLOCK = "clock", _("The time it tells cannot be.")
        REFUSED = "refused", _("The counter does not take it as it is.")

    public_id = models.UUIDField(default=uuid4, unique=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="items")
    shift = models.ForeignKey(
        Shift, on_delete=models.PROTECT, null=True, related_name="offline_items"
    )  # null: it names none that the device had numbers for
    sequence = models.PositiveBigIntegerField(null=True)  # as it says; null: it says none
    is_linked = models.BooleanField(default=False)  # follows the one before
    body = models.BinaryField()  # sealed; the signed bytes
    signature = models.BinaryField()
    content_hash = models.CharField(max_length=64)  # of both: the next one names it
    year = models.CharField(max_length=7, blank=True)
    receipt_number = models.BigIntegerField(null=True)
    amount_paise = models.BigIntegerField(null=True)
    method = models.CharField(max_length=16, blank=True)
    state = models.CharField(max_length=10, choices=State)
    problem = models.CharField(max_length=10, choices=Problem, blank=True)
    words = models.CharField(max_length=300, blank=True)  # what a person should know
    reason = models.CharField(max_length=200, blank=True)  # of who settled it
    maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    collection = models.ForeignKey(
        Collection, on_delete=models.PROTECT, null=True, related_name="offline_items"
    )
    taken_at = models.DateTimeField(null=True)  # by the device's clock
    came_at = models.DateTimeField(default=now)
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "content_hash"], name="offline_item_once"),
            models.UniqueConstraint(
                fields=["device", "sequence"],
                condition=Q(is_linked=True),
                name="offline_item_one_chain",
            ),
            models.UniqueConstraint(
                fields=["device", "year", "receipt_number"],
                condition=Q(is_linked=True),
                name="offline_item_number_once",
            ),
            models.CheckConstraint(
                condition=Q(state="taken", collection__isnull=False)
                | (~Q(state="taken") & Q(collection__isnull=True)),
                name="offline_item_taken",
            ),
            models.CheckConstraint(
                condition=Q(state="taken") | ~Q(problem=""), name="offline_item_has_problem"
            ),
            models.CheckConstraint(
                condition=(Q(state="void", checker__isnull=False) & ~Q(checker=F("maker")))
                | Q(state="void_asked", maker__isnull=False, checker__isnull=True)
                | Q(state__in=["taken", "person"]),
                name="offline_item_void_by_two",
            ),
        ]
        indexes = [
            models.Index(
                fields=["device"],
                condition=Q(state__in=["person", "void_asked"]),
                name="offline_item_waits",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_id}:{self.sequence}"
