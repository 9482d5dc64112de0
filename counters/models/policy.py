"""What an office has agreed on for its counters, and the rules that change with their dates."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from people.models import Office


class OfficePolicy(models.Model):
    """How an office runs its counters; an office without a row takes the one above it."""

    class Paper(models.TextChoices):
        A5 = "a5", _("A5 leaf")
        SLIP = "slip", _("80 mm slip")

    class Late(models.TextChoices):
        REFUSE = "refuse", _("refuse")
        HOLD = "hold", _("hold until its day")

    office = models.OneToOneField(Office, on_delete=models.PROTECT, related_name="counter_policy")
    shows_running_total = models.BooleanField(default=True)
    wants_denominations = models.BooleanField(default=False)
    receipt_paper = models.CharField(max_length=4, choices=Paper, default=Paper.A5)
    drawer_limit_paise = models.BigIntegerField(default=40_000_00)  # above it: hand cash in
    difference_limit_paise = models.BigIntegerField(default=50_00)  # a supervisor alone may approve
    part_from_paise = models.BigIntegerField(default=1_00)  # the least part payment
    tenders = models.JSONField(default=list, blank=True)  # methods taken here; empty: all
    post_dated = models.CharField(max_length=6, choices=Late, default=Late.REFUSE)
    cheque_months = models.PositiveSmallIntegerField(default=3)  # good for so long; drafts too
    days_to_bank = models.PositiveSmallIntegerField(default=0)  # it must be good then still
    cheque_from_paise = models.BigIntegerField(default=0)  # smaller amounts not by cheque
    clearing_days = models.PositiveSmallIntegerField(default=3)  # then a deposited paper is overdue
    dishonours_at_once = models.BooleanField(
        default=True
    )  # a bank's file that says "no funds" needs no further confirmation

    class Meta:
        verbose_name = _("policy of an office")
        verbose_name_plural = _("policies of offices")
        constraints = [
            models.CheckConstraint(
                condition=Q(drawer_limit_paise__gt=0)
                & Q(difference_limit_paise__gte=0)
                & Q(part_from_paise__gt=0)
                & Q(cheque_from_paise__gte=0),
                name="office_policy_amounts",
            ),
            models.CheckConstraint(
                condition=Q(cheque_months__gte=1, cheque_months__lte=3, days_to_bank__lte=20),
                name="office_policy_papers",
            ),
        ]

    def __str__(self) -> str:
        return f"counters of {self.office}"

    @property
    def reference(self) -> str:
        """By which the audit trail names it."""
        return self.office.code


class CashRule(models.Model):
    """A limit on cash, in force between two days. Several may hold at once."""

    class Per(models.TextChoices):
        PAYMENT = "payment", _("one payment")
        PAYER_DAY = "payer_day", _("one payer on one day")

    class Effect(models.TextChoices):
        BELOW = "below", _("less than this")  # s. 269ST: two lakh itself may not
        UP_TO = "up_to", _("up to this")
        WANTS_PAN = "wants_pan", _("above this with a PAN")

    code = models.SlugField(max_length=32)
    per = models.CharField(max_length=10, choices=Per)
    effect = models.CharField(max_length=10, choices=Effect)
    limit_paise = models.BigIntegerField()
    office = models.ForeignKey(
        Office, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # and below; null: everywhere
    may_override = models.BooleanField(default=False)  # by a second person, with a reason
    law = models.CharField(max_length=80, blank=True)  # said to the clerk
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)  # the last day

    class Meta:
        verbose_name = _("rule on cash")
        verbose_name_plural = _("rules on cash")
        constraints = [
            models.CheckConstraint(condition=Q(limit_paise__gt=0), name="cash_rule_limit"),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="cash_rule_days",
            ),
            models.UniqueConstraint(fields=["code", "valid_from"], name="cash_rule_once"),
        ]

    def __str__(self) -> str:
        return f"{self.code} from {self.valid_from}"

    @property
    def reference(self) -> str:
        """By which the audit trail names it."""
        return str(self)


class ReturnCharge(models.Model):
    """What the tariff adds for a dishonoured paper: flat, or a share of it, whichever is more."""

    code = models.SlugField(max_length=32)
    flat_paise = models.BigIntegerField(default=0)
    percent = models.DecimalField(max_digits=5, decimal_places=2, default=0)
    gst_percent = models.DecimalField(max_digits=5, decimal_places=2, default=0)
    barred_days = models.PositiveSmallIntegerField(default=365)  # no cheque from this consumer
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)

    class Meta:
        verbose_name = _("charge for a returned paper")
        verbose_name_plural = _("charges for returned papers")
        constraints = [
            models.UniqueConstraint(fields=["code", "valid_from"], name="return_charge_once"),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="return_charge_days",
            ),
            models.CheckConstraint(
                condition=Q(flat_paise__gte=0, percent__gte=0, gst_percent__gte=0),
                name="return_charge_amounts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} from {self.valid_from}"

    @property
    def reference(self) -> str:
        """By which the audit trail names it."""
        return str(self)


class SurchargeRate(models.Model):
    """Late payment surcharge a month or part of it, on what is overdue; the ERP bills it."""

    percent = models.DecimalField(max_digits=5, decimal_places=2)
    valid_from = models.DateField(unique=True)

    class Meta:
        verbose_name = _("rate of the surcharge")
        verbose_name_plural = _("rates of the surcharge")
        constraints = [
            models.CheckConstraint(condition=Q(percent__gte=0), name="surcharge_rate_percent"),
        ]

    def __str__(self) -> str:
        return f"{self.percent} % from {self.valid_from}"

    @property
    def reference(self) -> str:
        """By which the audit trail names it."""
        return f"from {self.valid_from}"
