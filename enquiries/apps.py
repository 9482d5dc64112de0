"""Registers enquiries."""

from django.apps import AppConfig


class EnquiriesConfig(AppConfig):
    """What we ask partners."""

    name = "enquiries"
    verbose_name = "Enquiries"

    def ready(self) -> None:
        """Say the number beside our line of the navigation, and tell the operator's pages."""
        from channels_.panels import tell_by, worry_by  # noqa: PLC0415 - models are ready only now
        from enquiries import panels, selectors  # noqa: PLC0415
        from people.context import count_by  # noqa: PLC0415

        count_by("unknown", selectors.waiting_for_person_count)
        worry_by("enquiries", panels.worries)
        tell_by("enquiries", panels.of_channel)
