"""How much each rule matched, counted once for each run, so that no page counts millions."""

from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Count, Sum

from cspdcl.kernel.clock import today
from reconciliation.models import Match, Rule, RuleTally, Run

DAYS: Final = 30
_RUNS_AT_ONCE: Final = 50


def count() -> int:
    """Count the matches of finished runs that are not counted yet; returns the runs."""
    due = Run.objects.filter(
        state=Run.State.DONE, business_date__gte=_since(today()), tallies__isnull=True
    ).exclude(rule_versions={})
    runs = list(due.order_by("-id")[:_RUNS_AT_ONCE])
    for run in runs:
        count_run(run)
    return len(runs)


@transaction.atomic
def count_run(run: Run) -> None:
    """Count one run; a rule that matched nothing is counted as nothing."""
    made = dict(
        Match.objects.filter(run=run).order_by().values_list("rule_id").annotate(n=Count("pk"))
    )
    known = Rule.objects.filter(code__in=run.rule_versions)
    RuleTally.objects.bulk_create(
        (
            RuleTally(run=run, rule=rule, matched_count=made.get(rule.pk, 0))
            for rule in known
            if run.rule_versions[rule.code] == rule.version
        ),
        ignore_conflicts=True,
    )


def of_run(run: Run | None) -> dict[str, int]:
    """Matches of one run by the rule's code."""
    if run is None:
        return {}
    rows = RuleTally.objects.filter(run=run)
    return dict(rows.values_list("rule__code").annotate(n=Sum("matched_count")))


def of_days(until: date) -> dict[str, int]:
    """Matches by the rule's code in the runs of the last month of days."""
    rows = RuleTally.objects.filter(run__business_date__range=(_since(until), until))
    return dict(rows.values_list("rule__code").annotate(n=Sum("matched_count")))


def _since(until: date) -> date:
    return until - timedelta(days=DAYS - 1)
