"""Reading refunds, disputes and the clock: ``*_visible_to(user)`` is the only door to a row."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from django.db.models import (
    Case,
    Count,
    DateField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _

from cspdcl.kernel.clock import today
from enquiries import tat
from enquiries.models import Operation, TatRule
from enquiries.states import OPEN
from payments.models import Dispute, DisputeEvent, Payment, PaymentEvent
from payments.selectors import payments_visible_to
from payments.states import RUNNING
from payments.states import State as PaymentState
from people.access import Somebody, has_role
from people.models import User
from people.roles import AUDITOR, FINANCE, FINANCE_APPROVER, OPERATOR
from refunds.models import DisputeAnswer, RefundEvent, RefundRequest
from refunds.states import AnswerState, State

READERS: Final = (*FINANCE, AUDITOR, OPERATOR)
CLOCK_DAYS: Final = 90  # payments older than this are not counted on the clock any more


def requests_visible_to(user: Somebody) -> QuerySet[RefundRequest]:
    """Requests for refunds of payments that the user may see."""
    if not has_role(user, *READERS):
        return RefundRequest.objects.none()
    return RefundRequest.objects.filter(payment__in=payments_visible_to(user))


def disputes_visible_to(user: Somebody) -> QuerySet[Dispute]:
    """Disputes of payments that the user may see, and of payments that nobody knows yet."""
    if not has_role(user, *READERS):
        return Dispute.objects.none()
    mine = Q(payment__in=payments_visible_to(user)) | Q(payment__isnull=True)
    return Dispute.objects.filter(mine)


def answers_visible_to(user: Somebody) -> QuerySet[DisputeAnswer]:
    """Answers to the disputes that the user may see."""
    return DisputeAnswer.objects.filter(dispute__in=disputes_visible_to(user))


def clock_visible_to(user: Somebody) -> QuerySet[Any, Any]:
    """Payments whose payer may be without the money, each with ``due`` (the last day).

    Unknown ones that are asked about, and failed ones of which a bank's reference or a person's
    decision says that money may have moved. What is known to be back is left out.
    """
    if not has_role(user, *READERS):
        return Payment.objects.none()
    asked = Operation.objects.filter(payment=OuterRef("pk"), kind="status", state__in=OPEN)
    decided = PaymentEvent.objects.filter(payment=OuterRef("pk"), cause__startswith="decided:")
    unknown = Q(state__in=[PaymentState.CREATED, PaymentState.PENDING]) & Exists(asked)
    moved = ~Q(rrn="") | ~Q(utr="") | Exists(decided)
    failed = Q(state=PaymentState.FAILED) & moved
    since = today() - timedelta(days=CLOCK_DAYS)
    rows = payments_visible_to(user).filter(
        unknown | failed, business_date__gte=since, came_back__isnull=True
    )
    days = Coalesce(_days_of("method"), _days_told(), _days_of(""), Value(tat.LONGEST))
    last = ExpressionWrapper(F("business_date") + days, output_field=DateField())
    return rows.annotate(due=last)


def summed(rows: QuerySet[RefundRequest]) -> Mapping[str, Mapping[str, int]]:
    """Count and paise of requests by their state."""
    found = rows.order_by().values("state").annotate(n=Count("pk"), paise=Sum("amount_paise"))
    return {row["state"]: {"count": row["n"], "paise": row["paise"]} for row in found}


def compensation_of(payment: Payment, *, until: date | None = None) -> int:
    """What the payer's bank owes the payer by now, or by the day the money came back."""
    return tat.due_of(payment).compensation(until or today())


def is_on_clock(user: Somebody, payment: Payment) -> bool:
    """Whether the Reserve Bank's clock runs for this payment."""
    return clock_visible_to(user).filter(pk=payment.pk).exists()


def waiting_refunds_count(user: User) -> int | None:
    """What waits for this person: decisions of others' requests, and refunds to do by hand."""
    if not has_role(user, *FINANCE):
        return None
    waits = Q(state=State.MANUAL)
    if has_role(user, FINANCE_APPROVER):
        waits |= Q(state=State.ASKED) & ~Q(asked_by=user)
    return requests_visible_to(user).filter(waits).count()


def waiting_disputes_count(user: User) -> int | None:
    """Disputes that want an answer, and answers that wait for somebody else."""
    if not has_role(user, *FINANCE):
        return None
    under_way = DisputeAnswer.objects.filter(
        dispute=OuterRef("pk"), state__in=[AnswerState.APPROVED, AnswerState.SENDING]
    )
    open_ones = disputes_visible_to(user).filter(~Exists(under_way), state__in=RUNNING[:1])
    return open_ones.count()


def story_of(payment: Payment, user: Somebody) -> list[dict[str, Any]]:
    """Refunds and disputes of a payment, as rows for a timeline."""
    may_read = has_role(user, *READERS)
    rows = [
        _asked_row(one, may_read=may_read)
        for one in payment.refund_requests.select_related("asked_by").order_by("id")
    ]
    moves = RefundEvent.objects.filter(request__payment=payment).select_related("request")
    rows += [_moved_row(one, may_read=may_read) for one in moves.order_by("id")]
    news = DisputeEvent.objects.filter(dispute__payment=payment).select_related("dispute")
    return [*rows, *(_dispute_row(one, may_read=may_read) for one in news.order_by("id"))]


def _days_of(method: str) -> Subquery:
    """The days by the rule of the payment's method, or of all others, that was in force."""
    named = OuterRef("method") if method else Value("")
    rules = TatRule.objects.filter(method=named, valid_from__lte=OuterRef("business_date"))
    newest = rules.order_by("-valid_from").values("days")[:1]
    return Subquery(newest, output_field=IntegerField())


def _days_told() -> Case:
    """The circular's days, for methods about which no rule says anything."""
    told = [When(method=method, then=Value(days)) for method, days in tat.DAYS.items()]
    return Case(*told, output_field=IntegerField())


def _asked_row(one: RefundRequest, *, may_read: bool) -> dict[str, Any]:
    row = {
        "at": one.asked_at,
        "text": _("Refund asked for"),
        "by": f"{one.asked_by.username}: {one.reason}" if may_read else "",
        "icon": "receipt-refund",
        "tone": "prop",
        "paise": one.amount_paise,
    }
    return {**row, **_link(one)} if may_read else row


def _moved_row(one: RefundEvent, *, may_read: bool) -> dict[str, Any]:
    text = _("Refund: %(state)s") % {"state": State(one.to_state).label}
    by = ", ".join(part for part in (one.actor, one.cause) if part)
    row = {
        "at": one.at,
        "text": text,
        "by": by if may_read else "",
        "icon": "receipt-refund",
        "tone": _TONES.get(State(one.to_state), ""),
    }
    return {**row, **_link(one.request)} if may_read else row


def _dispute_row(one: DisputeEvent, *, may_read: bool) -> dict[str, Any]:
    text = _("Dispute: %(state)s") % {"state": one.get_to_state_display()}
    row = {
        "at": one.at,
        "text": text,
        "by": one.cause if may_read else "",
        "icon": "gavel",
        "tone": "open",
    }
    if not may_read:
        return row
    url = reverse("refunds:dispute", args=[one.dispute.public_id])
    return {**row, "proof_url": url, "proof_label": _("dispute")}


def _link(one: RefundRequest) -> dict[str, str]:
    url = reverse("refunds:refund", args=[one.reference])
    return {"proof_url": url, "proof_label": _("refund")}


_TONES: Final[Mapping[State, str]] = {
    State.SUCCEEDED: "ok",
    State.FAILED: "bad",
    State.MANUAL: "open",
    State.APPROVED: "wait",
    State.SENDING: "wait",
}
