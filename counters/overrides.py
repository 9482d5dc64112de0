"""A rule stops a clerk: they ask with a reason, a second person lets it through once, that day."""

from collections.abc import Iterable
from datetime import date
from typing import ClassVar, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from counters.models import Collection, Override
from counters.seconds import check_supervises
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import PAISE_MAX
from payments.models import Counter
from people import audit
from people.access import offices_of, sees_everything
from people.models import User

CHEQUE_BAR: Final = "cheque_bar"
REASON_MIN: Final = 5

State = Override.State


class NotGranted(DomainError):
    """Who asks may not be answered like this."""

    code: ClassVar[str] = "override_refused"


def overrides_visible_to(user: User) -> QuerySet[Override]:
    """What was asked at the counters of the user's offices."""
    rows = Override.objects.select_related("counter__office", "maker", "checker")
    return rows if sees_everything(user) else rows.filter(counter__office__in=offices_of(user))


def waiting_count(user: User) -> int:
    """How many clerks of the user's offices wait for an answer today."""
    rows = overrides_visible_to(user).order_by()
    return rows.filter(state=State.ASKED, business_date=today()).count()


@transaction.atomic
def ask(
    counter: Counter,
    *,
    clerk: User,
    rule: str,
    consumer_number: str,
    amount_paise: int,
    reason: str,
) -> Override:
    """Ask the supervisor; what was asked already today, and waits or is granted, is not doubled."""
    if len(reason.strip()) < REASON_MIN:
        raise NotGranted(_("Say why it should be let through."))
    if not 0 < amount_paise <= PAISE_MAX:
        raise NotGranted(_("More than zero is expected."))
    same = live(counter, clerk=clerk, on=today()).filter(
        rule=rule, consumer_number=consumer_number, amount_paise__gte=amount_paise
    )
    known = same.order_by("-pk").first()
    if known is not None:
        return known
    row = Override.objects.create(
        counter=counter,
        rule=rule,
        consumer_number=consumer_number,
        amount_paise=amount_paise,
        reason=reason.strip()[:200],
        maker=clerk,
        business_date=today(),
    )
    _note(row, clerk, "override.asked")
    return row


@transaction.atomic
def answer(override_id: int, *, by: User, grants: bool, words: str = "") -> Override:
    """Grant or refuse as a supervisor of the office who did not ask; the first answer stands."""
    row = Override.objects.select_for_update(of=("self",)).get(pk=override_id)
    # Looked up now, in this transaction: a role that was taken away this minute grants nothing.
    check_supervises(by, office=row.counter.office)
    if row.maker_id == by.pk:
        raise NotGranted(_("Somebody else must answer: you asked yourself."))
    if row.state != State.ASKED:
        raise NotGranted(_("It was answered before."))
    if row.business_date != today():
        raise NotGranted(_("It was asked on another day and is good on that day only."))
    if not grants and len(words.strip()) < REASON_MIN:
        raise NotGranted(_("Say why not."))
    row.state = State.GRANTED if grants else State.REFUSED
    row.checker, row.checked_at, row.answer = by, now(), words.strip()[:200]
    row.save(update_fields=["state", "checker", "checked_at", "answer"])
    _note(row, by, "override.granted" if grants else "override.refused")
    return row


def live(counter: Counter, *, clerk: User, on: date) -> QuerySet[Override]:
    """What this clerk has asked here on a day and not used yet, refusals aside."""
    return Override.objects.filter(
        counter=counter, maker=clerk, business_date=on, state__in=[State.ASKED, State.GRANTED]
    )


def granted(
    counter: Counter,
    *,
    clerk: User,
    rule: str,
    consumer_number: str,
    amount_paise: int,
    but: Iterable[int] = (),
) -> Override | None:
    """The grant that lets this through, locked until the commit; ``use`` it in the same one.

    ``but`` are those that this request has spent already.
    """
    rows = (
        live(counter, clerk=clerk, on=today())
        .filter(
            state=State.GRANTED,
            rule=rule,
            consumer_number=consumer_number,
            amount_paise__gte=amount_paise,
        )
        .exclude(pk__in=but)
    )
    return rows.select_for_update().order_by("amount_paise", "pk").first()


def use(row: Override, *, collection: Collection) -> None:
    """Spend a grant on what it let through."""
    row.state, row.collection = State.USED, collection
    row.save(update_fields=["state", "collection"])


def _note(row: Override, actor: User, action: str) -> None:
    after = {
        "rule": row.rule,
        "counter": row.counter.code,
        "consumer": row.consumer_number,
        "amount_paise": row.amount_paise,
        "reason": row.answer or row.reason,
    }
    audit.record(actor, action, row, after=after, office=row.counter.office)
