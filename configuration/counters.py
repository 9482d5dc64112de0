"""What is agreed for the counters as the file says it: policies of offices, and rules with dates.

A dated row of the file is one row here, found by its first day. What has been in force is not
altered, whatever the file says now; a changed figure is another row of a later day.
"""

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from typing import Final

from configuration.agencies import Configuring
from configuration.schema import SECTIONS, Row
from counters import dated
from counters.dated import Dated, DatedRefused
from counters.models import CashRule, OfficePolicy, ReturnCharge, SurchargeRate
from people.models import Office

POLICIES: Final = "counter_policies"
DATED: Final[Mapping[str, type[Dated]]] = {
    "cash_rules": CashRule,
    "return_charges": ReturnCharge,
    "surcharge_rates": SurchargeRate,
}
_NAMES: Final = ("code", "valid_from")  # which row of the line is meant


def apply_policy(row: Row, *, to: Configuring) -> None:
    """Make the policy of one office what its row says."""
    code = row["office"]
    office = to.named(Office, code, f"{POLICIES}[{code}].office")
    if office is not None:
        values = {name: value for name, value in row.items() if name != "office"}
        what = SECTIONS[POLICIES].what
        to.store(OfficePolicy, what, office.code, {"office": office}, values)


def apply_dated(section: str, rows: Sequence[Row], *, to: Configuring) -> None:
    """Add the rows of one section, and change those that are still to come."""
    # Looked up before the first of them: a line may come with all of its history at once.
    begun = dated.lines_begun(DATED[section])
    for row in rows:
        _dated(section, row, begun, to)


def _dated(section: str, row: Row, begun: Collection[str], to: Configuring) -> None:
    label = " from ".join(str(row[name]) for name in _NAMES if name in row)
    path, model = f"{section}[{label}]", DATED[section]
    if "valid_from" not in row:
        to.refuse(f"{path}.valid_from: is required")
        return
    lookup: Row = {name: row[name] for name in _NAMES if name in row}
    values: Row = {name: value for name, value in row.items() if name not in lookup}
    if "office" in values:
        values["office"] = to.named(Office, row["office"], f"{path}.office")
        if row["office"] and values["office"] is None:
            return
    was = model.objects.filter(**lookup).first()
    missing = SECTIONS[section].required - row.keys()
    if missing and was is None:
        for name in sorted(missing):
            to.refuse(f"{path}.{name}: is required for a new {SECTIONS[section].what}")
        return
    wanted = model(**lookup) if was is None else copy(was)
    for name, value in values.items():
        setattr(wanted, name, value)
    try:
        dated.check(wanted, was=was, begun=begun)
    except DatedRefused as refused:
        to.refuse(f"{path}.{refused.field}: {refused}")
    else:
        to.store(model, SECTIONS[section].what, label, lookup, values)
