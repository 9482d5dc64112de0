"""How a file looked, and what of files waits for a person: a whole strange one, or single rows."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from channels_.models import StatementFile
from cspdcl.kernel.clock import now


class FileProfile(models.Model):
    """What a file looked like: against the last ones of its source the next one is compared."""

    file = models.OneToOneField(
        StatementFile, on_delete=models.PROTECT, primary_key=True, related_name="profile"
    )
    line_count = models.BigIntegerField()
    sum_paise = models.BigIntegerField()  # credits and debits without their signs
    median_paise = models.BigIntegerField(null=True)  # of the amounts without their signs
    empty_permille = models.JSONField(default=dict)  # field -> share of lines without it
    codes = models.JSONField(default=list)  # the partner's words for kinds of lines

    def __str__(self) -> str:
        return f"profile of {self.file_id}"


class Doubt(models.Model):
    """A file that looks unlike those before it: not loaded until a second person releases it."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for a second person")
        RELEASED = "released", _("released")
        REFUSED = "refused", _("refused")

    file = models.OneToOneField(
        StatementFile, on_delete=models.PROTECT, primary_key=True, related_name="doubt"
    )
    reasons = models.JSONField()  # [{code, facts}], told in words by sources.strange
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )  # who handed it in; null: a command, or it was fetched
    made_at = models.DateTimeField(default=now)
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    answer = models.CharField(max_length=300, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="waiting", checker__isnull=True, decided_at__isnull=True)
                | Q(
                    state__in=["released", "refused"],
                    checker__isnull=False,
                    decided_at__isnull=False,
                ),
                name="doubt_decided_by_a_person",
            ),
            models.CheckConstraint(
                condition=Q(maker__isnull=True) | Q(checker__isnull=True) | ~Q(maker=F("checker")),
                name="doubt_needs_a_second_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_id} {self.state}"


class QuarantinedRow(models.Model):
    """A line of a file that could not be taken, while the rest of the file was."""

    class State(models.TextChoices):
        OPEN = "open", _("set aside")
        PROPOSED = "proposed", _("dismissal waits for a second person")
        DISMISSED = "dismissed", _("dismissed")
        MENDED = "mended", _("came in a corrected file")

    file = models.ForeignKey(StatementFile, on_delete=models.PROTECT, related_name="quarantine")
    position = models.PositiveIntegerField()  # among the rows of its file that were set aside
    line = models.IntegerField()  # where it stands in the file
    text = models.TextField(blank=True)
    problem = models.TextField()
    amount_paise = models.BigIntegerField(null=True)  # null: it cannot be read
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )  # who proposes to dismiss it
    reason = models.CharField(max_length=300, blank=True)
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    answer = models.CharField(max_length=300, blank=True)
    mended_by = models.ForeignKey(
        StatementFile, on_delete=models.PROTECT, null=True, related_name="mends"
    )
    moved_at = models.DateTimeField(default=now)  # when its state was last changed

    class Meta:
        ordering = ["file", "position"]
        constraints = [
            models.UniqueConstraint(fields=["file", "position"], name="quarantined_row_once"),
            models.CheckConstraint(
                condition=Q(state="open", mended_by__isnull=True)
                | Q(state="proposed", maker__isnull=False, checker__isnull=True) & ~Q(reason="")
                | Q(state="dismissed", maker__isnull=False, checker__isnull=False) & ~Q(reason="")
                | Q(state="mended", mended_by__isnull=False),
                name="quarantined_row_state_has_its_facts",
            ),
            models.CheckConstraint(
                condition=Q(maker__isnull=True) | Q(checker__isnull=True) | ~Q(maker=F("checker")),
                name="quarantined_row_needs_a_second_person",
            ),
        ]
        indexes = [
            models.Index(
                fields=["file"],
                condition=Q(state__in=["open", "proposed"]),
                name="quarantined_row_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"line {self.line} of {self.file_id}"
