"""A day of collections, made up."""

from django.apps import AppConfig


class SimulatorConfig(AppConfig):
    name = "simulator"
