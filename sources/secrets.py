"""Secrets that open the servers of sources to us: encrypted, bound to their source and name."""

from typing import ClassVar

from django.db import transaction

from channels_.models import Source
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from people import audit
from people.models import User
from sources.models import SourceSecret


class NoSecret(DomainError):
    """The plan names a secret that is not there."""

    code: ClassVar[str] = "no_secret"


@transaction.atomic
def put(source: Source, *, name: str, value: str, by: User | str) -> bool:
    """Keep a secret under its name; says whether it is another than before."""
    whose = _whose(source)
    held = SourceSecret.objects.select_for_update().filter(**whose, name=name).first()
    if held is not None and _opened(held, source) == value:
        return False
    row = held or SourceSecret(**whose, name=name)
    row.sealed = crypto.seal(value.encode(), place=_place(source, name))
    row.made_at = now()
    row.save()
    audit.record(by, "source.secret_set", source, after={"name": name})
    return True


def value_of(source: Source, *, name: str) -> str:
    """The secret itself, for who is about to call the server; NoSecret when there is none."""
    held = SourceSecret.objects.filter(**_whose(source), name=name).first()
    if held is None:
        raise NoSecret(f"{source.code} has no secret {name}")
    return _opened(held, source)


def _whose(source: Source) -> dict[str, Source]:
    return {source.whose: source}


def _opened(row: SourceSecret, source: Source) -> str:
    return crypto.unseal(row.sealed, place=_place(source, row.name)).decode()


def _place(source: Source, name: str) -> str:
    """Bound to the row it belongs to: a secret copied to another source does not open."""
    return f"sources_sourcesecret.sealed:{type(source).__name__}:{source.code}:{name}"
