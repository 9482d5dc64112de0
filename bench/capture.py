"""Placeholder until the web measurement is written."""


def measure() -> None:
    """Nothing yet."""
