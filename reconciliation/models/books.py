"""What the books say: entries in one shape, and the closed words for them."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from channels_.models import BankAccount, Channel, StatementFile


class Book(models.TextChoices):
    """Who says it."""

    RECEIPTS = "receipts", _("Receipts")
    CHANNEL = "channel", _("Channel lines")
    BANK = "bank", _("Bank")
    ERP = "erp", _("ERP postings")


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
    """The proofs a rupee passes here: the channel confirms it, the bank has it, the ERP posts it.

    An entry takes part at most once in each. A receipt at a gateway passes CHANNEL itself and BANK
    through its settlement line; counter money and transfers pass BANK themselves. Every receipt
    passes ERP itself, where there is one.
    """

    CHANNEL = "channel", _("confirmed by the channel")
    BANK = "bank", _("in the bank")
    ERP = "erp", _("posted in the ERP")
    FEE = "fee", _("fee as agreed")  # for breaks only: a fee is judged, not matched


def right_book(stage: str) -> Book:
    """Who stands against our receipts, or what confirmed them, in a stage."""
    return Book.CHANNEL if stage == Stage.FEE else Book(stage)


class Leg(models.TextChoices):
    """One comparison of two books."""

    RECEIPT_CHANNEL = "receipt_channel", _("Receipt to channel line")
    CHANNEL_BANK = "channel_bank", _("Settlement to bank credit")
    DEPOSIT_BANK = "deposit_bank", _("Counter deposit to bank credit")
    TRANSFER_BANK = "transfer_bank", _("Receipt to bank transfer")
    RECEIPT_ERP = "receipt_erp", _("Receipt to posting")


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
    NOT_POSTED = "not_posted", _("Not posted in the ERP")
    WRONG_CONSUMER = "wrong_consumer", _("Posted to another consumer")
    IN_CLARIFICATION = "in_clarification", _("In clarification in the ERP")
    AMBIGUOUS = "ambiguous", _("Several fit, none is sure")
    OUTSIDE_RULES = "outside_rules", _("They agree, but no rule may match them")
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
    source_key = models.CharField(max_length=160)  # "razorpay:pay_..."; unique within the book
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
            # A day's lines are loaded together: ranges of pages find them, and cost a load nothing.
            BrinIndex(
                fields=["business_date"],
                pages_per_range=32,
                autosummarize=True,
                name="entry_by_day",
            ),
            models.Index(
                fields=["instrument"],
                condition=Q(book="receipts") & ~Q(instrument=""),
                name="entry_instrument",
            ),
            models.Index(fields=["utr"], condition=~Q(utr=""), name="entry_utr"),
        ]

    def __str__(self) -> str:
        return f"{self.book} {self.source_key}"
