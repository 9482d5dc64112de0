"""Reading questions to partners: unknown money, the history of one question, alarms."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from cspdcl.kernel.clock import today
from enquiries import tat
from enquiries.models import Alarm, Breaker, Operation, OperationAttempt
from enquiries.rungs import UNDER_NPCI
from enquiries.states import OPEN, State
from payments.models import Payment
from payments.selectors import payments_visible_to
from people.access import Somebody, has_role, sees_everything
from people.models import User
from people.roles import ADMINISTRATOR, AUDITOR, FINANCE, OPERATOR

UNKNOWN_MONEY_READERS: Final = (OPERATOR, *FINANCE, AUDITOR)
_ALARM_READERS: Final = (*UNKNOWN_MONEY_READERS, ADMINISTRATOR)
_STATUS: Final = Operation.Kind.STATUS
_ICONS: Final[Mapping[str, tuple[str, str]]] = {
    OperationAttempt.Reading.ANSWERED: ("message-circle-check", "ok"),
    OperationAttempt.Reading.DECLINED: ("message-circle-x", "open"),
    OperationAttempt.Reading.UNCLEAR: ("message-circle-question", "open"),
    OperationAttempt.Reading.NO_ANSWER: ("message-circle-off", "open"),
    OperationAttempt.Reading.NOT_SENT: ("plug-connected-x", "wait"),
    OperationAttempt.Reading.LOST: ("message-circle-off", "open"),
}


def operations_visible_to(user: Somebody) -> QuerySet[Operation]:
    """Questions to partners, for those who work on them and who check."""
    if has_role(user, *_ALARM_READERS):
        return Operation.objects.all()
    return Operation.objects.none()


def alarms_visible_to(user: Somebody) -> QuerySet[Alarm]:
    """Alarms about channels, for the same; the open ones have no ``cleared_at``."""
    return Alarm.objects.all() if has_role(user, *_ALARM_READERS) else Alarm.objects.none()


def breakers_visible_to(user: Somebody) -> QuerySet[Breaker]:
    """How the partners' APIs fare, for the same."""
    return Breaker.objects.all() if has_role(user, *_ALARM_READERS) else Breaker.objects.none()


def unknown_money_visible_to(user: Somebody) -> QuerySet[Operation]:
    """Open questions about payments that the user may see: longer pending than they should be."""
    if not has_role(user, *UNKNOWN_MONEY_READERS):
        return Operation.objects.none()
    mine = Operation.objects.filter(kind=_STATUS, state__in=OPEN)
    if not sees_everything(user):  # who does shall not wait for a walk through every payment
        mine = mine.filter(payment__in=payments_visible_to(user))
    # Joined, every open question would meet its payment before fifty are shown.
    return mine.select_related("channel").prefetch_related("payment")


def sums_of(rows: QuerySet[Operation]) -> Mapping[str, Mapping[str, int]]:
    """Count and paise of open questions by their state."""
    found = rows.order_by().values("state").annotate(n=Count("pk"), paise=Sum("amount_paise"))
    return {row["state"]: {"count": row["n"], "paise": row["paise"]} for row in found}


def waiting_for_person_count(user: User) -> int:
    """What the navigation says beside unknown money: how many wait for a person."""
    return unknown_money_visible_to(user).filter(state=State.MANUAL).count()


def questions_about(payment: Payment) -> QuerySet[Operation]:
    """Every question about one payment, the newest round first; the caller may see the payment."""
    return Operation.objects.filter(payment=payment).select_related("channel").order_by("-id")


def last_status(payment: Payment) -> Operation | None:
    """The round of status questions that counts now."""
    return questions_about(payment).filter(kind=_STATUS).first()


def story_of(payment: Payment) -> list[dict[str, Any]]:
    """What was asked about a payment, as rows for a timeline: ``{at, text, by, icon, tone}``."""
    tries = OperationAttempt.objects.filter(operation__payment=payment).order_by("at", "number")
    return [_row(one) for one in tries.select_related("operation").defer("answer")]


def may_be_asked_again(operation: Operation, payment: Payment) -> bool:
    """Whether a person may let the partner be asked once more, beyond or within the ladder."""
    if operation.state not in (State.MANUAL, State.UNKNOWN, State.INTENDED):
        return False
    return operation.spent < operation.budget or (
        payment.method not in UNDER_NPCI and operation.budget > 0
    )


def due_on(payment: Payment) -> date:
    """The day of the Reserve Bank's clock for one payment."""
    return tat.due_on(payment)


def is_overdue(payment: Payment) -> bool:
    """Whether the Reserve Bank's clock has run out."""
    return tat.due_on(payment) < today()


def open_alarms(user: Somebody) -> Sequence[Alarm]:
    """Alarms that are open now, the oldest first."""
    rows = alarms_visible_to(user).filter(cleared_at__isnull=True)
    rows = rows.select_related("channel", "bank_account", "ledger")
    return list(rows.order_by("raised_at"))


def narrowed(rows: QuerySet[Operation], asked: Mapping[str, Any]) -> QuerySet[Operation]:
    """The open questions that fit every filter; who waits for a person first, then by age."""
    fits = Q()
    if asked.get("state"):
        fits &= Q(state__in=asked["state"])
    if asked.get("channel"):
        fits &= Q(channel__code__in=asked["channel"])
    return rows.filter(fits).order_by(F("next_at").asc(nulls_first=True), "created_at", "id")


def _row(one: OperationAttempt) -> dict[str, Any]:
    icon, tone = _ICONS[one.reading]
    words = {
        "what": one.operation.get_kind_display(),
        "reading": one.get_reading_display(),
    }
    by = [f"HTTP {one.http_status}" if one.http_status else "", one.detail]
    return {
        "at": one.at,
        "text": _("Asked for the %(what)s: %(reading)s") % words,
        "by": ", ".join(part for part in by if part),
        "icon": icon,
        "tone": tone,
    }
