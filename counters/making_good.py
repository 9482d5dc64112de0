"""Paid otherwise: what follows a dishonour, and a post-dated cheque that is given back."""

from typing import ClassVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from channels_.contract import Method
from counters import legal, papers
from counters.dishonour import check_may_decide
from counters.models import Instrument, InstrumentEvent, LegalNotice, Share
from counters.seconds import check_second
from counters.states import PaperState
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from payments.models import Payment
from payments.states import State
from people import audit
from people.models import User
from people.roles import SUPERVISOR

_FALLEN = (PaperState.DISHONOURED, PaperState.PURSUED)


class NotMadeGood(DomainError):
    """This payment does not stand for what the paper failed to pay."""

    code: ClassVar[str] = "not_made_good"


class NotGivenBack(DomainError):
    """The paper is not one that can be handed back, or nobody said why."""

    code: ClassVar[str] = "not_given_back"


def payments_since(share: Share) -> QuerySet[Payment]:
    """What the consumer has paid since the paper fell, as much or more, linked to nothing yet."""
    fell = InstrumentEvent.objects.filter(
        instrument_id=share.instrument_id, to_state=PaperState.DISHONOURED
    ).first()
    if fell is None:
        return Payment.objects.none()
    rows = Payment.objects.filter(
        consumer_id=share.consumer_id,
        state=State.SUCCEEDED,
        succeeded_at__gte=fell.at,
        amount_paise__gte=share.amount_paise,
        made_good__isnull=True,
    )
    return rows.order_by("succeeded_at", "pk")


@transaction.atomic
def make_good(share_id: int, *, payment: Payment, by: User) -> Instrument:
    """Link what a consumer paid instead; once every consumer has, the paper is made good.

    In cash when all of it came in cash, else replaced. The legal notice ends with it.
    """
    share = Share.objects.select_related("instrument__office").get(pk=share_id)
    check_may_decide(by, office=share.instrument.office)
    list(Payment.objects.select_for_update(of=("self",)).filter(pk=payment.pk))
    (paper,) = papers.locked([share.instrument_id])
    share.refresh_from_db(fields=["made_good_by"])
    if share.made_good_by_id == payment.pk:
        return paper
    if paper.state not in _FALLEN or share.made_good_by_id is not None:
        raise NotMadeGood(_("This part of the paper was made good already, or never fell."))
    if not payments_since(share).filter(pk=payment.pk).exists():
        raise NotMadeGood(_("Expected a payment of this consumer, as much or more, made since."))
    share.made_good_by = payment
    share.save(update_fields=["made_good_by"])
    audit.record(
        by,
        "paper.made_good",
        paper,
        after={"consumer": share.consumer.number, "payment": payment.reference},
        office=paper.office,
    )
    _finish(paper, by=by)
    return paper


@transaction.atomic
def pursue(paper_id: int, *, by: User, reason: str) -> LegalNotice:
    """Go to law over a dishonoured paper; from then on its days are watched."""
    (paper,) = papers.locked([paper_id])
    check_may_decide(by, office=paper.office)
    if not reason.strip():
        raise NotMadeGood(_("Say why it is pursued."))
    papers.move(paper, to=PaperState.PURSUED, cause=reason.strip(), actor=by, on=today())
    notice = legal.open_notice(paper, memo_on=paper.returned_on or today())
    audit.record(by, "paper.pursued", paper, after={"reason": reason.strip()}, office=paper.office)
    return notice


@transaction.atomic
def give_back(paper_id: int, *, by: User, reason: str) -> Instrument:
    """Hand a post-dated cheque back before its day: another than who took it does, with a reason.

    It has paid nothing yet, so no receipt and no due changes. Twice is once.
    """
    (paper,) = papers.locked([paper_id])
    check_second(by, office=paper.office, roles=(SUPERVISOR,), but=[paper.taken_by_id])
    if paper.state == PaperState.GIVEN_BACK:
        return paper
    if paper.state != PaperState.HELD:
        raise NotGivenBack(_("Only a cheque that waits for its day is given back here."))
    if not reason.strip():
        raise NotGivenBack(_("Say why it is given back."))
    papers.move(paper, to=PaperState.GIVEN_BACK, cause=reason.strip(), actor=by, on=today())
    facts = {"number": paper.number, "amount_paise": paper.amount_paise, "reason": reason.strip()}
    audit.record(by, "paper.given_back", paper, after=facts, office=paper.office)
    return paper


def _finish(paper: Instrument, *, by: User) -> None:
    shares = list(Share.objects.filter(instrument=paper).select_related("made_good_by"))
    instead = [share.made_good_by for share in shares if share.made_good_by is not None]
    if len(instead) < len(shares):
        return
    in_cash = all(payment.method == Method.CASH for payment in instead)
    to = PaperState.PAID_IN_CASH if in_cash else PaperState.REPLACED
    told = ", ".join(payment.reference for payment in instead)
    papers.move(paper, to=to, cause=told, actor=by, on=today())
    watched = LegalNotice.objects.filter(instrument=paper, closed_on__isnull=True).first()
    if watched is not None:
        legal.close(watched.pk, outcome=str(to.label), by=by)
