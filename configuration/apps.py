"""Configuration as a file."""

from django.apps import AppConfig


class ConfigurationConfig(AppConfig):
    name = "configuration"
