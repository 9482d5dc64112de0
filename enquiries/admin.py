"""Administration of questions to partners and of alarms: they are only to be read here."""

from django.contrib import admin

from enquiries.models import Alarm, Breaker, Operation, TatRule
from people.admin_base import ReadOnlyAdmin, RecordedAdmin


@admin.register(Operation)
class OperationAdmin(ReadOnlyAdmin):
    """Questions to partners."""

    list_display = ("key", "kind", "channel", "state", "spent", "budget", "next_at", "note")
    list_filter = ("kind", "state", "channel")
    search_fields = ("=key", "=subject")
    ordering = ("-id",)


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    """Alarms about channels."""

    list_display = ("source", "kind", "raised_at", "cleared_at", "detail")
    list_filter = ("kind", "channel")
    ordering = ("-id",)


@admin.register(Breaker)
class BreakerAdmin(ReadOnlyAdmin):
    """How the partners' APIs fare."""

    list_display = ("channel", "failures", "open_until", "last_problem")


@admin.register(TatRule)
class TatRuleAdmin(RecordedAdmin):
    """The Reserve Bank's days, by date: a new circular is a new row."""

    list_display = ("method", "days", "paise_a_day", "valid_from", "source")
    ordering = ("method", "-valid_from")
