"""A strange file waits: a second person releases it to be loaded as it was, or refuses it."""

from collections.abc import Sequence
from typing import ClassVar

from django.db import transaction
from django.utils.translation import gettext as _

from channels_.models import StatementFile
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from people import audit
from people.access import has_role
from people.models import User
from people.roles import FINANCE_APPROVER
from sources.models import Doubt
from sources.profile import Profile
from sources.strange import Reason

ANSWER_MAX = 300


class NotYourAnswer(DomainError):
    """The person may not answer here; whoever hands in or proposes never does."""

    code: ClassVar[str] = "not_your_part"


class NotWaiting(DomainError):
    """Somebody has answered already, or nothing waits."""

    code: ClassVar[str] = "not_waiting"


class NoAnswer(DomainError):
    """A refusal says why; whoever handed the file in reads it."""

    code: ClassVar[str] = "no_answer"


@transaction.atomic
def raise_against(
    file: StatementFile, *, reasons: Sequence[Reason], profile: Profile, by: User | None
) -> Doubt:
    """Keep why a file waits, with its figures."""
    profile.kept_for(file).save()
    doubt = Doubt.objects.create(file=file, reasons=list(reasons), maker=by)
    audit.record(
        by or "command",
        "statement.waits",
        ("statementfile", file.sha256),
        after={"name": file.name, "reasons": [one["code"] for one in reasons]},
    )
    return doubt


def reasons_of(file: StatementFile) -> list[Reason]:
    """Why a file waits, or waited."""
    doubt = Doubt.objects.filter(file=file).first()
    return list(doubt.reasons) if doubt else []


@transaction.atomic
def answer(file: StatementFile, *, to: Doubt.State, checker: User, words: str) -> Doubt:
    """Move the doubt; the mover of the file, above, does the rest in the same transaction."""
    person = User.objects.get(pk=checker.pk)  # their roles as they are in this transaction
    if not has_role(person, FINANCE_APPROVER):
        raise NotYourAnswer(_("A finance approver answers for a file that waits."))
    doubt = Doubt.objects.select_for_update().filter(file=file).first()
    if doubt is None or doubt.state != Doubt.State.WAITING:
        raise NotWaiting(_("This file does not wait any more."))
    if doubt.maker_id == person.pk:
        raise NotYourAnswer(_("Who handed the file in does not release it."))
    if to == Doubt.State.REFUSED and not words.strip():
        raise NoAnswer(_("Say why: whoever handed it in reads it."))
    doubt.state, doubt.checker = to, person
    doubt.answer, doubt.decided_at = words.strip()[:ANSWER_MAX], now()
    doubt.save(update_fields=["state", "checker", "answer", "decided_at"])
    audit.record(
        person,
        f"statement.{to}_by_a_second_person",
        ("statementfile", file.sha256),
        after={"name": file.name, "answer": doubt.answer},
    )
    return doubt
