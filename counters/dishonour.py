"""Dishonour: one transaction that undoes a returned paper in every book, or does nothing at all.

What the paper paid is reversed and its receipts are cancelled, so the consumers' dues are open
again; the tariff's charge is billed; cheques of its consumers are barred; the days of the law
begin; the consumers and the ERP are told by rows that leave after the commit. Twice is once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from channels_.contract import Method
from counters import bars, charges, legal, papers
from counters.models import Instrument, InstrumentEvent, ReturnCharge, Share
from counters.paper.returns import Fault, ReturnCode, return_code
from counters.seconds import NotYours, check_role
from counters.states import PaperState
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import DomainError
from outgoing import port
from outgoing.port import News, Posting
from payments.actions import reverse_dishonoured
from payments.consumers import mobile_of
from payments.models import Payment
from people import audit
from people.models import Office, User
from people.roles import FINANCE, SUPERVISOR

MAY_DECIDE: Final = (SUPERVISOR, *FINANCE)

_AFTER: Final = frozenset(
    {
        PaperState.DISHONOURED,
        PaperState.REPLACED,
        PaperState.PAID_IN_CASH,
        PaperState.PURSUED,
    }
)


class NotDishonoured(DomainError):
    """The paper is not one that can be given up; it stays as it was."""

    code: ClassVar[str] = "not_dishonoured"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One paper that falls, with all that the books say of it."""

    paper: Instrument
    why: ReturnCode
    shares: Sequence[Share]
    rule: ReturnCharge | None
    on: date

    @property
    def charge_paise(self) -> int:
        return sum(share.charge.amount_paise for share in self.shares if share.charge)


@transaction.atomic
def dishonour(paper_id: int, *, by: User, reason: str = "") -> Instrument:
    """Give a returned paper up; who wrote its return down by hand lets another person do it.

    A return that is the bank's fault, or of an unknown reason, wants a reason in words.
    """
    check_may_decide(by, office=Instrument.objects.select_related("office").get(pk=paper_id).office)
    paper = _held(paper_id)
    if paper.state in _AFTER:
        return paper
    _check(paper, by=by, reason=reason)
    return apply(paper, by=by.username, reason=reason)


def apply(paper: Instrument, *, by: str, reason: str = "") -> Instrument:
    """The dishonour of a paper that is held with its payments, inside the caller's transaction."""
    why = return_code(paper.return_code)
    on = today()
    rule = charges.in_force(on=on) if why.penalty else None
    shares = list(
        Share.objects.filter(instrument=paper)
        .select_related("consumer__office", "payment__office", "payment__receipt", "charge")
        .order_by("pk")
    )
    case = _Case(paper=paper, why=why, shares=shares, rule=rule, on=on)
    papers.move(
        paper,
        to=PaperState.DISHONOURED,
        cause=reason.strip() or why.en,
        actor=by,
        on=on,
        return_code=paper.return_code,
    )
    _reverse(case, by=by)
    _penalise(case)
    _tell(case)
    audit.record(
        by,
        "paper.dishonoured",
        paper,
        after={
            "number": paper.number,
            "amount_paise": paper.amount_paise,
            "return_code": paper.return_code,
            "charge_paise": case.charge_paise,
            "payments": len(shares),
        },
        office=paper.office,
    )
    return paper


def is_due_at_once(paper: Instrument, *, is_agreed: bool) -> bool:
    """Whether a bank's file alone decides: the drawer had no money, and the office agreed to it."""
    return is_agreed and return_code(paper.return_code).fault is Fault.DRAWER_FUNDS


def check_may_decide(by: User, *, office: Office) -> None:
    """Raises NotYours for who is no supervisor of the office and no finance officer, as of now."""
    check_role(by, office=office, roles=MAY_DECIDE)


# ---- helpers ----


def _held(paper_id: int) -> Instrument:
    """The paper and its payments, locked in the order that everybody keeps."""
    (paper,) = papers.locked([paper_id])
    return paper


def _check(paper: Instrument, *, by: User, reason: str) -> None:
    if paper.state != PaperState.RETURNED:
        raise NotDishonoured(
            _("%(paper)s is %(state)s: only what the bank returned can be dishonoured.")
            % {"paper": paper, "state": PaperState(paper.state).label}
        )
    told = (
        InstrumentEvent.objects.filter(instrument=paper, to_state=PaperState.RETURNED)
        .select_related("told_by")
        .latest("pk")
    )
    if not hasattr(told, "told_by") and told.actor == by.username:
        raise NotYours(_("You wrote its return down by hand: another person decides."))
    fault = return_code(paper.return_code).fault
    if fault in (Fault.TECHNICAL, Fault.UNKNOWN) and not reason.strip():
        raise NotDishonoured(_("Say why: its return is not the drawer's fault, as far as we know."))


def _reverse(case: _Case, *, by: str) -> None:
    made = [share.payment for share in case.shares if share.payment is not None]
    reverse_dishonoured(
        made,
        cause=f"dishonoured: {case.paper.method} {case.paper.number}, {case.why.en}"[:80],
        at=now(),
        by=by,
    )


def _penalise(case: _Case) -> None:
    """Charge, bar and the days of the law: only where the drawer's funds were missing."""
    if not case.why.penalty or not case.shares:
        return
    if case.rule is not None:
        charges.add(case.paper, share=case.shares[0], rule=case.rule, on=case.on)
        for consumer_id in dict.fromkeys(share.consumer_id for share in case.shares):
            bars.bar(case.paper, consumer_id=consumer_id, on=case.on, days=case.rule.barred_days)
    if case.paper.method == Method.CHEQUE:
        legal.open_notice(case.paper, memo_on=case.paper.returned_on or case.on)


def _tell(case: _Case) -> None:
    """The consumers, the drawer and the ERP, by rows that leave after the commit."""
    language = settings.NOTICE_LANGUAGE
    with translation.override(language):
        reason = case.why.words
    news: list[News] = []
    for share in case.shares:
        news += _news_of(case, share, language=language, reason=reason)
    if hasattr(case.paper, "legal_notice"):
        news.append(_demand(case, language=language, reason=reason))
    port.tell_many(news)
    port.post_many_to_erp(
        [_posting(case, share.payment) for share in case.shares if share.payment is not None]
    )


def _news_of(case: _Case, share: Share, *, language: str, reason: str) -> list[News]:
    mobile = mobile_of(share.consumer) if share.consumer.mobile else ""
    if share.payment is None or not mobile:
        return []
    paper, consumer = case.paper, share.consumer
    told = News(
        kind="cheque_dishonoured",
        channel="sms",
        key=f"cheque_dishonoured:{share.payment.reference}",
        to=mobile,
        language=language,
        facts={
            "amount_paise": share.amount_paise,
            "consumer": consumer.number,
            "receipt": legal.receipt_label(share.payment),
            "on": paper.returned_on or case.on,
            "cheque": paper.number,
            "bank": paper.bank_name or paper.bank_key,
            "reason": reason,
            "charges_paise": share.charge.amount_paise if share.charge else 0,
        },
        about=share.payment,
        office=consumer.office,
    )
    until = _barred_until(case)
    if until is None:
        return [told]
    barred = News(
        kind="cheque_barred",
        channel="sms",
        key=f"cheque_barred:{paper.public_id}:{consumer.number}",
        to=mobile,
        language=language,
        facts={"consumer": consumer.number, "until": until},
        about=paper,
        office=consumer.office,
    )
    return [told, barred]


def _demand(case: _Case, *, language: str, reason: str) -> News:
    """The letter of section 138, for who signed; a person sends it and notes when."""
    paper, first = case.paper, case.shares[0]
    return News(
        kind="cheque_notice",
        channel="letter",
        key=f"cheque_notice:{paper.public_id}",
        to=f"{paper.drawer or first.consumer.name}\n"
        f"{first.consumer.number}, {first.consumer.office.name}",
        language=language,
        facts=legal.demand_facts(
            paper, shares=case.shares, charge_paise=case.charge_paise, reason=reason, on=case.on
        ),
        about=paper,
        office=paper.office,
    )


def _posting(case: _Case, payment: Payment) -> Posting:
    return Posting(
        kind="payment_reversed",
        key=f"payment_reversed:{payment.reference}",
        facts={
            "reference": payment.reference,
            "receipt": legal.receipt_label(payment),
            "consumer_number": payment.consumer_number,
            "amount_paise": payment.amount_paise,
            "paid_on": payment.business_date,
            "reversed_on": case.on,
            "method": case.paper.method,
            "instrument": case.paper.number,
            "return_code": case.paper.return_code,
        },
        about=payment,
        office=payment.office,
    )


def _barred_until(case: _Case) -> date | None:
    if case.rule is None or case.rule.barred_days == 0:
        return None
    return bars.until(on=case.on, days=case.rule.barred_days)
