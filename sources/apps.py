"""What the senders of statement files owe us."""

from django.apps import AppConfig


class SourcesConfig(AppConfig):
    """Calendar, comparison, quarantine, fetching and mappings of files."""

    name = "sources"
    verbose_name = "Sources of files"

    def ready(self) -> None:
        """Tell the kernel which days are holidays."""
        from cspdcl.kernel.workdays import holidays_by  # noqa: PLC0415 - models are ready only now
        from sources import calendar  # noqa: PLC0415

        holidays_by("sources", calendar.holidays)
