"""List the open breaks of a business date and the days before it."""

import argparse
import json
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand

from cspdcl.kernel.money import grouped_rupees
from reconciliation import selectors


class Command(BaseCommand):
    """``breaks --date D [--json]``: what no rule could explain, oldest first."""

    help = "List each open break with its reason and its explanation."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--date", required=True, type=date.fromisoformat, help="business date, YYYY-MM-DD"
        )
        parser.add_argument("--json", action="store_true", help="answer as JSON on standard output")

    def handle(self, *_args: Any, **options: Any) -> None:
        day: date = options["date"]
        found = [
            selectors.break_as_data(one, as_of=day)
            for one in selectors.with_lines(selectors.breaks_open_on(day))
        ]
        if options["json"]:
            self.stdout.write(json.dumps(found, indent=2, ensure_ascii=False))
            return
        for one in found:
            self.stdout.write(
                f"{one['business_date']}  {one['age_days']:>3} d  {one['reason']:<21} "
                f"{grouped_rupees(one['amount_paise']):>16}  {one['reference']}: "
                f"{one['explanation']}"
            )
        total = sum(one["amount_paise"] for one in found)
        self.stdout.write(f"{len(found)} open breaks worth {grouped_rupees(total)}.")
