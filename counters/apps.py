"""The counters: money taken by our own people, from the drawer to the bank."""

from django.apps import AppConfig


class CountersConfig(AppConfig):
    """Windows, shifts, drawers, deposits, and the paper that is taken there."""

    name = "counters"
    verbose_name = "Counters"
