"""``certificate_verify``: was a certificate of a day altered, and does it follow the one before?"""

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import grouped_rupees
from reconciliation.dayend import certificates
from reconciliation.dayend.certificates import Checked


class Command(BaseCommand):
    """``certificate_verify FILE... [--against-db] [--json]``: ends with 1 when it finds a fault."""

    help = "Verify the signature of a day's certificate, and the chain between its versions."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The files, and whether our own database is asked too."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument(
            "--against-db", action="store_true", help="compare with the closed days stored here"
        )
        parser.add_argument("--json", action="store_true", help="answer as JSON on standard output")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print one sentence a file; the exit code says whether all are well."""
        found = [_checked(file) for file in options["files"]]
        faults = [one.fault for one in found]
        if options["against_db"]:
            faults = [
                fault or certificates.check_against_books(one)
                for fault, one in zip(faults, found, strict=True)
            ]
        chain = "" if any(faults) else certificates.chain_fault_between(found)
        if options["json"]:
            self._tell_json(found, faults, chain)
        else:
            for one, fault in zip(found, faults, strict=True):
                self.stdout.write(f"{one.number}: {fault or _well(one)}.")
        wrong = [*(fault for fault in faults if fault), *([chain] if chain else [])]
        if wrong:
            raise CommandError(wrong[0])

    def _tell_json(self, found: list[Checked], faults: list[str], chain: str) -> None:
        told = [
            {"number": one.number, "ok": not fault, "fault": fault, "hash": one.content_hash}
            for one, fault in zip(found, faults, strict=True)
        ]
        self.stdout.write(
            json.dumps({"ok": not (any(faults) or chain), "chain": chain, "certificates": told})
        )


def _checked(file: Path) -> Checked:
    try:
        return certificates.check(file.read_bytes())
    except Malformed as error:
        raise CommandError(f"{file.name}: {error}") from error
    except OSError as error:
        raise CommandError(f"{file.name} cannot be read: {error.strerror}") from error


def _well(one: Checked) -> str:
    """What the signature covers, so that a reader can hold the paper against it."""
    count, paise = one.facts["receipts"]["issued"]
    return f"is as it was signed: {count} receipts of {grouped_rupees(paise)}"
