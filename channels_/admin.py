"""Administration of channels and bank accounts; what came in through them is only to be read."""

from typing import Any, ClassVar

from django.contrib import admin
from import_export.fields import Field
from import_export.widgets import ForeignKeyWidget

from channels_.models import (
    BankAccount,
    BankLineRule,
    Channel,
    FeeRate,
    InboundMessage,
    RefusalTally,
    StatementFile,
)
from people.admin_base import MasterAdmin, ReadOnlyAdmin, RecordedAdmin, RecordedResource


class BankAccountResource(RecordedResource):
    """Bank accounts by their code."""

    class Meta:
        model = BankAccount
        import_id_fields = ("code",)
        fields = ("code", "name", "bank", "account_number", "ifsc", "currency", "file_due_at")
        skip_unchanged = True


@admin.register(BankAccount)
class BankAccountAdmin(MasterAdmin):
    """The company's accounts."""

    resource_classes: ClassVar = [BankAccountResource]
    list_display = ("code", "name", "bank", "currency", "file_due_at")
    search_fields = ("code", "name")


@admin.register(Channel)
class ChannelAdmin(RecordedAdmin):
    """Channels. Their secrets are set by ``configure`` and shown nowhere."""

    list_display = ("code", "name", "adapter", "route", "is_live", "position")
    ordering = ("position", "code")

    def has_delete_permission(self, *_args: Any) -> bool:
        """A channel is switched off, never deleted: payments name it."""
        return False


class FeeRateResource(RecordedResource):
    """The rate card by channel, method, network and day."""

    channel = Field(
        attribute="channel", column_name="channel", widget=ForeignKeyWidget(Channel, "code")
    )

    class Meta:
        model = FeeRate
        import_id_fields = ("channel", "method", "network", "valid_from", "from_paise")
        fields = (*import_id_fields, "percent", "flat_paise", "cap_paise", "tax_percent")
        skip_unchanged = True


@admin.register(FeeRate)
class FeeRateAdmin(MasterAdmin):
    """What channels may keep."""

    resource_classes: ClassVar = [FeeRateResource]
    list_display = (
        "channel", "method", "network", "from_paise", "percent", "flat_paise", "valid_from",
    )  # fmt: skip
    list_filter = ("channel",)


class BankLineRuleResource(RecordedResource):
    """How bank lines are understood, by account and priority."""

    account = Field(
        attribute="account", column_name="account", widget=ForeignKeyWidget(BankAccount, "code")
    )
    channel = Field(
        attribute="channel", column_name="channel", widget=ForeignKeyWidget(Channel, "code")
    )

    class Meta:
        model = BankLineRule
        import_id_fields = ("account", "priority")
        fields = (*import_id_fields, "side", "code", "words", "meaning", "channel")
        skip_unchanged = True


@admin.register(BankLineRule)
class BankLineRuleAdmin(MasterAdmin):
    """How lines of bank statements are understood."""

    resource_classes: ClassVar = [BankLineRuleResource]
    list_display = ("account", "priority", "side", "code", "words", "meaning", "channel")
    list_filter = ("account", "meaning")


@admin.register(StatementFile)
class StatementFileAdmin(ReadOnlyAdmin):
    """Files of channels and banks."""

    list_display = (
        "name",
        "version",
        "channel",
        "bank_account",
        "state",
        "line_count",
        "loaded_at",
    )
    list_filter = ("state", "channel", "bank_account")
    search_fields = ("name", "sha256")
    ordering = ("-loaded_at",)


@admin.register(InboundMessage)
class InboundMessageAdmin(ReadOnlyAdmin):
    """Messages, without their encrypted body."""

    list_display = ("received_at", "channel", "event_key", "state", "attempts", "outcome")
    list_filter = ("channel", "state")
    search_fields = ("event_key",)
    exclude = ("body", "headers")
    ordering = ("-id",)


@admin.register(RefusalTally)
class RefusalTallyAdmin(ReadOnlyAdmin):
    """What the doors refused."""

    list_display = ("day", "channel_code", "kind", "count", "last_at", "last_problem")
    list_filter = ("kind",)
