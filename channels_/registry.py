"""Finds the adapters by looking into the folder: a folder's name is the adapter's code."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from channels_ import adapters as folder
from channels_.contract import Adapter, StatementFormat


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
