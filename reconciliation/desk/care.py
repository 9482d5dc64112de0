"""Who cares for a break, until when, and what they say about it. Decides nothing about money."""

from datetime import date, timedelta

from django.db import transaction

from attachments.models import Attachment
from cspdcl.kernel.clock import today
from people import audit
from people.access import has_role
from people.models import User
from people.roles import FINANCE
from reconciliation.desk.decisions import NotDecidable, NotYours
from reconciliation.models import Break, BreakNote

_WORDS_MAX = 1000
_DAYS_MAX = 366


@transaction.atomic
def note(open_break: Break, *, words: str, by: User, paper: Attachment | None = None) -> BreakNote:
    """Say something about a break, with a paper if there is one; it stays.

    Who says the very same as the last note says it once: a second press is no second note.
    """
    _check(by)
    said = words.replace("\0", "").strip()
    if not said or len(said) > _WORDS_MAX:
        raise NotDecidable(f"say it in 1 to {_WORDS_MAX} characters")
    Break.objects.select_for_update().get(pk=open_break.pk)
    last = BreakNote.objects.filter(open_break=open_break).order_by("-id").first()
    if last is not None and (last.by_id, last.words, last.paper) == (by.pk, said, paper):
        return last
    made = BreakNote.objects.create(open_break=open_break, by=by, words=said, paper=paper)
    after = {"words": said, "paper": str(paper.public_id) if paper else ""}
    audit.record(by, "break.noted", ("break", open_break.public_id), after=after)
    return made


@transaction.atomic
def hand_over(open_break: Break, *, owner: User | None, due_on: date | None, by: User) -> Break:
    """Say who cares for an open break, and by when; nobody and no day take it back."""
    _check(by)
    locked = Break.objects.select_for_update().get(pk=open_break.pk)
    if locked.state != Break.State.OPEN:
        raise NotDecidable("the break is closed")
    if owner is not None and not has_role(owner, *FINANCE):
        raise NotDecidable(f"{owner.username} does not work on breaks")
    # A day that stands may be over by now: to hand a break over is not to set it anew.
    if due_on not in (None, locked.due_on) and not _is_ahead(due_on):
        raise NotDecidable("expected a day from today to a year from now")
    before = _facts(locked)
    locked.owner, locked.due_on = owner, due_on
    locked.save(update_fields=["owner", "due_on"])
    audit.record(
        by, "break.handed_over", ("break", locked.public_id), before=before, after=_facts(locked)
    )
    return locked


def _is_ahead(day: date) -> bool:
    return today() <= day <= today() + timedelta(days=_DAYS_MAX)


def _check(by: User) -> None:
    if not has_role(by, *FINANCE):
        raise NotYours("people of finance work on breaks")


def _facts(one: Break) -> dict[str, object]:
    return {
        "owner": one.owner.username if one.owner else "",
        "due_on": one.due_on.isoformat() if one.due_on else "",
    }
