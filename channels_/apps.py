"""Channels, their adapters and their door."""

from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    """The label differs from the folder's name, else tables would be called ``channels__...``."""

    name = "channels_"
    label = "paychannels"
    verbose_name = "Channels"

    def ready(self) -> None:
        """Look at the adapters now: a wrong folder stops the process, not the first payment."""
        from channels_ import (  # noqa: PLC0415 - models are ready only now
            checks,  # noqa: F401
            registry,
            selectors,
        )
        from people.context import count_by  # noqa: PLC0415

        registry.adapters()
        count_by("operator", lambda _user: selectors.parked_count())
