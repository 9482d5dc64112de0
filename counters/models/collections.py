"""One hand-over at a window, and the second person who lets through what a rule stops."""

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from counters.models.shifts import Shift
from cspdcl.kernel.clock import now
from payments.models import Counter, Payment


class Collection(models.Model):
    """What one payer handed over at once; taken whole or not at all, and once for its key.

    It makes one payment, with its receipt, for each pair of tender and consumer.
    """

    public_id = models.UUIDField(default=uuid4, unique=True)
    scope = models.CharField(max_length=80)  # who and where: "user:42:counter:rpr1"
    submit_key = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)  # sha256 of what was asked
    counter = models.ForeignKey(Counter, on_delete=models.PROTECT, related_name="collections")
    shift = models.ForeignKey(
        Shift, on_delete=models.PROTECT, null=True, related_name="collections"
    )  # null: the counter keeps no shifts
    clerk = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    business_date = models.DateField()
    amount_paise = models.BigIntegerField()
    cash_paise = models.BigIntegerField(default=0)  # of the amount
    received_paise = models.BigIntegerField(null=True)  # cash as counted into the hand
    denominations_in = models.JSONField(default=dict, blank=True)
    denominations_out = models.JSONField(default=dict, blank=True)
    payer = models.CharField(max_length=120, blank=True)  # who paid for others
    pan = models.BinaryField(null=True)  # sealed
    payer_index = models.BinaryField(null=True, max_length=16)  # blind: the PAN, for the day's sum
    taken_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "submit_key"], name="collection_once"),
            models.CheckConstraint(
                condition=Q(amount_paise__gt=0)
                & Q(cash_paise__gte=0)
                & Q(cash_paise__lte=F("amount_paise")),
                name="collection_amounts",
            ),
            models.CheckConstraint(
                condition=Q(received_paise__isnull=True) | Q(received_paise__gte=F("cash_paise")),
                name="collection_received_enough",
            ),
        ]
        indexes = [
            models.Index(
                fields=["payer_index", "business_date"],
                condition=Q(payer_index__isnull=False),
                name="collection_payer_day",
            ),
        ]

    def __str__(self) -> str:
        return f"collection {self.pk}"


class CollectionLine(models.Model):
    """One payment of a collection."""

    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, related_name="lines")
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, related_name="collection_line"
    )

    def __str__(self) -> str:
        return f"{self.collection_id}: {self.payment_id}"


class Override(models.Model):
    """A rule stops a payment; a clerk asks with a reason, a second person lets it through once."""

    class State(models.TextChoices):
        ASKED = "asked", _("waits for the supervisor")
        GRANTED = "granted", _("granted")
        REFUSED = "refused", _("refused")
        USED = "used", _("used")

    public_id = models.UUIDField(default=uuid4, unique=True)
    counter = models.ForeignKey(Counter, on_delete=models.PROTECT, related_name="+")
    rule = models.SlugField(max_length=32)  # of a CashRule, or a word of the house: "cheque_bar"
    consumer_number = models.CharField(max_length=12)
    amount_paise = models.BigIntegerField()  # at most this
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=State, default=State.ASKED)
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    answer = models.CharField(max_length=200, blank=True)
    business_date = models.DateField()  # good on this day only
    asked_at = models.DateTimeField(default=now)
    checked_at = models.DateTimeField(null=True)
    collection = models.ForeignKey(
        Collection, on_delete=models.PROTECT, null=True, related_name="overrides"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(checker__isnull=True) | ~Q(checker=F("maker")),
                name="override_by_another",
            ),
            models.CheckConstraint(
                condition=(Q(state="used") & Q(collection__isnull=False))
                | (~Q(state="used") & Q(collection__isnull=True)),
                name="override_used_once",
            ),
            models.CheckConstraint(
                condition=Q(state="asked") | Q(checker__isnull=False),
                name="override_answered_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.state}"
