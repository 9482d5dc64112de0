"""Registers what leaves the house."""

from django.apps import AppConfig


class OutgoingConfig(AppConfig):
    """SMS, e-mail, letters and postings for the ERP."""

    name = "outgoing"
    verbose_name = "Outgoing"

    def ready(self) -> None:
        """Check the connections at the start; say the number beside our line of the navigation."""
        from outgoing import checks, selectors  # noqa: F401, PLC0415 - models are ready only now
        from people.context import count_by  # noqa: PLC0415

        count_by("outgoing", selectors.given_up_count)
