"""Questions to partners, what came of each try, and who has fallen silent."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from channels_.models import BankAccount, Channel, LedgerSystem, Source
from cspdcl.kernel.clock import now
from enquiries.states import State
from payments.models import Payment


class Operation(models.Model):
    """One thing that we ask of a partner, however often it takes. Its intent is stored first."""

    class Kind(models.TextChoices):
        """What is asked for."""

        ORDER = "order", _("order")
        STATUS = "status", _("status of a payment")
        REFUND = "refund", _("refund")
        REFUND_STATUS = "refund_status", _("status of a refund")
        HISTORY = "history", _("missed news")
        REPORT = "report", _("settlement report")
        DISPUTE = "dispute", _("answer to a dispute")
        REPLY = "reply", _("answer to a question")

    channel = models.ForeignKey(
        Channel, on_delete=models.PROTECT, related_name="operations", db_index=False
    )
    kind = models.CharField(max_length=16, choices=Kind)
    key = models.CharField(max_length=96)  # our own name of it, equal on every try
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, related_name="operations", db_index=False
    )
    subject = models.CharField(max_length=64, blank=True)  # a refund's or dispute's own key
    amount_paise = models.BigIntegerField(default=0)  # 0 where no money is named
    state = models.CharField(max_length=16, choices=State, default=State.INTENDED)
    attempts = models.PositiveSmallIntegerField(default=0)  # tries in all; numbers the evidence
    spent = models.PositiveSmallIntegerField(default=0)  # tries that may have reached them
    budget = models.PositiveSmallIntegerField()  # so often they may be asked, never more
    created_at = models.DateTimeField(default=now)
    next_at = models.DateTimeField(null=True)  # the next try; while it is sent, the end of the wait
    first_sent_at = models.DateTimeField(null=True)
    last_sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    result = models.JSONField(default=dict)  # what the partner made of an order
    note = models.CharField(max_length=200, blank=True)  # what the last try came to

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "kind", "key"], name="operation_once"),
            models.UniqueConstraint(
                fields=["payment"],
                condition=Q(kind="status", state__in=["intended", "sent", "unknown", "manual"]),
                name="operation_asks_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=State.values), name="operation_state_known"
            ),
            models.CheckConstraint(
                condition=Q(amount_paise__gte=0), name="operation_amount_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(spent__lte=F("budget")), name="operation_within_its_budget"
            ),
            models.CheckConstraint(
                condition=Q(spent__lte=F("attempts")), name="operation_spent_by_tries"
            ),
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(next_at__isnull=False, last_sent_at__isnull=False),
                name="operation_sent_is_waited_for",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at", "id"],
                condition=Q(state__in=["intended", "sent", "unknown"]),
                name="operation_due",
            ),
            models.Index(
                fields=["kind", "created_at"],
                condition=Q(state__in=["intended", "sent", "unknown", "manual"]),
                name="operation_open",
            ),
            models.Index(
                fields=["payment"], condition=Q(payment__isnull=False), name="operation_payment"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class OperationAttempt(models.Model):
    """The evidence of one try: what went out, what came back, how it was read. Append-only."""

    class Reading(models.TextChoices):
        """What a try came to."""

        ANSWERED = "answered", _("answered")
        DECLINED = "declined", _("declined")
        UNCLEAR = "unclear", _("not understood")
        NO_ANSWER = "no_answer", _("no answer")
        NOT_SENT = "not_sent", _("not sent")
        LOST = "lost", _("nobody saw the answer")

    operation = models.ForeignKey(
        Operation, on_delete=models.PROTECT, related_name="tries", db_index=False
    )
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    ended_at = models.DateTimeField(default=now)
    request_sha256 = models.CharField(max_length=64, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    answer = models.BinaryField(null=True)  # encrypted, kernel.crypto
    answer_sha256 = models.CharField(max_length=64, blank=True)
    reading = models.CharField(max_length=12, choices=Reading)
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operation", "number"], name="operation_attempt_once"),
            models.CheckConstraint(
                condition=Q(
                    reading__in=[
                        *("answered", "declined", "unclear", "no_answer", "not_sent", "lost")
                    ]
                ),
                name="operation_attempt_reading_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation_id}.{self.number} {self.reading}"


class Breaker(models.Model):
    """How a channel's API fares: after some failures in a row nobody is asked for a while."""

    channel = models.OneToOneField(
        Channel, on_delete=models.PROTECT, primary_key=True, related_name="breaker"
    )
    failures = models.PositiveIntegerField(default=0)  # in a row
    open_until = models.DateTimeField(null=True)
    last_problem = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.channel_id}: {self.failures} failures"


class Pass(models.Model):
    """A token that a partner wants with every call, kept until it expires."""

    channel = models.OneToOneField(
        Channel, on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    sealed = models.BinaryField()  # encrypted, kernel.crypto
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.channel_id} until {self.expires_at}"


class Listening(models.Model):
    """How far a channel's news were pulled: until when all is heard, and the window in hand."""

    channel = models.OneToOneField(
        Channel, on_delete=models.PROTECT, primary_key=True, related_name="listening"
    )
    heard_until = models.DateTimeField(null=True)
    since = models.DateTimeField(null=True)  # the window that is being pulled, null: none
    until = models.DateTimeField(null=True)
    page = models.PositiveIntegerField(default=0)
    cursor = models.CharField(max_length=200, blank=True)
    pulled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(since__isnull=True, until__isnull=True)
                | Q(since__isnull=False, until__gt=F("since")),
                name="listening_window_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} until {self.heard_until}"


class Alarm(models.Model):
    """Something about a source of money or files that a person must look at; one open of a kind."""

    class Kind(models.TextChoices):
        """What is wrong."""

        SILENT = "silent", _("silent for too long")
        UNREACHABLE = "unreachable", _("does not answer our calls")
        HISTORY = "history", _("missed news cannot be pulled")
        REFUND = "refund", _("more goes back than was paid")
        DISPUTE = "dispute", _("a dispute wants its answer")
        FILE = "file", _("a file has not come")
        FETCH = "fetch", _("files cannot be fetched")

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, null=True, related_name="alarms")
    bank_account = models.ForeignKey(
        BankAccount, on_delete=models.PROTECT, null=True, related_name="alarms"
    )
    ledger = models.ForeignKey(
        LedgerSystem, on_delete=models.PROTECT, null=True, related_name="alarms"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    raised_at = models.DateTimeField(default=now)
    cleared_at = models.DateTimeField(null=True)
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "bank_account", "ledger", "kind"],
                condition=Q(cleared_at__isnull=True),
                nulls_distinct=False,
                name="alarm_open_once",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        *("silent", "unreachable", "history", "refund", "dispute"),
                        *("file", "fetch"),
                    ]
                ),
                name="alarm_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(channel__isnull=False, bank_account__isnull=True, ledger__isnull=True)
                | Q(channel__isnull=True, kind__in=["file", "fetch"])
                & (
                    Q(bank_account__isnull=False, ledger__isnull=True)
                    | Q(bank_account__isnull=True, ledger__isnull=False)
                ),
                name="alarm_has_one_source",
            ),
            models.CheckConstraint(
                condition=Q(cleared_at__isnull=True) | Q(cleared_at__gte=F("raised_at")),
                name="alarm_cleared_after_raised",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.kind}"

    @property
    def source(self) -> Source | None:
        """Whom it is about."""
        return self.channel or self.bank_account or self.ledger


class TatRule(models.Model):
    """By when failed money must be back for one method, and what each later day costs."""

    method = models.CharField(max_length=16, blank=True)  # a Method; blank: whatever is not named
    days = models.PositiveSmallIntegerField()  # after the day of the payment
    paise_a_day = models.BigIntegerField()  # what the payer's bank owes the payer
    valid_from = models.DateField()  # for payments of this day and later
    source = models.CharField(max_length=120, blank=True)  # the circular that says so

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["method", "valid_from"], name="tat_rule_once"),
            models.CheckConstraint(
                condition=Q(paise_a_day__gte=0, paise_a_day__lte=10**9),
                name="tat_rule_compensation_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method or '*'}: T+{self.days} from {self.valid_from}"
