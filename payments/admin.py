"""Administration of counters; payments and receipts are only to be read here."""

from typing import ClassVar

from django.contrib import admin
from import_export.fields import Field
from import_export.widgets import ForeignKeyWidget

from channels_.models import BankAccount
from payments.models import Counter, Deposit, Dispute, Payment, PaymentEvent, Receipt, Refund
from people.admin_base import MasterAdmin, ReadOnlyAdmin, RecordedResource
from people.models import Office


class CounterResource(RecordedResource):
    """Counters by their code."""

    office = Field(
        attribute="office", column_name="office", widget=ForeignKeyWidget(Office, "code")
    )
    bank_account = Field(
        attribute="bank_account",
        column_name="bank_account",
        widget=ForeignKeyWidget(BankAccount, "code"),
    )

    class Meta:
        model = Counter
        import_id_fields = ("code",)
        fields = ("code", "name", "office", "bank_account", "is_open", "keeps_shifts")
        skip_unchanged = True


@admin.register(Counter)
class CounterAdmin(MasterAdmin):
    """Windows where money is taken."""

    resource_classes: ClassVar = [CounterResource]
    list_display = ("code", "name", "office", "bank_account", "is_open", "keeps_shifts")
    list_filter = ("is_open", "keeps_shifts")
    search_fields = ("code", "name")


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    """Payments."""

    list_display = ("reference", "channel", "amount_paise", "method", "state", "business_date")
    list_filter = ("state", "channel")
    search_fields = ("=reference", "=channel_ref", "=consumer_number", "=utr", "=rrn")
    ordering = ("-id",)


@admin.register(PaymentEvent)
class PaymentEventAdmin(ReadOnlyAdmin):
    """Moves of payments."""

    list_display = ("payment", "from_state", "to_state", "cause", "at")
    ordering = ("-id",)


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    """Receipts."""

    list_display = ("label", "payment", "issued_at", "cancelled_at")
    ordering = ("-id",)


@admin.register(Deposit)
class DepositAdmin(ReadOnlyAdmin):
    """Deposit slips."""

    list_display = ("reference", "counter", "channel", "amount_paise", "business_date")
    search_fields = ("=reference",)
    ordering = ("-id",)


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    """Refunds as channels report them."""

    list_display = ("channel_ref", "payment", "amount_paise", "state", "business_date")
    ordering = ("-id",)


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    """Disputes of payments, as channels tell them."""

    list_display = ("dispute_ref", "channel", "payment", "amount_paise", "state", "respond_by")
    list_filter = ("state", "channel")
    search_fields = ("=dispute_ref", "=channel_ref")
    ordering = ("-id",)
