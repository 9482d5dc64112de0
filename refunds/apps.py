"""Registers refunds."""

from django.apps import AppConfig


class RefundsConfig(AppConfig):
    """Money that goes back."""

    name = "refunds"
    verbose_name = "Refunds"

    def ready(self) -> None:
        """Say the numbers beside our lines of the navigation."""
        from people.context import count_by  # noqa: PLC0415 - models are ready only now
        from refunds import selectors  # noqa: PLC0415

        count_by("refunds", selectors.waiting_refunds_count)
        count_by("disputes", selectors.waiting_disputes_count)
