"""Runs of the engine, and what each proved."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from channels_.models import BankAccount, Channel
from cspdcl.kernel.clock import now
from reconciliation.models.books import Book, Stage


class Run(models.Model):
    """One execution of the engine. It matches whatever is open and proves one business date."""

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        ABANDONED = "abandoned", _("its process died")

    business_date = models.DateField()
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    started_by = models.CharField(max_length=80)  # a user name, "timetable" or "command"
    worker = models.CharField(max_length=80)  # host and process
    started_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True)
    rule_versions = models.JSONField(default=dict)  # {code: version} as used
    swept_at = models.DateTimeField(null=True)  # when it was held against the closed days
    matched_count = models.BigIntegerField(default=0)  # matches this run made
    opened_count = models.BigIntegerField(default=0)  # breaks it opened
    closed_count = models.BigIntegerField(default=0)  # breaks it closed
    entries_until = models.BigIntegerField(default=0)  # the last entry it saw
    matches_until = models.BigIntegerField(null=True)  # the last match it knew; none: no open items
    matches_hash = models.BigIntegerField(default=0)  # of every live match, by what it joins
    ledger_from = models.DateField(null=True)  # since when it expected postings; none: no ERP
    rates_hash = models.CharField(max_length=64, blank=True)  # of the rates it judged fees by
    input_hash = models.CharField(max_length=64, blank=True)  # of the files that speak of its day
    carried = models.JSONField(default=list)  # open breaks it left: [{reason, day, count, paise}]
    output_hash = models.CharField(max_length=64, blank=True)  # of the state it left
    problem = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="running"), name="run_one_at_a_time"
            ),
        ]
        indexes = [models.Index(fields=["business_date", "-id"], name="run_by_day")]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.business_date}"


class RollForward(models.Model):
    """opening + arrived - matched - written off = closing, in count and paise."""

    stage = models.CharField(max_length=8, choices=Stage)
    book = models.CharField(max_length=8, choices=Book)
    opening_count = models.BigIntegerField()
    opening_paise = models.BigIntegerField()
    arrived_count = models.BigIntegerField()
    arrived_paise = models.BigIntegerField()
    matched_count = models.BigIntegerField()
    matched_paise = models.BigIntegerField()
    written_off_count = models.BigIntegerField()
    written_off_paise = models.BigIntegerField()
    closing_count = models.BigIntegerField()
    closing_paise = models.BigIntegerField()

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    closing_count=F("opening_count")
                    + F("arrived_count")
                    - F("matched_count")
                    - F("written_off_count"),
                    closing_paise=F("opening_paise")
                    + F("arrived_paise")
                    - F("matched_paise")
                    - F("written_off_paise"),
                ),
                name="%(class)s_rolls_forward",
            ),
        ]


class Proof(RollForward):
    """The roll-forward of one book in one stage for one business date, as its last run left it.

    Closing is again the sum of what is open for a reason: breaks, expected, and matched later.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="proofs")
    business_date = models.DateField()
    broken_count = models.BigIntegerField()  # of the closing: inside open breaks
    broken_paise = models.BigIntegerField()
    expected_count = models.BigIntegerField()  # of the closing: not due, or waiting for a file
    expected_paise = models.BigIntegerField()
    later_count = models.BigIntegerField()  # of the closing: matched on a later business date
    later_paise = models.BigIntegerField()

    class Meta:
        constraints = [
            *RollForward.Meta.constraints,
            models.UniqueConstraint(fields=["run", "stage", "book"], name="proof_once_per_run"),
            models.CheckConstraint(
                condition=Q(
                    closing_count=F("broken_count") + F("expected_count") + F("later_count"),
                    closing_paise=F("broken_paise") + F("expected_paise") + F("later_paise"),
                ),
                name="proof_closing_is_explained",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.business_date} {self.stage} {self.book}"


class SourceProof(RollForward):
    """The roll-forward of what one source said in one stage: a part of the proof of its book.

    Receipts and channel lines are of a channel, bank lines of an account, postings of the ERP.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="source_proofs")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, null=True, related_name="+")
    bank_account = models.ForeignKey(
        BankAccount, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = [
            *RollForward.Meta.constraints,
            models.UniqueConstraint(
                fields=["run", "stage", "book", "channel", "bank_account"],
                nulls_distinct=False,
                name="source_proof_once_per_run",
            ),
            models.CheckConstraint(
                condition=Q(channel__isnull=True) | Q(bank_account__isnull=True),
                name="source_proof_of_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run} {self.stage} {self.book} {self.channel or self.bank_account or ''}"


class Expected(models.Model):
    """What a run left open as not due or waiting for a file, summed by what it waits for."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="expected")
    business_date = models.DateField()
    stage = models.CharField(max_length=8, choices=Stage)
    book = models.CharField(max_length=8, choices=Book)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, null=True, related_name="+")
    why = models.CharField(max_length=24)  # not_due, no_file, not_deposited, carried, not_settled
    count = models.BigIntegerField()
    paise = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.business_date} {self.stage} {self.book} {self.why}"
