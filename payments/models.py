"""Consumers and their bills, the payments they make, and the receipts they get."""

from functools import reduce
from operator import or_
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from channels_.contract import Method
from channels_.models import BankAccount, Channel, InboundMessage
from cspdcl.kernel.clock import now
from payments.states import DISPUTE_EDGES, EDGES, PAID, DisputeState, State
from people.models import Office

METHODS = [(method.value, method.value) for method in Method]


class Consumer(models.Model):
    """Who a bill is for: one contract account of the ERP, with its business partner."""

    class Plan(models.TextChoices):
        POSTPAID = "postpaid", _("postpaid")
        PREPAID = "prepaid", _("prepaid")

    number = models.CharField(max_length=12, unique=True)  # contract account: the consumer number
    business_partner = models.CharField(max_length=10, db_index=True)  # what portals ask for
    name = models.CharField(max_length=120)
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="consumers")
    mobile = models.BinaryField(null=True)  # encrypted; mobile_index finds it
    mobile_index = models.BinaryField(null=True, max_length=16)
    meter = models.CharField(max_length=20, blank=True, db_default="")  # as on the meter
    category = models.CharField(max_length=24)  # tariff category, as the ERP names it: "LV-1"
    plan = models.CharField(max_length=8, choices=Plan, default=Plan.POSTPAID)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(number__regex=r"^[0-9]{6,12}$"), name="consumer_number_is_digits"
            ),
            models.CheckConstraint(
                condition=Q(business_partner__regex=r"^[0-9]{10}$"),
                name="consumer_partner_is_ten_digits",
            ),
            models.CheckConstraint(
                condition=Q(plan__in=["postpaid", "prepaid"]), name="consumer_plan_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["mobile_index"],
                condition=Q(mobile_index__isnull=False),
                name="consumer_mobile",
            ),
            models.Index(fields=["name"], name="consumer_name", opclasses=["text_pattern_ops"]),
            models.Index(fields=["meter"], condition=~Q(meter=""), name="consumer_meter"),
        ]

    def __str__(self) -> str:
        return self.number


class Bill(models.Model):
    """What a consumer owes for one period, as the ERP says; or a charge that we added ourselves."""

    class Kind(models.TextChoices):
        BILL = "bill", _("bill")
        CHARGE = "charge", _("charge")

    paid_paise: int  # put on by selectors.dues_of, as outstanding_paise is
    outstanding_paise: int

    consumer = models.ForeignKey(Consumer, on_delete=models.PROTECT, related_name="bills")
    number = models.CharField(max_length=20, unique=True)
    kind = models.CharField(
        max_length=6, choices=Kind, default=Kind.BILL, db_default=Kind.BILL.value
    )
    period = models.CharField(max_length=7)  # "2026-08"
    amount_paise = models.BigIntegerField()
    issued_on = models.DateField()
    due_on = models.DateField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_paise__gt=0), name="bill_amount_positive"),
        ]
        indexes = [models.Index(fields=["amount_paise", "-due_on"], name="bill_amount")]

    def __str__(self) -> str:
        return self.number


class Counter(models.Model):
    """One window of an office where money is taken; it has its own series of receipts."""

    code = models.SlugField(max_length=24, unique=True)
    name = models.CharField(max_length=80)
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="counters")
    bank_account = models.ForeignKey(
        BankAccount, on_delete=models.PROTECT, null=True, related_name="+"
    )
    is_open = models.BooleanField(default=True)
    keeps_shifts = models.BooleanField(default=True)  # no: a machine hands in what it took

    def __str__(self) -> str:
        return self.name


class Deposit(models.Model):
    """A slip with which counter money goes to the bank; the bank's credit names it."""

    reference = models.CharField(max_length=24, unique=True)  # on the slip: "DS26H18-RPR1-C"
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="deposits")
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="deposits")
    counter = models.ForeignKey(
        Counter, on_delete=models.PROTECT, null=True, related_name="deposits"
    )  # null: of all counters of the office
    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="deposits")
    business_date = models.DateField()
    amount_paise = models.BigIntegerField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_paise__gt=0), name="deposit_amount_positive"),
        ]

    def __str__(self) -> str:
        return self.reference


class Payment(models.Model):
    """One amount, for one consumer account, through one channel."""

    reference = models.CharField(max_length=32, unique=True)  # ours; travels to the channel
    channel = models.ForeignKey(
        Channel, on_delete=models.PROTECT, related_name="payments", db_index=False
    )
    channel_ref = models.CharField(max_length=64, null=True)  # noqa: DJ001 - theirs, unknown at first
    order_ref = models.CharField(max_length=64, blank=True)  # their order around it
    consumer = models.ForeignKey(
        Consumer, on_delete=models.PROTECT, null=True, related_name="payments"
    )
    consumer_number = models.CharField(
        max_length=20, blank=True
    )  # as told; consumer may be unknown
    bill = models.ForeignKey(
        Bill, on_delete=models.PROTECT, null=True, related_name="payments", db_index=False
    )
    office = models.ForeignKey(Office, on_delete=models.PROTECT, null=True, related_name="payments")
    counter = models.ForeignKey(
        Counter, on_delete=models.PROTECT, null=True, related_name="payments", db_index=False
    )
    deposit = models.ForeignKey(
        Deposit, on_delete=models.PROTECT, null=True, related_name="payments", db_index=False
    )
    amount_paise = models.BigIntegerField()
    method = models.CharField(max_length=16, choices=METHODS, default=Method.UNKNOWN.value)
    rrn = models.CharField(max_length=32, blank=True)
    utr = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.CREATED)
    ask_from = models.DateTimeField(null=True)  # news that must be confirmed: ask the channel
    duplicate_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="duplicates", db_index=False
    )
    created_at = models.DateTimeField(default=now)
    succeeded_at = models.DateTimeField(null=True)
    business_date = models.DateField()  # the Indian day it counts for; the success day once paid

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_paise__gt=0, amount_paise__lte=10**13),
                name="payment_amount_positive",
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="payment_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=PAID, succeeded_at__isnull=False)
                | (~Q(state__in=PAID) & Q(succeeded_at__isnull=True)),
                name="payment_paid_iff_dated",
            ),
            models.UniqueConstraint(
                fields=["channel", "channel_ref"], name="payment_channel_ref_once"
            ),
        ]
        indexes = [
            models.Index(fields=["-business_date", "-id"], name="payment_by_day"),
            models.Index(fields=["channel", "business_date"], name="payment_by_channel_day"),
            models.Index(fields=["consumer_number"], name="payment_consumer_number"),
            models.Index(
                fields=["order_ref"], condition=~Q(order_ref=""), name="payment_order_ref"
            ),
            models.Index(fields=["rrn"], condition=~Q(rrn=""), name="payment_rrn"),
            models.Index(fields=["utr"], condition=~Q(utr=""), name="payment_utr"),
            models.Index(
                fields=["created_at"],
                condition=Q(state__in=["created", "pending"]),
                name="payment_pending",
            ),
            models.Index(
                fields=["ask_from"], condition=Q(ask_from__isnull=False), name="payment_ask_from"
            ),
            # Most payments have none of these: partial indexes keep the hot path narrow.
            models.Index(fields=["bill"], condition=Q(bill__isnull=False), name="payment_bill"),
            models.Index(
                fields=["deposit"], condition=Q(deposit__isnull=False), name="payment_deposit"
            ),
            models.Index(
                fields=["counter", "-business_date", "-id"],
                condition=Q(counter__isnull=False),
                name="payment_by_counter",
            ),
            models.Index(
                fields=["counter", "channel"],
                condition=Q(state="succeeded", counter__isnull=False, deposit__isnull=True),
                name="payment_undeposited",
            ),
            models.Index(
                fields=["duplicate_of"],
                condition=Q(duplicate_of__isnull=False),
                name="payment_duplicate",
            ),
            models.Index(fields=["amount_paise", "-id"], name="payment_amount"),
        ]

    def __str__(self) -> str:
        return self.reference


class Tender(models.Model):
    """The instrument inside a payment: one payment has one or more."""

    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="tenders")
    method = models.CharField(max_length=16, choices=METHODS)
    amount_paise = models.BigIntegerField()
    instrument = models.CharField(max_length=12, blank=True)  # cheque or draft number
    instrument_date = models.DateField(null=True)
    bank_name = models.CharField(max_length=80, blank=True)
    micr = models.CharField(max_length=9, blank=True)
    payer = models.CharField(max_length=120, blank=True)  # masked: "••••4821", "ra••@okhdfc"

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_paise__gt=0), name="tender_amount_positive"),
            models.CheckConstraint(
                condition=~Q(method__in=["cheque", "demand_draft"]) | ~Q(instrument=""),
                name="tender_paper_has_a_number",
            ),
        ]
        indexes = [
            models.Index(
                fields=["instrument"], condition=~Q(instrument=""), name="tender_instrument"
            )
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.instrument}"


class PaymentEvent(models.Model):
    """One move of a payment, with its cause and its message. Append-only by trigger."""

    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="events", db_index=False
    )
    from_state = models.CharField(max_length=16, choices=State)
    to_state = models.CharField(max_length=16, choices=State)
    cause = models.CharField(
        max_length=80
    )  # "razorpay payment.captured", "counter", "cancelled by clerk"
    actor = models.CharField(max_length=80, blank=True)
    message = models.ForeignKey(
        InboundMessage, on_delete=models.PROTECT, null=True, related_name="payment_events"
    )
    at = models.DateTimeField()  # when it happened, as the channel says
    recorded_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=reduce(or_, (Q(from_state=was, to_state=to) for was, to in EDGES)),
                name="payment_event_edge_is_legal",
            ),
        ]
        indexes = [
            models.Index(fields=["payment", "id"], name="payment_event_story"),
            models.Index(fields=["recorded_at"], name="payment_event_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.from_state} -> {self.to_state}"


class Refund(models.Model):
    """Money of a payment that goes back to the payer, as the channel reports it."""

    class State(models.TextChoices):
        PENDING = "pending", _("asked")
        SUCCEEDED = "succeeded", _("paid back")
        FAILED = "failed", _("failed")

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="refunds")
    channel_ref = models.CharField(max_length=64)
    amount_paise = models.BigIntegerField()
    state = models.CharField(max_length=16, choices=State)
    reference = models.CharField(max_length=40, blank=True)  # ours of the refund, if carried back
    is_excess = models.BooleanField(default=False)  # with it more goes back than was paid
    business_date = models.DateField()
    updated_at = models.DateTimeField(default=now)

    class Meta:
        indexes = [
            models.Index(
                fields=["updated_at"], condition=Q(is_excess=True), name="refund_in_excess"
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_paise__gt=0), name="refund_amount_positive"),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "succeeded", "failed"]), name="refund_state_known"
            ),
            models.UniqueConstraint(
                fields=["channel", "channel_ref"], name="refund_channel_ref_once"
            ),
        ]

    def __str__(self) -> str:
        return self.channel_ref


class Dispute(models.Model):
    """A payer's bank takes a payment back unless we prove that it was right."""

    public_id = models.UUIDField(default=uuid4, unique=True)
    channel = models.ForeignKey(
        Channel, on_delete=models.PROTECT, related_name="disputes", db_index=False
    )
    dispute_ref = models.CharField(max_length=64)  # theirs; "line:..." while only a report told it
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, related_name="disputes"
    )  # null: of a payment that we do not know yet
    channel_ref = models.CharField(max_length=64, blank=True)  # theirs of the payment, as told
    order_ref = models.CharField(max_length=64, blank=True)
    amount_paise = models.BigIntegerField()
    phase = models.CharField(max_length=32, blank=True)  # as the channel says
    code = models.CharField(max_length=64, blank=True)  # their status word
    reason = models.CharField(max_length=200, blank=True)
    respond_by = models.DateTimeField(null=True)
    state = models.CharField(max_length=16, choices=DisputeState, default=DisputeState.OPEN)
    told_rank = models.PositiveSmallIntegerField(default=0)  # of the news that decided the state
    told_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "dispute_ref"], name="dispute_ref_once"),
            models.CheckConstraint(condition=Q(amount_paise__gt=0), name="dispute_amount_positive"),
            models.CheckConstraint(
                condition=Q(state__in=DisputeState.values), name="dispute_state_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["respond_by", "id"],
                condition=Q(state__in=["open", "answered", "accepted"]),
                name="dispute_running",
            ),
            models.Index(
                fields=["channel", "channel_ref"],
                condition=Q(payment__isnull=True),
                name="dispute_of_nobody",
            ),
        ]

    def __str__(self) -> str:
        return self.dispute_ref


class DisputeEvent(models.Model):
    """One piece of news about a dispute, or one move of it. Append-only by trigger."""

    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="events")
    from_state = models.CharField(max_length=16, choices=DisputeState)
    to_state = models.CharField(max_length=16, choices=DisputeState)
    cause = models.CharField(max_length=120)
    actor = models.CharField(max_length=80, blank=True)
    message = models.ForeignKey(
        InboundMessage, on_delete=models.PROTECT, null=True, related_name="dispute_events"
    )
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(from_state=F("to_state"))
                | reduce(or_, (Q(from_state=was, to_state=to) for was, to in DISPUTE_EDGES)),
                name="dispute_event_edge_is_legal",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_state} -> {self.to_state}"


class DisputeLine(models.Model):
    """A line of a settlement report that takes a dispute's money, or gives it back.

    ``agreed_at`` is set once our own verdict says the same; from then on it counts in our books.
    """

    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="lines")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="+", db_index=False)
    line_key = models.CharField(max_length=160)  # the line's own, within the channel's reports
    channel_ref = models.CharField(max_length=64, blank=True)  # the line's
    amount_paise = models.BigIntegerField()  # signed, + is money to us
    business_date = models.DateField()
    agreed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "line_key"], name="dispute_line_once"),
            models.CheckConstraint(
                condition=~Q(amount_paise=0), name="dispute_line_amount_not_zero"
            ),
        ]
        indexes = [
            models.Index(
                fields=["agreed_at"],
                condition=Q(agreed_at__isnull=False),
                name="dispute_line_agreed",
            ),
        ]

    def __str__(self) -> str:
        return self.line_key


class ReceiptSeries(models.Model):
    """The last number given in one series and financial year; its row lock keeps it gapless."""

    series = models.CharField(max_length=24)
    year = models.CharField(max_length=7)  # "2026-27"
    last_number = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["series", "year"], name="receipt_series_once")
        ]

    def __str__(self) -> str:
        return f"{self.series} {self.year}"


class Receipt(models.Model):
    """Our numbered acknowledgement to the consumer; issued once, cancelled, never deleted."""

    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="receipt")
    series = models.CharField(max_length=24)
    year = models.CharField(max_length=7)
    number = models.BigIntegerField()
    issued_at = models.DateTimeField(default=now)
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["series", "year", "number"], name="receipt_number_once"
            ),
            models.CheckConstraint(condition=Q(number__gt=0), name="receipt_number_positive"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The number as printed: ``RPR1/2026-27/000123``."""
        return f"{self.series}/{self.year}/{self.number:06d}"


class SubmittedForm(models.Model):
    """A form or API item that was taken once: its key, made by the sender before the first try."""

    scope = models.CharField(max_length=80)  # who and what: "user:42:counter"
    key = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)  # sha256 of what was asked
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="submitted_form_once")]

    def __str__(self) -> str:
        return f"{self.scope}:{self.key}"


class RefusedAsk(models.Model):
    """A partner's question that we refused: its repeat gets the same answer."""

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="+", db_index=False)
    key = models.CharField(max_length=96)  # kind and their reference: "pay:BD01..."
    fingerprint = models.CharField(max_length=64)  # sha256 of what was asked
    code = models.CharField(max_length=24)  # a ReplyCode
    detail = models.CharField(max_length=200, blank=True)
    message = models.ForeignKey(
        InboundMessage, on_delete=models.PROTECT, null=True, related_name="+"
    )
    at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "key"], name="refused_ask_once"),
        ]
        indexes = [models.Index(fields=["channel", "-at"], name="refused_ask_latest")]

    def __str__(self) -> str:
        return f"{self.key}: {self.code}"


class OwedReply(models.Model):
    """An answer that a partner wants apart from its question: kept until it is delivered."""

    class State(models.TextChoices):
        DUE = "due", _("to be sent")
        SENT = "sent", _("sent")
        GIVEN_UP = "given_up", _("given up")

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="+", db_index=False)
    message_ref = models.CharField(max_length=96)  # theirs, of the question
    question = models.BinaryField()  # the Ask, encrypted
    message = models.ForeignKey(
        InboundMessage, on_delete=models.PROTECT, null=True, related_name="+"
    )  # null: a question that changes nothing
    state = models.CharField(max_length=8, choices=State, default=State.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=now)
    outcome = models.CharField(max_length=200, blank=True)
    asked_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "message_ref"], name="owed_reply_once"),
            models.CheckConstraint(
                condition=Q(state__in=["due", "sent", "given_up"]), name="owed_reply_state_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at", "id"], condition=Q(state="due"), name="owed_reply_due"
            ),
            models.Index(
                fields=["asked_at"], condition=Q(message__isnull=True), name="owed_reply_old"
            ),
            models.Index(
                fields=["channel", "-asked_at"],
                condition=Q(state__in=["due", "given_up"]),
                name="owed_reply_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message_ref}: {self.state}"
