"""The counters: money taken by our own people, from the drawer to the bank."""

from django.apps import AppConfig


class CountersConfig(AppConfig):
    """Windows, shifts, drawers, deposits, and the paper that is taken there."""

    name = "counters"
    verbose_name = "Counters"

    def ready(self) -> None:
        """Keep a drawer's receipts from its clerk while it is counted."""
        from counters.selectors import counted_by  # noqa: PLC0415 - models are ready now
        from payments.selectors import veil_by  # noqa: PLC0415

        veil_by("counters", counted_by)
