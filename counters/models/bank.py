"""From the safe to the bank: slips with what lies on them, and the bag that carries them."""

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from attachments.models import Attachment
from cspdcl.kernel.clock import now
from payments.models import Deposit
from people.models import Office


class Bag(models.Model):
    """A sealed bag on its way to the bank."""

    class State(models.TextChoices):
        SEALED = "sealed", _("sealed")
        HANDED_OVER = "handed_over", _("on its way")
        RECEIPTED = "receipted", _("at the bank")

    public_id = models.UUIDField(default=uuid4, unique=True)
    number = models.CharField(max_length=24, unique=True)  # on the seal
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, choices=State, default=State.SEALED)
    sealed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    sealed_at = models.DateTimeField(default=now)
    carrier = models.CharField(max_length=120, blank=True)
    handed_over_at = models.DateTimeField(null=True)
    receipted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="sealed", handed_over_at__isnull=True, receipted_at__isnull=True)
                | Q(state="handed_over", handed_over_at__isnull=False, receipted_at__isnull=True)
                | Q(state="receipted", handed_over_at__isnull=False, receipted_at__isnull=False),
                name="bag_dated_as_it_stands",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class Slip(models.Model):
    """What the paper of a deposit says besides its sum."""

    deposit = models.OneToOneField(Deposit, on_delete=models.PROTECT, related_name="slip")
    submit_key = models.CharField(max_length=100, unique=True)  # of one submit: twice is one slip
    denominations = models.JSONField(default=dict, blank=True)  # of a cash slip
    instrument_count = models.PositiveIntegerField(default=0)
    difference_paise = models.BigIntegerField(default=0)  # over or short in this cash
    bag = models.ForeignKey(Bag, on_delete=models.PROTECT, null=True, related_name="slips")
    stamped = models.ForeignKey(Attachment, on_delete=models.PROTECT, null=True, related_name="+")
    stamped_at = models.DateTimeField(null=True)
    stamped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )  # who noted the bank's stamp
    bank_ref = models.CharField(max_length=40, blank=True)  # as the bank's stamp says

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(stamped_at__isnull=True, stamped_by__isnull=True, stamped__isnull=True)
                | Q(stamped_at__isnull=False, stamped_by__isnull=False),
                name="slip_stamp_noted_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"slip of {self.deposit_id}"
