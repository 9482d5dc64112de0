"""The names by which a person says what to undo, and the thing that each names."""

from datetime import date
from typing import ClassVar

from cspdcl.kernel.errors import DomainError
from people.models import User
from reconciliation import selectors
from reconciliation.desk import undoing
from reconciliation.incoming import files
from reconciliation.models import Match, MatchLine, Undo

_APART = "|"


class NoSuchThing(DomainError):
    """Nothing that the person may see has that name."""

    code: ClassVar[str] = "no_such_thing"


def named(user: User, kind: str, key: str) -> undoing.Target:
    """The thing with this name. Raises NoSuchThing when there is none, or it is hidden.

    A run is ``2026-08-18.2``, a decision its id, a file ``source|sha256``, a match the name of one
    of its entries: ``stage|book|key``.
    """
    finders = {
        Undo.Kind.RUN: _run,
        Undo.Kind.DECISION: _decision,
        Undo.Kind.FILE: _file,
        Undo.Kind.MATCH: _match,
    }
    found = finders[Undo.Kind(kind)](user, key) if kind in finders and "\0" not in key else None
    if found is None:
        raise NoSuchThing(f"there is no {kind} {key!r} to be undone")
    return found


def _run(user: User, key: str) -> undoing.Target | None:
    day, _dot, number = key.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < len("1000000")):
        return None
    try:
        run = selectors.run_of(user, day=date.fromisoformat(day), number=int(number))
    except ValueError:
        return None
    return None if run is None else undoing.of_run(run)


def _decision(user: User, key: str) -> undoing.Target | None:
    found = selectors.visible_decisions(user).filter(public_id=key).first()
    return None if found is None else undoing.of_decision(found)


def _file(user: User, key: str) -> undoing.Target | None:
    source, _bar, sha256 = key.partition(_APART)
    some = files.of_sources(files.visible_to(user).filter(sha256=sha256), [source])
    found = some.order_by("-pk").first()
    return None if found is None else undoing.of_file(found)


def _match(user: User, key: str) -> undoing.Target | None:
    stage, _bar, rest = key.partition(_APART)
    book, _bar, source_key = rest.partition(_APART)
    lines = MatchLine.objects.filter(
        stage=stage, is_live=True, entry__book=book, entry__source_key=source_key
    )
    matches: list[Match] = list(
        selectors.visible_matches(user).filter(pk__in=lines.values("match_id"))[:1]
    )
    return undoing.of_match(matches[0]) if matches else None
