"""Finds the reports in catalogue/; a file whose name is not its code stops the start."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from django.core.exceptions import ImproperlyConfigured

from people.access import Somebody, has_role
from reports import catalogue
from reports.contract import Report


@cache
def reports() -> Mapping[str, Report]:
    """Every report by its code, in the order the list shows them."""
    found = [_report_of(module.name) for module in pkgutil.iter_modules(catalogue.__path__)]
    return {
        report.code: report for report in sorted(found, key=lambda one: (one.position, one.code))
    }


def reports_of(user: Somebody) -> list[Report]:
    """The reports that a role of the user opens."""
    return [report for report in reports().values() if has_role(user, *report.roles)]


def _report_of(name: str) -> Report:
    report = getattr(import_module(f"{catalogue.__name__}.{name}"), "REPORT", None)
    if not isinstance(report, Report):
        raise ImproperlyConfigured(f"reports/catalogue/{name}.py has no REPORT")
    if report.code != name:
        raise ImproperlyConfigured(f"reports/catalogue/{name}.py calls its report {report.code!r}")
    return report
