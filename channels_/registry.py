"""Finds the adapters by looking into the folder: a folder's name is the adapter's code."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from channels_ import adapters as folder
from channels_.contract import Adapter, StatementFormat
from channels_.simulation import Simulation


@cache
def adapters() -> Mapping[str, Adapter]:
    """Every adapter by its code; a folder that does not fit its name stops the process."""
    return read_folder(folder.__name__, list(folder.__path__))


def adapter(code: str) -> Adapter:
    """The adapter of a channel's row; an unknown one is a fault of the configuration."""
    found = adapters().get(code)
    if found is None:
        raise ImproperlyConfigured(f"no adapter is called {code!r}; known: {sorted(adapters())}")
    return found


def formats_of(code: str, settings: Mapping[str, Any] | None = None) -> tuple[StatementFormat, ...]:
    """The layouts of the reports that an adapter reads, with a channel's agreed ones first."""
    found = adapter(code)
    agreed = found.layouts(settings or {}) if found.layouts else ()
    return (*agreed, *found.formats)


@cache
def simulation(code: str) -> Simulation | None:
    """How the partner of an adapter looks from outside; None for who is not played.

    For the simulator alone: what is made up must not reach what is real.
    """
    name = f"{folder.__name__}.{adapter(code).code}.simulate"
    if find_spec(name) is None:
        return None
    found = getattr(import_module(name), "SIMULATION", None)
    if not isinstance(found, Simulation):
        raise ImproperlyConfigured(f"{name} has no SIMULATION")
    return found


def read_folder(package: str, path: list[str]) -> Mapping[str, Adapter]:
    """The adapters of one package, checked: each subfolder has an ADAPTER of its own name."""
    found: dict[str, Adapter] = {}
    for module in pkgutil.iter_modules(path):
        name = f"{package}.{module.name}"
        declared = getattr(import_module(name), "ADAPTER", None)
        if not isinstance(declared, Adapter):
            raise ImproperlyConfigured(f"{name} has no ADAPTER")
        if declared.code != module.name:
            raise ImproperlyConfigured(f"{name} calls its adapter {declared.code!r}")
        found[module.name] = declared
    return found
