"""Registers agencies."""

from django.apps import AppConfig


class AgenciesConfig(AppConfig):
    """Kiosks and agents."""

    name = "agencies"
