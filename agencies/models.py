"""Kiosks and agents that collect for us: what each may do, and the money it holds for us."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from channels_.models import Channel
from cspdcl.kernel.clock import now
from payments.models import Payment
from people.models import Office


class Agency(models.Model):
    """A partner that takes payments by the partner API; its channel names its money in the books.

    One channel has one agency: so its own transaction ids are unique, and what it may see is its
    channel's payments.
    """

    class Kind(models.TextChoices):
        ATP = "atp", _("ATP machines")
        PAYPOINT = "paypoint", _("Pay-point")
        CSC = "csc", _("Common Service Centres")
        OTHER = "other", _("other")

    code = models.SlugField(max_length=24, unique=True)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind)
    channel = models.OneToOneField(Channel, on_delete=models.PROTECT, related_name="agency")
    offices = models.ManyToManyField(
        Office, blank=True, related_name="+"
    )  # collects for their consumers and for those below; none: for all
    is_active = models.BooleanField(default=True)
    payment_max_paise = models.BigIntegerField(null=True, blank=True)  # null: no limit of its own
    day_max_paise = models.BigIntegerField(null=True, blank=True)
    opens_at = models.TimeField(null=True, blank=True)  # IST; null with closes_at: always open
    closes_at = models.TimeField(null=True, blank=True)
    hold_minutes = models.PositiveSmallIntegerField(default=30)  # until an unconfirmed hold ends

    class Meta:
        verbose_name_plural = "agencies"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["atp", "paypoint", "csc", "other"]), name="agency_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(payment_max_paise__isnull=True) | Q(payment_max_paise__gt=0),
                name="agency_payment_limit_positive",
            ),
            models.CheckConstraint(
                condition=Q(day_max_paise__isnull=True) | Q(day_max_paise__gt=0),
                name="agency_day_limit_positive",
            ),
            models.CheckConstraint(
                condition=Q(opens_at__isnull=True, closes_at__isnull=True)
                | Q(opens_at__isnull=False, closes_at__isnull=False, closes_at__gt=F("opens_at")),
                name="agency_opens_before_it_closes",
            ),
            models.CheckConstraint(
                condition=Q(hold_minutes__gte=1, hold_minutes__lte=1440),
                name="agency_hold_ends_within_a_day",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Terminal(models.Model):
    """One machine or window of an agency."""

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="terminals")
    code = models.CharField(max_length=24)
    office = models.ForeignKey(
        Office, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    place = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agency", "code"], name="terminal_code_once"),
        ]

    def __str__(self) -> str:
        return self.code


class AgencyKey(models.Model):
    """A key of an agency: the id it names, the secret it signs with, and what it may do.

    After a rotation the secret before is tried too, until its time is over.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="keys")
    key_id = models.CharField(max_length=40, unique=True)  # public, in every request
    sealed = models.BinaryField()  # kernel.crypto, bound to the key id
    sealed_before = models.BinaryField(null=True)
    before_until = models.DateTimeField(null=True)
    capabilities = models.JSONField(default=list)  # words of agencies.capabilities
    addresses = models.JSONField(default=list)  # networks such as 203.0.113.0/24; none: from any
    made_at = models.DateTimeField(default=now)
    rotated_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(sealed_before__isnull=True, before_until__isnull=True)
                | Q(sealed_before__isnull=False, before_until__isnull=False),
                name="agency_key_before_expires",
            ),
        ]

    def __str__(self) -> str:
        return self.key_id


class Nonce(models.Model):
    """A nonce that was used; the same request cannot be sent again while its time is accepted."""

    key = models.ForeignKey(
        AgencyKey, on_delete=models.CASCADE, related_name="nonces", db_index=False
    )
    nonce = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "nonce"], name="nonce_once")]

    def __str__(self) -> str:
        return self.nonce


class FloatAccount(models.Model):
    """The money an agency may collect before it pays us: one row, whose lock orders its payments.

    Prepaid: it pays first, the balance never goes below zero. Credit: down to minus its limit.
    """

    class Kind(models.TextChoices):
        PREPAID = "prepaid", _("prepaid")
        CREDIT = "credit", _("on credit")

    agency = models.OneToOneField(Agency, on_delete=models.PROTECT, related_name="float_account")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.PREPAID)
    credit_limit_paise = models.BigIntegerField(default=0)
    alarm_paise = models.BigIntegerField(default=0)  # below so much left, somebody should look
    balance_paise = models.BigIntegerField(default=0)
    entry_count = models.BigIntegerField(default=0)  # the number of the last entry
    day = models.DateField(null=True)  # the day that the two sums below speak of
    day_count = models.IntegerField(default=0)
    day_paise = models.BigIntegerField(default=0)  # taken less given back

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["prepaid", "credit"]), name="float_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(balance_paise__gte=-F("credit_limit_paise")),
                name="float_never_below_its_limit",
            ),
            models.CheckConstraint(
                condition=Q(credit_limit_paise__gte=0)
                & (Q(kind="credit") | Q(credit_limit_paise=0)),
                name="float_credit_limit_fits_its_kind",
            ),
            models.CheckConstraint(
                condition=Q(alarm_paise__gte=0), name="float_alarm_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(day_count__gte=0, day_paise__gte=0), name="float_day_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"float of {self.agency_id}"

    @property
    def available_paise(self) -> int:
        """What can still be collected."""
        return self.balance_paise + self.credit_limit_paise

    @property
    def is_low(self) -> bool:
        """Whether less than the alarm level is left."""
        return self.available_paise < self.alarm_paise


class FloatChange(models.Model):
    """Money that one person wants on a float, or off it, and what a second person says to it."""

    class Kind(models.TextChoices):
        TOP_UP = "top_up", _("top-up")
        COMMISSION = "commission", _("commission")
        CORRECTION = "correction", _("correction")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a second person")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")

    public_id = models.CharField(max_length=32, unique=True)
    account = models.ForeignKey(FloatAccount, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=10, choices=Kind)
    amount_paise = models.BigIntegerField()  # signed: + is money for the agency
    utr = models.CharField(max_length=40, blank=True)  # of the credit that pays a top-up
    why = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=now)
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    checked_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["top_up", "commission", "correction"]),
                name="float_change_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["proposed", "approved", "rejected"]),
                name="float_change_state_known",
            ),
            models.CheckConstraint(
                condition=Q(kind="correction") & ~Q(amount_paise=0)
                | ~Q(kind="correction") & Q(amount_paise__gt=0),
                name="float_change_moves_money",
            ),
            models.CheckConstraint(
                condition=~Q(kind="top_up") | ~Q(utr=""), name="float_top_up_names_its_credit"
            ),
            models.CheckConstraint(
                condition=Q(checker__isnull=True) | ~Q(maker=F("checker")),
                name="float_change_maker_is_not_checker",
            ),
            models.CheckConstraint(
                condition=Q(state="proposed", checker__isnull=True)
                | ~Q(state="proposed") & Q(checker__isnull=False),
                name="float_change_checked_iff_decided",
            ),
            # A credit tops up one float, once.
            models.UniqueConstraint(
                fields=["utr"],
                condition=Q(kind="top_up") & ~Q(state="rejected"),
                name="float_top_up_utr_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.public_id}"


class FloatEntry(models.Model):
    """One move of a float, with the balance after it. Append-only, numbered, chained by trigger."""

    class Kind(models.TextChoices):
        TOP_UP = "top_up", _("top-up")
        PAYMENT = "payment", _("payment taken")
        REVERSAL = "reversal", _("payment given back")
        COMMISSION = "commission", _("commission")
        CORRECTION = "correction", _("correction")

    account = models.ForeignKey(FloatAccount, on_delete=models.PROTECT, related_name="entries")
    number = models.BigIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    amount_paise = models.BigIntegerField()
    balance_after_paise = models.BigIntegerField()
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, related_name="float_entries"
    )
    turn = models.PositiveSmallIntegerField(null=True)  # of the payment: a hold may be taken again
    change = models.OneToOneField(
        FloatChange, on_delete=models.PROTECT, null=True, related_name="entry"
    )
    utr = models.CharField(max_length=40, blank=True)
    note = models.CharField(max_length=200, blank=True)
    actor = models.CharField(max_length=80)  # the key's id, a user name, or "timetable"
    at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "number"], name="float_entry_number_once"),
            models.CheckConstraint(
                condition=Q(kind="payment", amount_paise__lt=0)
                | Q(kind="reversal", amount_paise__gt=0)
                | Q(kind__in=["top_up", "commission"], amount_paise__gt=0)
                | Q(kind="correction") & ~Q(amount_paise=0),
                name="float_entry_sign_fits_its_kind",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=["payment", "reversal"],
                    payment__isnull=False,
                    turn__isnull=False,
                    change__isnull=True,
                )
                | Q(
                    kind__in=["top_up", "commission", "correction"],
                    payment__isnull=True,
                    turn__isnull=True,
                    change__isnull=False,
                ),
                name="float_entry_has_its_evidence",
            ),
            # Taken once and given back once in each turn.
            models.UniqueConstraint(
                fields=["payment", "kind", "turn"],
                condition=Q(payment__isnull=False),
                name="float_entry_payment_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.kind}"


class AgencyPayment(models.Model):
    """What an agency adds to a payment of its channel: machine, hold, and why it was given back."""

    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="agency_payment")
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="taken")
    terminal = models.ForeignKey(Terminal, on_delete=models.PROTECT, null=True, related_name="+")
    turn = models.PositiveSmallIntegerField(default=1)  # 2: confirmed after its hold had ended
    counted_on = models.DateField()  # the day whose limit it counts for
    held_until = models.DateTimeField(null=True)  # null: paid in one step
    ended_at = models.DateTimeField(null=True)  # cancelled or reversed by the agency's own word
    ended_why = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_why="")
                | Q(ended_at__isnull=False) & ~Q(ended_why=""),
                name="agency_payment_ends_with_a_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["agency", "-id"], name="agency_payment_latest"),
            models.Index(
                fields=["held_until"],
                condition=Q(held_until__isnull=False),
                name="agency_payment_held",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agency_id} {self.payment_id}"


class AskedOnce(models.Model):
    """A POST that was taken once: its key, its signed bytes, and the answer that a repeat gets."""

    agency = models.ForeignKey(
        Agency, on_delete=models.PROTECT, related_name="asked", db_index=False
    )
    key = models.CharField(max_length=200)  # Idempotency-Key, made before the first try
    fingerprint = models.CharField(max_length=64)  # sha256 of method, path and contents
    evidence = models.BinaryField()  # what was signed, encrypted: kernel.crypto
    http_status = models.PositiveSmallIntegerField(null=True)  # null only inside its transaction
    answer = models.TextField(blank=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agency", "key"], name="asked_once"),
            models.CheckConstraint(
                condition=Q(key__regex=r"^[!-~]{16,200}$"), name="asked_once_key_is_long"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agency_id}:{self.key}"
