from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    """The label differs from the folder's name, else tables would be called ``channels__...``."""

    name = "channels_"
    label = "paychannels"
    verbose_name = "Channels"
