"""Tell back a match, a decision, a file or a whole run: proposed by one, approved by another."""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from people.models import User
from reconciliation.desk import undo_targets, undoing
from reconciliation.models import Undo


class Command(BaseCommand):
    """``undo propose KIND NAME --by USER --why WORDS``, ``undo approve ID --by USER``, and so on.

    Exit 0 when it was done, 1 when it was refused.
    """

    help = "Undo a match, a decision, a file or a run, by two persons."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True)
        propose = steps.add_parser("propose", help="ask for an undo; answers its id")
        propose.add_argument("kind", choices=Undo.Kind.values)
        propose.add_argument(
            "name", help="run: 2026-08-18.2; decision: its id; file: SOURCE|SHA256; "
            "match: STAGE|BOOK|KEY of one of its entries"
        )  # fmt: skip
        propose.add_argument("--by", required=True, help="user name of who proposes")
        propose.add_argument("--why", required=True, help="the reason")
        for step in ("approve", "reject"):
            one = steps.add_parser(step, help=f"{step} an undo that somebody else proposed")
            one.add_argument("id")
            one.add_argument("--by", required=True, help="user name of who decides")
            one.add_argument("--answer", default="", help="needed to reject")
        steps.add_parser("list", help="the last hundred, as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            answer = getattr(self, f"_{options['step']}")(options)
        except DomainError as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(answer)

    def _propose(self, options: dict[str, Any]) -> str:
        maker = _user(options["by"])
        target = undo_targets.named(maker, options["kind"], options["name"])
        undo = undoing.propose(target, why=options["why"], maker=maker)
        return (
            f"{undo.public_id}\n{undo.title}: {undo.match_count} matches, "
            f"{undo.entry_count} lines, {grouped_rupees(undo.amount_paise)}; "
            "waits for a second person."
        )

    def _approve(self, options: dict[str, Any]) -> str:
        undo = undoing.approve(
            _undo(options["id"]), checker=_user(options["by"]), answer=options["answer"]
        )
        if undo.state == Undo.State.APPROVED:
            undoing.carry_out(undo.public_id)  # here and now: nobody waits for a worker
            undo.refresh_from_db()
        if undo.state != Undo.State.DONE:
            raise CommandError(undo.problem or undo.get_state_display())
        return (
            f"{undo.title}: {undo.done_matches} matches and {undo.done_entries} lines undone, "
            f"{grouped_rupees(undo.done_paise)}. The next run names what is open again."
        )

    def _reject(self, options: dict[str, Any]) -> str:
        undo = undoing.reject(
            _undo(options["id"]), checker=_user(options["by"]), answer=options["answer"]
        )
        return f"{undo.title}: rejected, nothing was changed."

    def _list(self, _options: dict[str, Any]) -> str:
        rows = Undo.objects.order_by("-id")[:100]
        return json.dumps([_as_data(one) for one in rows], indent=2)


def _as_data(undo: Undo) -> dict[str, Any]:
    return {
        "id": undo.public_id,
        "kind": undo.kind,
        "title": undo.title,
        "state": undo.state,
        "matches": undo.done_matches if undo.done_at else undo.match_count,
        "lines": undo.done_entries if undo.done_at else undo.entry_count,
        "amount_paise": undo.done_paise if undo.done_at else undo.amount_paise,
        "why": undo.why,
        "problem": undo.problem,
    }


def _user(name: str) -> User:
    found = User.objects.filter(username=name, is_active=True).first()
    if found is None:
        raise CommandError(f"there is no user {name!r}")
    return found


def _undo(public_id: str) -> Undo:
    found = Undo.objects.filter(public_id=public_id).first()
    if found is None:
        raise CommandError(f"there is no undo {public_id!r}")
    return found
