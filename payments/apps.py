"""Payments, receipts and counters."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = "Payments"

    def ready(self) -> None:
        """Tell of partners' questions on the operator's pages."""
        from channels_.panels import tell_by, worry_by  # noqa: PLC0415 - models are ready only now
        from payments import panels  # noqa: PLC0415

        worry_by("payments", panels.worries)
        tell_by("payments", panels.of_channel)
