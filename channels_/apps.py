from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    """The label differs from the folder's name, else tables would be called ``channels__...``."""

    name = "channels_"
    label = "paychannels"
    verbose_name = "Channels"

    def ready(self) -> None:
        """Look at the adapters now: a wrong folder stops the process, not the first payment."""
        from channels_ import checks, registry  # noqa: F401, PLC0415 - models are ready only now

        registry.adapters()
