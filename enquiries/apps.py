"""Registers enquiries."""

from django.apps import AppConfig


class EnquiriesConfig(AppConfig):
    """What we ask partners."""

    name = "enquiries"
