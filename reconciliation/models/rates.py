"""Rate cards that are proposed, and what was claimed of a channel that kept more than agreed."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from channels_.models import Channel
from cspdcl.kernel.clock import now


class RateCard(models.Model):
    """Rates that one person proposes for a channel; a second one brings them into force."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a second person")
        APPROVED = "approved", _("approved")
        WITHDRAWN = "withdrawn", _("never came into force")

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="rate_cards")
    number = models.PositiveIntegerField()  # within its channel
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    valid_from = models.DateField()
    rows = models.JSONField()  # [{method, network, from_paise, percent, flat_paise, ...}]
    reason = models.CharField(max_length=300)
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=now)
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    checked_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "number"], name="rate_card_number_once"),
            models.UniqueConstraint(
                fields=["channel"], condition=Q(state="proposed"), name="rate_card_one_proposed"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["proposed", "approved", "withdrawn"]),
                name="rate_card_state_known",
            ),
            models.CheckConstraint(
                condition=Q(checker__isnull=True) | ~Q(maker=F("checker")),
                name="rate_card_maker_is_not_checker",
            ),
            models.CheckConstraint(
                condition=Q(state="approved", checker__isnull=False, checked_at__isnull=False)
                | Q(state="proposed", checker__isnull=True)
                | Q(state="withdrawn"),
                name="rate_card_approved_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel.code} {self.number}"


class FeeClaim(models.Model):
    """What was claimed of a channel for one month, and what it answered."""

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="fee_claims")
    month = models.DateField()  # its first day
    claimed_on = models.DateField()
    claimed_count = models.BigIntegerField()  # lines, as the report stood on that day
    claimed_paise = models.BigIntegerField()
    note = models.CharField(max_length=300)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    answered_on = models.DateField(null=True)
    paid_back_paise = models.BigIntegerField(null=True)
    answer = models.CharField(max_length=300, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "month"], name="fee_claim_once_a_month"),
            models.CheckConstraint(
                condition=Q(month__day=1), name="fee_claim_month_begins_on_the_first"
            ),
            models.CheckConstraint(
                condition=Q(claimed_count__gt=0, claimed_paise__gt=0), name="fee_claim_of_something"
            ),
            models.CheckConstraint(
                condition=Q(
                    answered_on__isnull=True, paid_back_paise__isnull=True, answered_by__isnull=True
                )
                | Q(answered_on__gte=F("claimed_on"), paid_back_paise__gte=0)
                & Q(answered_by__isnull=False),
                name="fee_claim_answered_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel.code} {self.month:%Y-%m}"
