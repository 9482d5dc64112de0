"""Administration of refunds and answers to disputes: they are only to be read here."""

from django.contrib import admin

from people.admin_base import ReadOnlyAdmin
from refunds.models import DisputeAnswer, RefundRequest


@admin.register(RefundRequest)
class RefundRequestAdmin(ReadOnlyAdmin):
    """Requests for refunds."""

    list_display = ("reference", "payment", "amount_paise", "state", "asked_by", "decided_by")
    list_filter = ("state",)
    search_fields = ("=reference", "=payment__reference")
    ordering = ("-id",)


@admin.register(DisputeAnswer)
class DisputeAnswerAdmin(ReadOnlyAdmin):
    """Answers to disputes."""

    list_display = ("dispute", "state", "accept", "made_by", "decided_by")
    list_filter = ("state", "accept")
    ordering = ("-id",)
