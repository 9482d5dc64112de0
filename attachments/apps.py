"""Registers attachments."""

from django.apps import AppConfig


class AttachmentsConfig(AppConfig):
    """Scanned or photographed proof."""

    name = "attachments"
    verbose_name = "Attachments"
