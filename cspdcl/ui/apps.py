"""Registers the template tags; the app holds no model."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    """The look of the pages."""

    name = "cspdcl.ui"
    label = "ui"
