"""What people decide, and what came of it."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cspdcl.kernel.clock import now
from payments.models import Consumer
from reconciliation.models.books import Entry, Kind, Stage
from reconciliation.models.breaks import Break


class Decision(models.Model):
    """What a person proposes for entries, and what a second person says to it."""

    class Kind(models.TextChoices):
        MATCH = "match", _("match by hand")
        WRITE_OFF = "write_off", _("write off")
        ASSIGN = "assign", _("assign to consumers")
        TAKE = "take", _("take into our books")
        TAKE_BACK = "take_back", _("take an assignment back")
        SPLIT = "split", _("split a credit")
        TIMING = "timing", _("wait: it will come")
        SUSPENSE = "suspense", _("move to suspense")
        FEE = "fee", _("accept the fee")
        DISPUTE = "dispute", _("raise a dispute")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a second person")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")
        ALONE = "alone", _("done, within the limit of one person")

    public_id = models.CharField(max_length=32, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    stage = models.CharField(max_length=8, choices=Stage)
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    open_break = models.ForeignKey(
        Break, on_delete=models.PROTECT, null=True, related_name="decisions"
    )
    payment_reference = models.CharField(max_length=32, blank=True)  # of a payment without consumer
    amount_paise = models.BigIntegerField()  # the money it moves
    difference_paise = models.BigIntegerField(default=0)
    why = models.CharField(max_length=300)
    maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="proposed_decisions"
    )
    made_at = models.DateTimeField(default=now)
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="checked_decisions",
    )
    checked_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=300, blank=True)
    until = models.DateField(null=True)  # of a wait: the last day it may come
    letter_to = models.CharField(max_length=120, blank=True)  # of a dispute: where it goes
    undone_at = models.DateTimeField(null=True)  # what it did was told back
    batch = models.ForeignKey(
        "Batch", on_delete=models.PROTECT, null=True, related_name="decisions", db_index=False
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(checker__isnull=True) | ~Q(maker=F("checker")),
                name="decision_maker_is_not_checker",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["proposed", "alone"], checker__isnull=True)
                | ~Q(state__in=["proposed", "alone"]) & Q(checker__isnull=False),
                name="decision_checked_iff_decided",
            ),
            models.CheckConstraint(
                condition=~Q(state="alone")
                | Q(kind__in=["assign", "take", "write_off", "timing", "suspense", "fee"]),
                name="decision_alone_only_small",
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(kind="timing"), name="decision_until_is_a_wait"
            ),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True) | Q(state__in=["approved", "alone"]),
                name="decision_undone_only_if_it_acted",
            ),
            models.CheckConstraint(
                condition=Q(open_break__isnull=False, payment_reference="")
                | Q(open_break__isnull=True, kind="assign") & ~Q(payment_reference=""),
                name="decision_is_of_one_thing",
            ),
            models.UniqueConstraint(
                fields=["open_break"],
                condition=Q(state="proposed"),
                name="decision_one_waiting_per_break",
            ),
            models.UniqueConstraint(
                fields=["payment_reference"],
                condition=Q(state="proposed") & ~Q(payment_reference=""),
                name="decision_one_waiting_per_payment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.public_id}"


class DecisionLine(models.Model):
    """One entry a decision speaks of."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="lines")
    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["decision", "entry"], name="decision_line_once")
        ]

    def __str__(self) -> str:
        return f"{self.decision_id}: {self.entry_id}"


class DecisionPart(models.Model):
    """One part of a credit that is split: how much, and what it is for."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="parts")
    part = models.PositiveSmallIntegerField()  # from 1
    amount_paise = models.BigIntegerField()
    what = models.CharField(max_length=16, choices=Kind)
    name = models.CharField(max_length=40)  # UTR, slip or RRN by which the next run finds it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["decision", "part"], name="decision_part_once"),
            models.CheckConstraint(
                condition=Q(amount_paise__gt=0), name="decision_part_amount_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision_id}: {self.name}"


class DecisionLimit(models.Model):
    """How much a role may decide of one kind: alone, and as the second person."""

    kind = models.CharField(max_length=10, choices=Decision.Kind)
    role = models.CharField(max_length=24)  # the code of a role
    alone_paise = models.BigIntegerField(default=0)  # up to this without a second person
    approve_paise = models.BigIntegerField(null=True)  # empty: without a limit

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "role"], name="decision_limit_once"),
            models.CheckConstraint(
                condition=Q(alone_paise__gte=0)
                & (Q(approve_paise__isnull=True) | Q(approve_paise__gte=0)),
                name="decision_limit_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.role}"


class DecisionShare(models.Model):
    """What a decision gives to one consumer of the money it speaks of; none: nobody is known."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="shares")
    part = models.PositiveIntegerField()  # the order of the schedule, from 0
    consumer = models.ForeignKey(
        Consumer, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    amount_paise = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["decision", "part"], name="decision_share_once"),
            models.CheckConstraint(
                condition=Q(amount_paise__gt=0), name="decision_share_amount_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision_id}: {self.consumer_id}"


class Evidence(models.Model):
    """A payment that was made of a line in the books, because no notice told of it.

    Keyed by the line: whatever asks twice, a line becomes its payments once.
    """

    class How(models.TextChoices):
        NAMED = "named", _("the line names the consumer")
        PAYER = "payer", _("the payer is known")
        PERSON = "person", _("a person decided")
        LISTED = "listed", _("the channel's report lists it")

    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, related_name="evidence", db_constraint=False,
        db_index=False,
    )  # fmt: skip
    part = models.PositiveIntegerField(default=0)  # which share of the line
    payment_reference = models.CharField(max_length=32)
    how = models.CharField(max_length=8, choices=How)
    decision = models.ForeignKey(
        Decision, on_delete=models.PROTECT, null=True, related_name="evidence"
    )
    made_at = models.DateTimeField(default=now)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "part"],
                condition=Q(undone_at__isnull=True),
                name="evidence_line_once",
            ),
            models.UniqueConstraint(fields=["payment_reference"], name="evidence_payment_once"),
            models.CheckConstraint(
                condition=Q(how="person", decision__isnull=False)
                | ~Q(how="person") & Q(decision__isnull=True),
                name="evidence_of_a_person_has_a_decision",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payment_reference} of {self.entry_id}"


class KnownPayer(models.Model):
    """Who was paid for by an account or UPI address before. Used only while it is one consumer."""

    index = models.BinaryField(max_length=16)  # blind: the account itself is not kept
    consumer = models.ForeignKey(Consumer, on_delete=models.PROTECT, related_name="+")
    times = models.PositiveIntegerField(default=1)
    last_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["index", "consumer"], name="known_payer_once")
        ]

    def __str__(self) -> str:
        return f"payer of {self.consumer_id}"
