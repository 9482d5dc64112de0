"""The books and what proves them."""

from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    name = "reconciliation"
    verbose_name = "Reconciliation"

    def ready(self) -> None:
        """Say the numbers beside our lines of the navigation, and what the bank says of a slip."""
        from counters import told  # noqa: PLC0415 - models are ready only now
        from people.context import count_by  # noqa: PLC0415
        from reconciliation import panels, selectors  # noqa: PLC0415
        from reconciliation.incoming import fetched, files  # noqa: PLC0415
        from sources import fetching  # noqa: PLC0415

        count_by("breaks", selectors.open_breaks_count)
        count_by("credits", selectors.unidentified_count)
        count_by("approvals", selectors.waiting_decisions_count)
        count_by("files", files.late_in_words)
        told.tell_by("reconciliation", panels.of_deposit)
        fetching.load_by(fetched.load)
        fetching.tell_by("reconciliation", fetched.hear)
