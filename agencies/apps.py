"""Registers agencies."""

from django.apps import AppConfig


class AgenciesConfig(AppConfig):
    """Kiosks and agents."""

    name = "agencies"
    verbose_name = "Agencies"

    def ready(self) -> None:
        """Say the number beside our line of the navigation."""
        from agencies import selectors  # noqa: PLC0415 - models are ready only now
        from people.context import count_by  # noqa: PLC0415

        count_by("agencies", selectors.waiting_changes_count)
