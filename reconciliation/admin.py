"""The books in the administration: to be read. Rules are written on pages of their own."""

from typing import ClassVar

from django.contrib import admin
from import_export.admin import ExportMixin

from people.admin_base import MasterAdmin, ReadOnlyAdmin, RecordedResource
from reconciliation.models import Break, Decision, Entry, Match, Rule, Run
from reconciliation.rulebook.rules import CONTENT


class RuleResource(RecordedResource):
    """Rules by code and version."""

    class Meta:
        model = Rule
        import_id_fields = ("code", "version")
        fields = (
            *import_id_fields,
            *("state", "effective_from", "effective_until", *CONTENT),
        )


@admin.register(Rule)
class RuleAdmin(ExportMixin, ReadOnlyAdmin):  # type: ignore[misc]
    """Every version of every rule."""

    resource_classes: ClassVar = [RuleResource]
    export_form_class = MasterAdmin.export_form_class
    formats = MasterAdmin.formats
    list_display = ("code", "version", "state", "effective_from", "priority", "leg", "key")
    list_filter = ("leg", "state", "is_active")
    ordering = ("priority", "code", "-version")


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """Runs of the engine."""

    list_display = ("id", "business_date", "state", "started_by", "started_at", "matched_count")
    ordering = ("-id",)


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    """Lines of every book in the common shape."""

    list_display = ("source_key", "book", "kind", "amount_paise", "business_date")
    search_fields = ("=source_key", "=reference", "=channel_ref", "=utr")
    ordering = ("-id",)


@admin.register(Match)
class MatchAdmin(ReadOnlyAdmin):
    """What explains what."""

    list_display = ("id", "kind", "stage", "leg", "matched_on", "difference_paise", "undone_at")
    ordering = ("-id",)


@admin.register(Break)
class BreakAdmin(ReadOnlyAdmin):
    """What nobody could explain yet."""

    list_display = ("reference", "reason", "state", "amount_paise", "business_date")
    list_filter = ("state", "reason")
    search_fields = ("=reference", "=public_id")
    ordering = ("-id",)


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    """What was proposed, and what the second person said."""

    list_display = ("public_id", "kind", "state", "amount_paise", "maker", "checker")
    ordering = ("-id",)
