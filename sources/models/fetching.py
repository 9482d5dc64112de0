"""Where files of a source are fetched from, and each time that somebody looked there."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from channels_.models import BankAccount, Channel, LedgerSystem, Source, StatementFile
from cspdcl.kernel.clock import now

_ONE_SOURCE = (
    Q(channel__isnull=False, bank_account__isnull=True, ledger__isnull=True)
    | Q(channel__isnull=True, bank_account__isnull=False, ledger__isnull=True)
    | Q(channel__isnull=True, bank_account__isnull=True, ledger__isnull=False)
)


class SourceSecret(models.Model):
    """What opens a source's server to us, encrypted; named, because a source may have several."""

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, null=True, related_name="+")
    bank_account = models.ForeignKey(
        BankAccount, on_delete=models.PROTECT, null=True, related_name="+"
    )
    ledger = models.ForeignKey(LedgerSystem, on_delete=models.PROTECT, null=True, related_name="+")
    name = models.CharField(max_length=32)
    sealed = models.BinaryField()  # kernel.crypto, bound to source and name
    made_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=_ONE_SOURCE, name="source_secret_has_one_source"),
            models.UniqueConstraint(
                fields=["channel", "bank_account", "ledger", "name"],
                nulls_distinct=False,
                name="source_secret_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel or self.bank_account or self.ledger}/{self.name}"


class FetchPlan(models.Model):
    """One place from which files of a source are fetched, and when."""

    class Kind(models.TextChoices):
        SFTP = "sftp", "SFTP"
        MAILBOX = "mailbox", _("mailbox")
        HTTPS = "https", "HTTPS"

    code = models.SlugField(max_length=24, unique=True)
    channel = models.ForeignKey(
        Channel, on_delete=models.PROTECT, null=True, related_name="fetch_plans"
    )
    bank_account = models.ForeignKey(
        BankAccount, on_delete=models.PROTECT, null=True, related_name="fetch_plans"
    )
    ledger = models.ForeignKey(
        LedgerSystem, on_delete=models.PROTECT, null=True, related_name="fetch_plans"
    )
    kind = models.CharField(max_length=8, choices=Kind)
    address = models.CharField(max_length=300)  # sftp://host/folder, imaps://host/INBOX, https://..
    user = models.CharField(max_length=120, blank=True)
    secret_name = models.CharField(max_length=32, default="fetch")
    host_key = models.TextField(blank=True)  # of an SFTP server, as its operator told us
    sender = models.CharField(max_length=254, blank=True)  # of mails that count
    subject = models.CharField(max_length=120, default="*")  # as file names are matched
    pattern = models.CharField(max_length=120, default="*")  # of the names of files
    at = models.TimeField(null=True)  # IST, once a day; or
    every_minutes = models.PositiveSmallIntegerField(null=True)
    days_back = models.PositiveSmallIntegerField(default=3)  # of HTTPS and mails
    keep_days = models.PositiveIntegerField(default=3650)  # the bytes that were fetched
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=_ONE_SOURCE, name="fetch_plan_has_one_source"),
            models.CheckConstraint(
                condition=Q(at__isnull=False, every_minutes__isnull=True)
                | Q(at__isnull=True, every_minutes__isnull=False, every_minutes__gt=0),
                name="fetch_plan_has_one_clock",
            ),
            models.CheckConstraint(
                condition=Q(kind="sftp", address__startswith="sftp://") & ~Q(host_key="")
                | Q(kind="mailbox", address__startswith="imaps://") & ~Q(sender="")
                | Q(kind="https", address__startswith="https://"),
                name="fetch_plan_knows_its_server",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def source(self) -> Source | None:
        """Whose files it fetches."""
        return self.channel or self.bank_account or self.ledger


class Fetch(models.Model):
    """One time that a plan was followed: who asked, what was there, what was new, what failed."""

    class State(models.TextChoices):
        RUNNING = "running", _("works now")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    plan = models.ForeignKey(FetchPlan, on_delete=models.PROTECT, related_name="fetches")
    asked_by = models.CharField(max_length=80)  # a user name or "timetable"
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    started_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)
    seen_count = models.PositiveIntegerField(default=0)  # files that the place offered
    new_count = models.PositiveIntegerField(default=0)  # that were not fetched before
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["plan"], condition=Q(state="running"), name="fetch_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(state="running", ended_at__isnull=True)
                | Q(state__in=["done", "failed"], ended_at__gte=F("started_at")),
                name="fetch_ends_with_its_state",
            ),
        ]
        indexes = [models.Index(fields=["plan", "-started_at"], name="fetch_latest")]

    def __str__(self) -> str:
        return f"{self.plan_id} at {self.started_at}"


class FetchedFile(models.Model):
    """One file that was fetched: where it lay, what it was, and what became of it."""

    class Outcome(models.TextChoices):
        LOADED = "loaded", _("loaded")
        WAITING = "waiting", _("waits for a second person")
        REFUSED = "refused", _("refused")
        KNOWN = "known", _("was here already")

    plan = models.ForeignKey(FetchPlan, on_delete=models.PROTECT, related_name="fetched")
    fetch = models.ForeignKey(Fetch, on_delete=models.PROTECT, related_name="fetched")
    name = models.CharField(max_length=300)  # as it was offered; never used as a path
    mark = models.CharField(max_length=80)  # what would change with its content
    sha256 = models.CharField(max_length=64)
    outcome = models.CharField(max_length=8, choices=Outcome)
    problem = models.CharField(max_length=300, blank=True)
    file = models.ForeignKey(
        StatementFile, on_delete=models.PROTECT, null=True, related_name="fetched"
    )
    at = models.DateTimeField(default=now)
    wiped_at = models.DateTimeField(null=True)  # when its bytes went, by the plan's retention

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "name", "mark"], name="fetched_file_once"),
        ]
        indexes = [
            models.Index(fields=["at"], condition=Q(wiped_at__isnull=True), name="fetched_kept")
        ]

    def __str__(self) -> str:
        return f"{self.plan_id}: {self.name}"
