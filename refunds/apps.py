"""Registers refunds."""

from django.apps import AppConfig


class RefundsConfig(AppConfig):
    """Money that goes back."""

    name = "refunds"
