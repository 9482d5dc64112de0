"""What is agreed for working on breaks, as the file says it: limits of persons, and terms."""

from typing import Final

from configuration.agencies import Configuring
from configuration.schema import SECTIONS, Row
from reconciliation.models import BreakTerm, DecisionLimit

LIMITS: Final = "decision_limits"
TERMS: Final = "break_terms"


def apply_limit(row: Row, *, to: Configuring) -> None:
    """Make what a role may decide of one kind what its row says."""
    label = f"{row['kind']} by {row.get('role', '')}"
    if "role" not in row:
        to.refuse(f"{LIMITS}[{row['kind']}].role: is required")
        return
    values: Row = {name: row[name] for name in ("alone_paise", "approve_paise") if name in row}
    lookup = {"kind": row["kind"], "role": row["role"]}
    to.store(DecisionLimit, SECTIONS[LIMITS].what, label, lookup, values)


def apply_term(row: Row, *, to: Configuring) -> None:
    """Make the term of one reason what its row says."""
    known = BreakTerm.objects.filter(reason=row["reason"]).exists()
    missing = sorted(SECTIONS[TERMS].required - row.keys())
    if missing and not known:
        for name in missing:
            to.refuse(f"{TERMS}[{row['reason']}].{name}: is required for a new term")
        return
    values = {name: value for name, value in row.items() if name != "reason"}
    to.store(BreakTerm, SECTIONS[TERMS].what, row["reason"], {"reason": row["reason"]}, values)


def limits() -> list[Row]:
    """The limits as the file has them; no key means no limit."""
    rows: list[Row] = []
    for one in DecisionLimit.objects.order_by("kind", "role"):
        row: Row = {"kind": one.kind, "role": one.role, "alone_paise": one.alone_paise}
        if one.approve_paise is not None:
            row["approve_paise"] = one.approve_paise
        rows.append(row)
    return rows


def terms() -> list[Row]:
    """The terms as the file has them."""
    names = ("reason", "working_days", "escalate_to")
    return [
        {name: getattr(one, name) for name in names} for one in BreakTerm.objects.order_by("reason")
    ]
