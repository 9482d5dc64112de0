"""``audit_verify``: was anything in the audit trail altered?"""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from people.audit_verify import verify


class Command(BaseCommand):
    """Recomputes the chain and holds it against its anchors; ends with 1 when it finds a fault."""

    help = "Verify that no audit event was altered, removed, added or moved."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One option: the finding as JSON."""
        parser.add_argument("--json", action="store_true", help="print the finding as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the finding; the exit code says whether all is well."""
        verdict = verify()
        self.stdout.write(json.dumps(verdict.as_dict()) if options["json"] else verdict.sentence)
        if not verdict.is_well:
            raise SystemExit(1)
