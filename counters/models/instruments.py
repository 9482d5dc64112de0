"""Cheques, drafts, postal orders and card slips: whom they pay, what became of them."""

from functools import reduce
from operator import or_
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from attachments.models import Attachment
from channels_.models import BankAccount
from counters.models.collections import Collection
from counters.states import PAPER_ALIVE, PAPER_EDGES, PaperState
from cspdcl.kernel.clock import now
from payments.models import METHODS, Bill, Consumer, Counter, Deposit, Payment
from people.models import Office


class Instrument(models.Model):
    """One paper that stands for money. It may pay many consumers."""

    public_id = models.UUIDField(default=uuid4, unique=True)
    method = models.CharField(max_length=16, choices=METHODS)
    number = models.CharField(max_length=12)  # cheque, draft or order number; RRN of a card slip
    bank_key = models.CharField(max_length=24)  # MICR sort code, else IFSC, else the bank's name
    micr = models.CharField(max_length=9, blank=True)
    account_id = models.CharField(max_length=6, blank=True)
    transaction_code = models.CharField(max_length=2, blank=True)
    ifsc = models.CharField(max_length=11, blank=True)
    bank_name = models.CharField(max_length=80, blank=True)
    branch_name = models.CharField(max_length=80, blank=True)
    dated = models.DateField(null=True)
    drawer = models.CharField(max_length=120, blank=True)
    details = models.JSONField(default=dict, blank=True)  # postal order, card slip: by method
    amount_paise = models.BigIntegerField()
    state = models.CharField(max_length=16, choices=PaperState, default=PaperState.RECEIVED)
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="+")
    counter = models.ForeignKey(Counter, on_delete=models.PROTECT, related_name="instruments")
    collection = models.ForeignKey(
        Collection, on_delete=models.PROTECT, null=True, related_name="instruments"
    )  # null: held until its day
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    received_on = models.DateField()
    due_on = models.DateField(null=True)  # held: when it becomes good
    deposit = models.ForeignKey(
        Deposit, on_delete=models.PROTECT, null=True, related_name="instruments"
    )  # the present presentation
    presented_count = models.PositiveSmallIntegerField(default=0)
    deposited_on = models.DateField(null=True)
    returned_on = models.DateField(null=True)
    return_code = models.CharField(max_length=4, blank=True)
    return_words = models.CharField(max_length=120, blank=True)
    front = models.ForeignKey(Attachment, on_delete=models.PROTECT, null=True, related_name="+")
    back = models.ForeignKey(Attachment, on_delete=models.PROTECT, null=True, related_name="+")
    memo = models.ForeignKey(Attachment, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_paise__gt=0), name="instrument_amount_positive"
            ),
            models.CheckConstraint(
                condition=Q(state__in=PaperState.values), name="instrument_state_known"
            ),
            models.UniqueConstraint(
                fields=["method", "number", "bank_key", "account_id"],
                condition=Q(state__in=PAPER_ALIVE),
                name="instrument_taken_once",
            ),
            models.CheckConstraint(
                condition=Q(state="held", collection__isnull=True, due_on__isnull=False)
                | ~Q(state="held"),
                name="instrument_held_until",
            ),
        ]
        indexes = [
            models.Index(fields=["number"], name="instrument_number"),
            models.Index(fields=["office", "state"], name="instrument_of_office"),
            models.Index(fields=["state", "due_on"], name="instrument_due"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.number}"


class Share(models.Model):
    """What of a paper is for one consumer; the payment exists once the paper is taken."""

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="shares")
    consumer = models.ForeignKey(Consumer, on_delete=models.PROTECT, related_name="+")
    bill = models.ForeignKey(Bill, on_delete=models.PROTECT, null=True, related_name="+")
    amount_paise = models.BigIntegerField()
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, null=True, related_name="share"
    )
    charge = models.OneToOneField(
        Bill, on_delete=models.PROTECT, null=True, related_name="charged_for"
    )  # what a dishonour added to the consumer's dues
    made_good_by = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, related_name="made_good"
    )  # what the consumer paid instead, once it was dishonoured

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_paise__gt=0), name="share_amount_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument_id} for {self.consumer_id}"


class InstrumentEvent(models.Model):
    """One step of a paper. Append-only by trigger."""

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="events")
    from_state = models.CharField(max_length=16, choices=PaperState)
    to_state = models.CharField(max_length=16, choices=PaperState)
    business_date = models.DateField()  # of the step, as the books count it
    cause = models.CharField(max_length=120)
    actor = models.CharField(max_length=80)
    return_code = models.CharField(max_length=4, blank=True)
    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=reduce(or_, (Q(from_state=was, to_state=to) for was, to in PAPER_EDGES)),
                name="instrument_event_edge_is_legal",
            ),
        ]
        indexes = [models.Index(fields=["at"], name="instrument_event_latest")]

    def __str__(self) -> str:
        return f"{self.from_state} -> {self.to_state}"


class ChequeBar(models.Model):
    """A consumer whose cheques are not taken for a time, because one was dishonoured."""

    consumer = models.ForeignKey(Consumer, on_delete=models.PROTECT, related_name="cheque_bars")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="bars")
    since = models.DateField()
    until = models.DateField()  # the last day
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    why_lifted = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["consumer", "instrument"], name="cheque_bar_once")
        ]
        indexes = [
            models.Index(
                fields=["consumer", "until"],
                condition=Q(lifted_at__isnull=True),
                name="cheque_bar_in_force",
            )
        ]

    def __str__(self) -> str:
        return f"{self.consumer_id} until {self.until}"


class LegalNotice(models.Model):
    """The days of section 138: notice within 30 of the memo, 15 to pay, a month to complain."""

    instrument = models.OneToOneField(
        Instrument, on_delete=models.PROTECT, related_name="legal_notice"
    )
    memo_on = models.DateField()
    notice_by = models.DateField()
    sent_on = models.DateField(null=True)
    served_on = models.DateField(null=True)
    cure_by = models.DateField(null=True)
    complaint_by = models.DateField(null=True)
    closed_on = models.DateField(null=True)
    outcome = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"notice for {self.instrument_id}"


class ReturnFile(models.Model):
    """A bank's list of returned papers; the same bytes are taken once."""

    public_id = models.UUIDField(default=uuid4, unique=True)
    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()  # sealed: the bytes as they came, for who asks later
    layout = models.SlugField(max_length=32)  # how it was read
    line_count = models.PositiveIntegerField()
    amount_paise = models.BigIntegerField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=now)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )  # who saw the preview and let its lines be applied
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bank_account", "sha256"], name="return_file_once"),
            models.CheckConstraint(
                condition=Q(released_by__isnull=True, released_at__isnull=True)
                | Q(released_by__isnull=False, released_at__isnull=False),
                name="return_file_released_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ReturnLine(models.Model):
    """One returned paper as the bank tells it, and what became of the line."""

    class State(models.TextChoices):
        DUE = "due", _("to be applied")
        APPLIED = "applied", _("applied")
        KNOWN = "known", _("known already")
        PERSON = "person", _("waits for a person")

    file = models.ForeignKey(ReturnFile, on_delete=models.PROTECT, related_name="lines")
    line = models.PositiveIntegerField()
    number = models.CharField(max_length=12)
    micr = models.CharField(max_length=9, blank=True)
    account_id = models.CharField(max_length=6, blank=True)
    amount_paise = models.BigIntegerField()
    returned_on = models.DateField()
    return_code = models.CharField(max_length=4, blank=True)
    return_words = models.CharField(max_length=120, blank=True)
    slip = models.CharField(max_length=40, blank=True)
    instrument = models.ForeignKey(
        Instrument, on_delete=models.PROTECT, null=True, related_name="return_lines"
    )
    state = models.CharField(max_length=8, choices=State, default=State.DUE)
    outcome = models.CharField(max_length=200, blank=True)
    event = models.OneToOneField(
        InstrumentEvent, on_delete=models.PROTECT, null=True, related_name="told_by"
    )  # the step it caused

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "line"], name="return_line_once"),
            models.CheckConstraint(
                condition=Q(state="applied", instrument__isnull=False, event__isnull=False)
                | (~Q(state="applied") & Q(event__isnull=True)),
                name="return_line_applied_to_a_paper",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(state="due"), name="return_line_due"),
        ]

    def __str__(self) -> str:
        return f"{self.file_id}:{self.line}"
