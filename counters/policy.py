"""What an office has agreed on for its counters, and which dated rules are in force on a day."""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import accumulate
from typing import Final

from django.db.models import Q

from counters.models import CashRule, OfficePolicy, SurchargeRate
from counters.paper.validity import months_after
from payments.limits import CASH_LIMIT_PAISE
from people.models import Office

LAW_CODE: Final = "269ST"
_HUNDREDTHS: Final = 100 * 100  # of a per cent, in which rates are added up


def policy_of(office: Office) -> OfficePolicy:
    """The office's own row, else that of the nearest office above it, else what holds everywhere.

    The last is not stored: who wants another gives the company a row.
    """
    rows = OfficePolicy.objects.filter(office__path__in=paths_above(office)).select_related(
        "office"
    )
    nearest = max(rows, key=lambda row: len(row.office.path), default=None)
    return nearest or OfficePolicy(office=office)


def policies_of(offices: Iterable[Office]) -> dict[int, OfficePolicy]:
    """The same for many offices, by the office's id, in one query however many they are."""
    wanted = {office.pk: office for office in offices}
    above = {key: paths_above(office) for key, office in wanted.items()}
    paths = {path for one in above.values() for path in one}
    rows = OfficePolicy.objects.filter(office__path__in=paths).select_related("office")
    by_path = {row.office.path: row for row in rows}
    return {
        key: next(
            (by_path[path] for path in reversed(above[key]) if path in by_path),
            OfficePolicy(office=office),
        )
        for key, office in wanted.items()
    }


def cash_rules(office: Office, *, on: date) -> list[CashRule]:
    """The limits on cash that hold at an office on a day, the law among them.

    Of one rule's versions the latest counts. The law holds without a row; a row of its code, also
    one of later days, takes its place from its first day on.
    """
    rows = CashRule.objects.filter(valid_from__lte=on).filter(
        Q(office__isnull=True) | Q(office__path__in=paths_above(office))
    )
    latest = {row.code: row for row in rows.order_by("valid_from")}
    latest.setdefault(LAW_CODE, law_of_cash())
    in_force = (row for row in latest.values() if row.valid_until is None or row.valid_until >= on)
    return sorted(in_force, key=lambda row: (row.limit_paise, row.code))


def surcharge_rates() -> list[SurchargeRate]:
    """The rates of the late payment surcharge, the earliest first."""
    return list(SurchargeRate.objects.order_by("valid_from"))


def surcharge_paise(
    outstanding_paise: int, *, due_on: date, on: date, rates: Sequence[SurchargeRate]
) -> int:
    """The surcharge on what is overdue: each month begun costs the rate of the day it begins.

    The first month begins on the day after the due day. Half a paisa is rounded up.
    """
    if not rates or outstanding_paise <= 0 or on <= due_on:
        return 0
    per_cent, month = 0, 0
    while (begins := months_after(due_on, month)) < on:
        known = [rate for rate in rates if rate.valid_from <= begins]
        per_cent += int(known[-1].percent * 100) if known else 0
        month += 1
    return (outstanding_paise * per_cent * 2 + _HUNDREDTHS) // (_HUNDREDTHS * 2)


def law_of_cash() -> CashRule:
    """Income-tax Act s. 269ST, as it holds since 2017: a rule that is in no table."""
    return CashRule(
        code=LAW_CODE,
        per=CashRule.Per.PAYER_DAY,
        effect=CashRule.Effect.BELOW,
        limit_paise=CASH_LIMIT_PAISE,
        law="Income-tax Act, s. 269ST",
        valid_from=date(2017, 4, 1),
    )


def paths_above(office: Office) -> list[str]:
    """The paths of an office and of all above it: ``/CO/``, ``/CO/R1/``."""
    steps = [step for step in office.path.split("/") if step]
    return [f"/{path}/" for path in accumulate(steps, lambda above, step: f"{above}/{step}")]
