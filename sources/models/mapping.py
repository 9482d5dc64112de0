"""How a bank's own table is read: made on screen against a sample, in versions, one in force."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from channels_.models import BankAccount
from cspdcl.kernel.clock import now


class Mapping(models.Model):
    """One version of how an account's files of unknown layout are read."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        PROPOSED = "proposed", _("waits for a second person")
        LIVE = "live", _("in force")
        RETIRED = "retired", _("replaced")
        REJECTED = "rejected", _("rejected")

    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="mappings")
    version = models.PositiveSmallIntegerField()
    told = models.JSONField(default=dict)  # as channels_.formats.mapped reads them
    sample_name = models.CharField(max_length=200)
    sample_sha256 = models.CharField(max_length=64)  # kept as files are, by its content
    state = models.CharField(max_length=8, choices=State, default=State.DRAFT)
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=now)
    reason = models.CharField(max_length=300, blank=True)
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    answer = models.CharField(max_length=300, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["account", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["account", "version"], name="mapping_version_once"),
            models.UniqueConstraint(
                fields=["account"], condition=Q(state="live"), name="mapping_one_in_force"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "proposed"], checker__isnull=True)
                | Q(
                    state__in=["live", "retired", "rejected"],
                    checker__isnull=False,
                    decided_at__isnull=False,
                ),
                name="mapping_decided_by_a_person",
            ),
            models.CheckConstraint(
                condition=Q(checker__isnull=True) | ~Q(maker=F("checker")),
                name="mapping_needs_a_second_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} v{self.version}"

    @property
    def code(self) -> str:
        """Its name as a layout of files."""
        return f"mapped-v{self.version}"
