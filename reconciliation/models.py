"""The books side by side: entries, what explains them, and what nobody could explain yet."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from channels_.models import BankAccount, Channel, StatementFile
from cspdcl.kernel.clock import now
from payments.models import Consumer


class Book(models.TextChoices):
    """Who says it."""

    RECEIPTS = "receipts", _("Receipts")
    CHANNEL = "channel", _("Channel lines")
    BANK = "bank", _("Bank")


class Kind(models.TextChoices):
    """What an entry is, in the common shape."""

    PAYMENT = "payment", _("payment")
    REPEATED = "repeated", _("second success for one order")
    FAILED = "failed", _("payment we hold as failed")
    REFUND = "refund", _("refund")
    REVERSAL = "reversal", _("reversal")
    CHARGEBACK = "chargeback", _("chargeback")
    ADJUSTMENT = "adjustment", _("adjustment")
    SETTLEMENT = "settlement", _("settlement credit")
    DEPOSIT = "deposit", _("deposit credit")
    TRANSFER = "transfer", _("transfer")
    CHEQUE_RETURN = "cheque_return", _("returned cheque")
    CHARGE = "charge", _("bank charge")
    INTEREST = "interest", _("interest")
    OTHER = "other", _("no collection")
    UNKNOWN = "unknown", _("unknown word")


class Stage(models.TextChoices):
    """The two proofs a rupee passes here: the channel confirms it, the bank has it.

    An entry takes part at most once in each. A receipt at a gateway passes CHANNEL itself and BANK
    through its settlement line; counter money and transfers pass BANK themselves.
    """

    CHANNEL = "channel", _("confirmed by the channel")
    BANK = "bank", _("in the bank")
    FEE = "fee", _("fee as agreed")  # for breaks only: a fee is judged, not matched


class Leg(models.TextChoices):
    """One comparison of two books."""

    RECEIPT_CHANNEL = "receipt_channel", _("Receipt to channel line")
    CHANNEL_BANK = "channel_bank", _("Settlement to bank credit")
    DEPOSIT_BANK = "deposit_bank", _("Counter deposit to bank credit")
    TRANSFER_BANK = "transfer_bank", _("Receipt to bank transfer")


class Reason(models.TextChoices):
    """Why an entry is a break. A closed list: code, API and screens use these and no other."""

    MISSING_IN_CHANNEL = "missing_in_channel", _("Receipt without a line of the channel")
    MISSING_IN_BOOKS = "missing_in_books", _("Paid line without a receipt")
    AMOUNT_DIFFERS = "amount_differs", _("Amounts differ")
    STATUS_DIFFERS = "status_differs", _("Paid there, failed here")
    DUPLICATE = "duplicate", _("Paid or listed twice")
    SETTLED_NOT_CREDITED = "settled_not_credited", _("Settlement not credited")
    CREDITED_NOT_SETTLED = "credited_not_settled", _("Credit without a settlement")
    SHORT_CREDIT = "short_credit", _("Bank paid less than the settlement")
    EXCESS_CREDIT = "excess_credit", _("Bank paid more than the settlement")
    FEE_DIFFERS = "fee_differs", _("Fee or GST differs from the rate card")
    REFUND_UNMATCHED = "refund_unmatched", _("Refund we do not know")
    CHARGEBACK = "chargeback", _("Chargeback")
    CHEQUE_RETURNED = "cheque_returned", _("Cheque returned")
    DEPOSIT_MISSING = "deposit_missing", _("Deposit not credited")
    DEPOSIT_DIFFERS = "deposit_differs", _("Deposit credited in another amount")
    UNIDENTIFIED_CREDIT = "unidentified_credit", _("Credit of an unknown sender")
    AMBIGUOUS = "ambiguous", _("Several fit, none is sure")
    UNKNOWN_CODE = "unknown_code", _("Unknown word of the channel or bank")


class Entry(models.Model):
    """One line of any book in the common shape. Append-only.

    Foreign keys here carry no database constraint: checked row by row they would double the time
    of a load, while the rows they name can never be deleted (docs/adr/0005).
    """

    book = models.CharField(max_length=8, choices=Book)
    kind = models.CharField(max_length=16, choices=Kind)
    channel = models.ForeignKey(
        Channel,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    bank_account = models.ForeignKey(
        BankAccount,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    file = models.ForeignKey(
        StatementFile,
        on_delete=models.PROTECT,
        null=True,
        related_name="entries",
        db_constraint=False,
        db_index=False,
    )
    line = models.IntegerField(default=0)  # where in the file
    source_key = models.CharField(max_length=120)  # "razorpay:pay_..."; unique within the book
    business_date = models.DateField()
    due_on = models.DateField()  # when the other side should have it; until then it is expected
    occurred_at = models.DateTimeField(null=True)
    amount_paise = models.BigIntegerField()  # gross, signed, + is money to us
    fee_paise = models.BigIntegerField(default=0)
    tax_paise = models.BigIntegerField(default=0)
    net_paise = models.BigIntegerField()  # amount less fee and tax: what the bank will see
    reference = models.CharField(max_length=40, default="", blank=True)
    channel_ref = models.CharField(max_length=64, default="", blank=True)
    order_ref = models.CharField(max_length=64, default="", blank=True)
    original_ref = models.CharField(max_length=64, default="", blank=True)
    settlement_ref = models.CharField(max_length=64, default="", blank=True)
    deposit_ref = models.CharField(max_length=24, default="", blank=True)
    utr = models.CharField(max_length=40, default="", blank=True)
    rrn = models.CharField(max_length=32, default="", blank=True)
    instrument = models.CharField(max_length=12, default="", blank=True)
    consumer_number = models.CharField(max_length=20, default="", blank=True)
    method = models.CharField(max_length=16, default="", blank=True)
    network = models.CharField(max_length=24, default="", blank=True)
    code = models.CharField(max_length=40, default="", blank=True)
    narration = models.TextField(default="", blank=True)
    in_channel_stage = models.BooleanField()  # must be explained between receipts and channel
    in_bank_stage = models.BooleanField()  # must be explained against the bank
    loaded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["book", "source_key"], name="entry_once"),
            models.CheckConstraint(
                condition=Q(net_paise=F("amount_paise") - F("fee_paise") - F("tax_paise")),
                name="entry_net_adds_up",
            ),
            models.CheckConstraint(condition=Q(book__in=Book.values), name="entry_book_known"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="entry_kind_known"),
        ]
        indexes = [
            models.Index(fields=["business_date", "book"], name="entry_day"),
            models.Index(fields=["utr"], condition=~Q(utr=""), name="entry_utr"),
        ]

    def __str__(self) -> str:
        return f"{self.book} {self.source_key}"


class Rule(models.Model):
    """One version of one way to match, as data; compiled to SQL from closed enums only."""

    class Cardinality(models.TextChoices):
        ONE_TO_ONE = "one_to_one", _("one to one")
        MANY_TO_ONE = "many_to_one", _("many to one credit")
        NIL = "nil", _("a settlement that pays nothing")
        CARRIED = "carried", _("a settlement with what was carried on")
        IN_PARTS = "in_parts", _("a settlement in several credits")

    code = models.SlugField(max_length=32)
    version = models.PositiveSmallIntegerField(default=1)
    priority = models.PositiveSmallIntegerField()
    leg = models.CharField(max_length=16, choices=Leg)
    key = models.CharField(max_length=16)  # a member of rules.Key
    cardinality = models.CharField(max_length=12, choices=Cardinality)
    tolerance_paise = models.PositiveIntegerField(default=0)  # for rounding only
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "version"], name="rule_version_once"),
            models.UniqueConstraint(
                fields=["code"], condition=Q(is_active=True), name="rule_one_active_version"
            ),
            models.CheckConstraint(
                condition=Q(tolerance_paise__lte=100), name="rule_tolerance_is_rounding"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"


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


class Proof(models.Model):
    """The roll-forward of one book in one stage for one business date, as its last run left it.

    opening + arrived - matched - written off = closing, in count and paise; and closing is again
    the sum of what is open for a reason: breaks, expected, and matched on a later day.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="proofs")
    business_date = models.DateField()
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
    broken_count = models.BigIntegerField()  # of the closing: inside open breaks
    broken_paise = models.BigIntegerField()
    expected_count = models.BigIntegerField()  # of the closing: not due, or waiting for a file
    expected_paise = models.BigIntegerField()
    later_count = models.BigIntegerField()  # of the closing: matched on a later business date
    later_paise = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "stage", "book"], name="proof_once_per_run"),
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
                name="proof_rolls_forward",
            ),
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


class Match(models.Model):
    """Entries that explain each other, with the rule or the decision that says so."""

    class Kind(models.TextChoices):
        RULE = "rule", _("by rule")
        HAND = "hand", _("by hand")
        WRITE_OFF = "write_off", _("written off")

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.RULE)
    stage = models.CharField(max_length=8, choices=Stage)
    leg = models.CharField(max_length=16, choices=Leg)
    run = models.ForeignKey(
        Run, on_delete=models.PROTECT, null=True, related_name="matches", db_constraint=False
    )
    rule = models.ForeignKey(
        Rule,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    decision = models.ForeignKey(
        "Decision", on_delete=models.PROTECT, null=True, related_name="matches", db_index=False
    )
    matched_on = (
        models.DateField()
    )  # the latest business date of its entries: when both sides spoke
    difference_paise = models.BigIntegerField(
        default=0
    )  # left less right; not zero for rounding only
    undone_at = models.DateTimeField(null=True)  # undo never deletes

    class Meta:
        indexes = [
            models.Index(
                fields=["decision"], condition=Q(decision__isnull=False), name="match_by_decision"
            ),
            models.Index(
                fields=["undone_at"], condition=Q(undone_at__isnull=False), name="match_undone"
            ),
        ]

    def __str__(self) -> str:
        return f"match {self.pk}"


class MatchLine(models.Model):
    """One entry inside a match; live at most once per stage."""

    pk = models.CompositePrimaryKey("match_id", "entry_id")  # finds the lines of a match too
    match = models.ForeignKey(
        Match, on_delete=models.PROTECT, related_name="lines", db_constraint=False, db_index=False
    )
    entry = models.ForeignKey(
        Entry,
        on_delete=models.PROTECT,
        related_name="match_lines",
        db_constraint=False,
        db_index=False,
    )
    stage = models.CharField(max_length=8, choices=Stage)
    is_live = models.BooleanField(default=True)

    class Meta:
        constraints = [
            # One index a stage, over the entry alone: narrower, and half as dear to keep.
            models.UniqueConstraint(
                fields=["entry"],
                condition=Q(stage="channel", is_live=True),
                name="match_line_once_by_channel",
            ),
            models.UniqueConstraint(
                fields=["entry"],
                condition=Q(stage="bank", is_live=True),
                name="match_line_once_by_bank",
            ),
            models.CheckConstraint(
                condition=Q(stage__in=["channel", "bank"]), name="match_line_stage_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.match_id}: {self.entry_id}"


class Break(models.Model):
    """Entries that a finished run could not explain, with the reason."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")

    public_id = models.CharField(max_length=32, unique=True)  # for addresses: no sequence outside
    stage = models.CharField(max_length=8, choices=Stage)
    leg = models.CharField(max_length=16, choices=Leg)
    reason = models.CharField(max_length=24, choices=Reason)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    book = models.CharField(max_length=8, choices=Book)  # who says the thing that is unexplained
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, null=True, related_name="breaks")
    bank_account = models.ForeignKey(
        BankAccount, on_delete=models.PROTECT, null=True, related_name="breaks"
    )
    reference = models.CharField(max_length=64)  # what a person would search for
    subject_key = models.CharField(max_length=160)  # the same break found again by a later run
    amount_paise = models.BigIntegerField()  # the money at stake, positive
    business_date = models.DateField()
    facts = models.JSONField(default=dict)  # what explain.py turns into a sentence
    opened_by = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="opened_breaks")
    opened_at = models.DateTimeField(default=now)
    closed_at = models.DateTimeField(null=True)
    closed_why = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["stage", "subject_key"], condition=Q(state="open"), name="break_open_once"
            ),
            models.CheckConstraint(
                condition=Q(reason__in=Reason.values), name="break_reason_known"
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at__isnull=True)
                | Q(state="closed", closed_at__isnull=False),
                name="break_closed_iff_dated",
            ),
        ]
        indexes = [models.Index(fields=["state", "business_date"], name="break_by_day")]

    def __str__(self) -> str:
        return f"{self.reason} {self.reference}"


class BreakLine(models.Model):
    """One entry inside a break; it stays when the break closes, as its evidence."""

    open_break = models.ForeignKey(Break, on_delete=models.CASCADE, related_name="lines")
    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, related_name="break_lines", db_constraint=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["open_break", "entry"], name="break_line_once")
        ]

    def __str__(self) -> str:
        return f"{self.open_break_id}: {self.entry_id}"


class Decision(models.Model):
    """What a person proposes for entries, and what a second person says to it."""

    class Kind(models.TextChoices):
        MATCH = "match", _("match by hand")
        WRITE_OFF = "write_off", _("write off")
        ASSIGN = "assign", _("assign to consumers")
        TAKE = "take", _("take into our books")
        TAKE_BACK = "take_back", _("take an assignment back")

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
                condition=~Q(state="alone") | Q(kind__in=["assign", "take"]),
                name="decision_alone_only_small",
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


class DayClose(models.Model):
    """One version of a closed business date: what was proved, who answers for it, signed.

    What touches the day afterwards makes the next version; a closed one is never altered. The
    database refuses any change but the steps proposed -> closed -> superseded, and withdrawn.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a second person")
        CLOSED = "closed", _("closed")
        SUPERSEDED = "superseded", _("restated since")
        WITHDRAWN = "withdrawn", _("not signed")

    business_date = models.DateField()
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300)
    facts = models.JSONField()  # certificates.py says what; final with the signature
    maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )  # nobody: the system proposes restatements
    made_at = models.DateTimeField(default=now)
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    answer = models.CharField(max_length=300, blank=True)
    closed_at = models.DateTimeField(null=True)
    content_hash = models.CharField(max_length=64, blank=True)
    key_id = models.CharField(max_length=16, blank=True)
    signature = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["business_date", "version"],
                condition=~Q(state="withdrawn"),
                name="day_close_version_once",
            ),
            models.UniqueConstraint(
                fields=["business_date"], condition=Q(state="closed"), name="day_close_one_live"
            ),
            models.UniqueConstraint(
                fields=["business_date"],
                condition=Q(state="proposed"),
                name="day_close_one_proposed",
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="day_close_version_counts"),
            models.CheckConstraint(
                condition=Q(checker__isnull=True) | Q(maker__isnull=True) | ~Q(maker=F("checker")),
                name="day_close_maker_is_not_checker",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["closed", "superseded"], checker__isnull=False)
                & Q(closed_at__isnull=False, signature__isnull=False)
                & ~Q(content_hash="")
                & ~Q(key_id="")
                | Q(state__in=["proposed", "withdrawn"], closed_at__isnull=True)
                & Q(signature__isnull=True, content_hash="", key_id=""),
                name="day_close_signed_iff_closed",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """What names the certificate to people: ``DC-2026-08-17-1``."""
        return f"DC-{self.business_date.isoformat()}-{self.version}"


class DayCause(models.Model):
    """Something that touches a day after it was closed: why the day is stated anew."""

    class Kind(models.TextChoices):
        FILE = "file", _("late file")
        RECEIPT = "receipt", _("late receipt")
        DISHONOUR = "dishonour", _("dishonoured cheque")
        UNDONE = "undone", _("match undone")
        CORRECTION = "correction", _("correction")

    business_date = models.DateField()
    kind = models.CharField(max_length=10, choices=Kind)
    key = models.CharField(max_length=140)  # the same cause found again is the same row
    reference = models.CharField(max_length=200)
    amount_paise = models.BigIntegerField()
    count = models.PositiveIntegerField(default=1)  # how many lines
    at = models.DateTimeField()
    facts = models.JSONField(default=dict)
    found_at = models.DateTimeField(default=now)
    stated_by = models.ForeignKey(
        DayClose, on_delete=models.PROTECT, null=True, related_name="causes"
    )  # the version that lists it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["business_date", "kind", "key"], name="day_cause_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["file", "receipt", "dishonour", "undone", "correction"]),
                name="day_cause_kind_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["business_date"],
                condition=Q(stated_by__isnull=True),
                name="day_cause_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.business_date} {self.kind} {self.reference}"
