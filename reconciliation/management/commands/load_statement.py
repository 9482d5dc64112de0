"""Load a file of a channel or bank account into the books."""

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from channels_.models import StatementFile
from cspdcl.kernel.errors import DomainError, Malformed
from cspdcl.kernel.money import grouped_rupees
from reconciliation.incoming import statements
from sources import doubts, strange


class Command(BaseCommand):
    """``load_statement SOURCE FILE [--format F] [--json]``; exit 0 loaded or known, 1 refused.

    Exit 2: it looks unlike the last files of its source and waits for a second person.
    """

    help = "Load a report or statement; SOURCE is the code of a channel or bank account."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("source", help="code of a channel or bank account, as configured")
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--format", default="", help="layout, when the first bytes do not tell it"
        )
        parser.add_argument("--json", action="store_true", help="answer as JSON on standard output")

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            source = statements.source_of(options["source"])
            with path.open("rb") as stream:
                file = statements.load(
                    source, stream, name=path.name, format_code=options["format"]
                )
            answer = file.state
        except statements.AlreadyLoaded as known:
            file, answer = known.file, "already_loaded"
        except statements.AlreadyWaiting as known:
            file, answer = known.file, "already_waiting"
        except (DomainError, Malformed, OSError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(_as_data(file, answer), indent=2))
        else:
            self.stdout.write(_as_text(file, answer))
        if answer == "refused":
            raise CommandError(f"refused: {file.problem}")
        if answer in _WAITING:
            raise CommandError(" ".join(_reasons(file)), returncode=2)


_WAITING = (StatementFile.State.WAITING.value, "already_waiting")


def _reasons(file: StatementFile) -> list[str]:
    return strange.in_words(doubts.reasons_of(file)) if file.state == _WAITING[0] else []


def _as_data(file: StatementFile, answer: str) -> dict[str, Any]:
    return {
        "answer": answer,
        "source": file.source_code,
        "name": file.name,
        "version": file.version,
        "format": file.format,
        "sha256": file.sha256,
        "told_lines": file.told_count,
        "lines": file.line_count,
        "quarantined_lines": file.quarantined_count,
        "quarantined_paise": file.quarantined_paise,
        "new_lines": file.added_count,
        "credit_paise": file.credit_paise,
        "debit_paise": file.debit_paise,
        "opening_paise": file.opening_paise,
        "closing_paise": file.closing_paise,
        "covers_from": file.covers_from.isoformat() if file.covers_from else None,
        "covers_to": file.covers_to.isoformat() if file.covers_to else None,
        "problem": file.problem,
        "reasons": _reasons(file),
        "refusals": file.refusals,
    }


def _as_text(file: StatementFile, answer: str) -> str:
    if answer == "refused":
        shown = [f"  line {one['line']}: {one['problem']}" for one in file.refusals]
        return "\n".join([f"{file.name}: refused, nothing was loaded.", *shown])
    if answer == "already_loaded":
        loaded_on = f"{file.loaded_at:%d-%m-%Y}"
        return f"{file.name}: the same content was loaded on {loaded_on}; nothing was added."
    if answer in _WAITING:
        return f"{file.name}: waits for a second person, nothing was loaded."
    told = (
        f"{file.name}: {file.line_count} lines loaded, {file.added_count} new; "
        f"credits {grouped_rupees(file.credit_paise)}, debits {grouped_rupees(file.debit_paise)}."
    )
    if not file.quarantined_count:
        return told
    return f"{told} Set aside: {file.quarantined_count} of {file.told_count} lines."
