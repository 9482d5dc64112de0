"""Run the engine for a business date, here and now."""

import argparse
import json
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from reconciliation import engine
from reconciliation.models import Break, Proof, Run


class Command(BaseCommand):
    """``reconcile --date D [--json] [--verify] [--rebuild]``; exit 0 when the day was proved."""

    help = "Match whatever is open, store the breaks and prove one business date."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--date", required=True, type=date.fromisoformat, help="business date, YYYY-MM-DD"
        )
        parser.add_argument(
            "--verify",
            action="store_true",
            help="hold what the run hands on against all entries and matches",
        )
        parser.add_argument(
            "--rebuild",
            action="store_true",
            help="take nothing over from the last run, read all entries and matches anew",
        )
        parser.add_argument("--json", action="store_true", help="answer as JSON on standard output")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            run = engine.reconcile(
                options["date"],
                started_by="command",
                rebuild=options["rebuild"],
                verify=options["verify"],
            )
        except DomainError as refused:
            raise CommandError(str(refused)) from refused
        answer = as_data(run)
        if options["json"]:
            self.stdout.write(json.dumps(answer, indent=2))
            return
        self.stdout.write(
            f"Run {run.pk} of {run.business_date:%d-%m-%Y}: {run.matched_count} matches made, "
            f"{run.opened_count} breaks opened, {run.closed_count} closed, "
            f"{answer['open_breaks']} open."
        )
        for row in answer["proof"]:
            opening, arrived, matched, written_off, closing = (
                grouped_rupees(row[f"{name}_paise"])
                for name in ("opening", "arrived", "matched", "written_off", "closing")
            )
            self.stdout.write(
                f"  {row['stage']:>8} {row['book']:<9} {opening:>18} + {arrived} - {matched} "
                f"- {written_off} = {closing}"
            )


def as_data(run: Run) -> dict[str, Any]:
    """A finished run as the command and the API tell it."""
    fields = Proof._meta.fields  # noqa: SLF001 - Django's public name for it
    amounts = [field.name for field in fields if field.name.endswith(("_count", "_paise"))]
    return {
        "run": run.pk,
        "business_date": run.business_date.isoformat(),
        "state": run.state,
        "matches_made": run.matched_count,
        "breaks_opened": run.opened_count,
        "breaks_closed": run.closed_count,
        "open_breaks": Break.objects.filter(
            state=Break.State.OPEN, business_date__lte=run.business_date
        ).count(),
        "rules": run.rule_versions,
        "output_hash": run.output_hash,
        "proof": [
            {
                "stage": proof.stage,
                "book": proof.book,
                **{name: getattr(proof, name) for name in amounts},
            }
            for proof in run.proofs.order_by("stage", "book")
        ],
    }
