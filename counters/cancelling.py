"""A receipt is cancelled in its own shift: the money goes back, the number stays used."""

from typing import ClassVar

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from channels_.contract import Method
from counters import days, papers, seconds, shifts
from counters.models import Collection, Instrument, Shift
from counters.policy import policy_of
from counters.states import PaperState, ShiftState
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from outgoing import port
from payments.actions import reverse_at_counter
from payments.consumers import mobile_of
from payments.models import Counter, Payment
from payments.states import State
from people.models import User
from people.roles import SUPERVISOR
from refunds.actions import room_of


class NotCancelled(DomainError):
    """It is too late, or it is for somebody else to do."""

    code: ClassVar[str] = "not_cancelled"


def fall_together(payment: Payment) -> list[Payment]:
    """The payments that a cancellation undoes: all that the same paper has paid, or this one."""
    paper = _paper_of(payment)
    if paper is None:
        return [payment]
    rows = Payment.objects.filter(share__instrument=paper).select_related("receipt", "consumer")
    return list(rows.order_by("pk"))


@transaction.atomic
def cancel(payment_id: int, *, supervisor: User, reason: str) -> list[Payment]:
    """Cancel a receipt of a counter as a second person; with it all that the same paper has paid.

    Its shift is open still, no slip carries it. What is cancelled already changes nothing.
    """
    payment = Payment.objects.select_related("counter__office").get(pk=payment_id)
    if payment.counter is None:
        raise NotCancelled(_("Only a receipt of a counter is cancelled here."))
    made = Collection.objects.filter(lines__payment=payment).first()
    shift = _hold(made, payment.counter)
    clerk = None if made is None else made.clerk_id
    seconds.check_second(
        supervisor, office=payment.counter.office, roles=(SUPERVISOR,), but=[clerk]
    )
    paper = _paper_of(payment)
    keys = [one.pk for one in fall_together(payment)]
    held = Payment.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk")
    standing = [one for one in held if one.state == State.SUCCEEDED]
    for one in standing:  # asked for, on its way or gone: the drawer would give it a second time
        if room_of(one.pk) < one.amount_paise:
            words = _("A refund of %(reference)s is asked for or paid: it goes back only once.")
            raise NotCancelled(words % {"reference": one.reference})
    cash = sum(one.amount_paise for one in standing if one.method == Method.CASH)
    if shift is not None and cash:  # what was handed in meanwhile cannot be given back from here
        shifts.check_can_give(shift, cash, policy=policy_of(payment.counter.office))
    undone = [reverse_at_counter(one.pk, supervisor=supervisor, reason=reason) for one in standing]
    if paper is not None and undone:
        (paper,) = papers.locked([paper.pk])
        cause = f"receipt cancelled: {reason.strip()}"
        papers.move(paper, to=PaperState.GIVEN_BACK, cause=cause, actor=supervisor, on=today())
    _tell(undone)
    return undone


def _hold(made: Collection | None, counter: Counter) -> Shift | None:
    """Keep the day and the shift from closing meanwhile; refuse when they are over."""
    if made is None or made.shift_id is None:
        days.known_day(counter.office, on=today())
        return None
    shift = Shift.objects.select_related("office_day").get(pk=made.shift_id)
    days.held(shift.office_day)
    shift = Shift.objects.select_for_update(of=("self",)).get(pk=made.shift_id)
    if shift.state != ShiftState.OPEN:
        raise NotCancelled(_("Its shift is over: only within the shift is a receipt cancelled."))
    return shift


def _paper_of(payment: Payment) -> Instrument | None:
    return Instrument.objects.filter(shares__payment=payment).first()


def _tell(undone: list[Payment]) -> None:
    news = []
    for payment in undone:
        mobile = mobile_of(payment.consumer) if payment.consumer else ""
        facts = {
            "amount_paise": payment.amount_paise,
            "consumer": payment.consumer_number,
            "receipt": payment.receipt.label,
            "on": payment.business_date,
        }
        news.append(
            port.News(
                kind="receipt_cancelled",
                channel="sms",
                key=f"receipt_cancelled:{payment.receipt.label}",
                to=mobile,
                language=settings.NOTICE_LANGUAGE,
                facts=facts,
                about=payment,
                office=payment.office,
            )
        )
    port.tell_many(news)
