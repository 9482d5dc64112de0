"""The days of section 138 of the Negotiable Instruments Act, and the letter that demands payment.

The demand is sent within 30 days of the bank's memo; the drawer has 15 days from its receipt; a
complaint is filed within a month after that.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, ClassVar, Final

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from counters.models import Instrument, LegalNotice, Share
from counters.paper.returns import return_code
from counters.paper.validity import months_after
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from cspdcl.ui.paper import pdf
from outgoing import wording
from payments.models import Payment
from people import audit
from people.models import User

NOTICE_DAYS: Final = 30
CURE_DAYS: Final = 15
COMPLAINT_MONTHS: Final = 1


class NotInOrder(DomainError):
    """A notice is sent, then served, then closed; none of it tomorrow or before the memo."""

    code: ClassVar[str] = "notice_not_in_order"


def open_notice(paper: Instrument, *, memo_on: date) -> LegalNotice:
    """Begin to watch the days of a dishonoured cheque; once for each."""
    row, _is_new = LegalNotice.objects.get_or_create(
        instrument=paper,
        defaults={"memo_on": memo_on, "notice_by": memo_on + timedelta(days=NOTICE_DAYS)},
    )
    return row


@transaction.atomic
def note_sent(notice_id: int, *, on: date, by: User) -> LegalNotice:
    """The letter of demand left on a day."""
    row = _open(notice_id)
    if row.sent_on is not None:
        raise NotInOrder(_("It was sent on %(day)s already.") % {"day": f"{row.sent_on:%d-%m-%Y}"})
    _check_day(on, not_before=row.memo_on)
    row.sent_on = on
    row.save(update_fields=["sent_on"])
    return _noted(row, "legal_notice.sent", by=by, after={"on": on})


@transaction.atomic
def note_served(notice_id: int, *, on: date, by: User) -> LegalNotice:
    """The drawer received it on a day: from here the days to pay and to complain count."""
    row = _open(notice_id)
    if row.sent_on is None:
        raise NotInOrder(_("First note when it was sent."))
    if row.served_on is not None:
        raise NotInOrder(
            _("It was received on %(day)s already.") % {"day": f"{row.served_on:%d-%m-%Y}"}
        )
    _check_day(on, not_before=row.sent_on)
    row.served_on = on
    row.cure_by = on + timedelta(days=CURE_DAYS)
    row.complaint_by = months_after(row.cure_by, COMPLAINT_MONTHS)
    row.save(update_fields=["served_on", "cure_by", "complaint_by"])
    return _noted(row, "legal_notice.served", by=by, after={"on": on})


@transaction.atomic
def close(notice_id: int, *, outcome: str, by: User, on: date | None = None) -> LegalNotice:
    """Nothing more is watched: paid, complained, or let go; the words say which."""
    row = _open(notice_id)
    if not outcome.strip():
        raise NotInOrder(_("Say how it ended."))
    row.closed_on, row.outcome = on or today(), outcome.strip()[:200]
    row.save(update_fields=["closed_on", "outcome"])
    return _noted(row, "legal_notice.closed", by=by, after={"outcome": row.outcome})


def next_day(notice: LegalNotice) -> date | None:
    """The day that comes next for a notice; None when it is closed, or waits for the post."""
    if notice.closed_on is not None:
        return None
    if notice.sent_on is None:
        return notice.notice_by
    if notice.cure_by is not None and notice.cure_by >= today():
        return notice.cure_by
    return notice.complaint_by


def demand_facts(
    paper: Instrument, *, shares: Sequence[Share], charge_paise: int, reason: str, on: date
) -> dict[str, Any]:
    """What the letter of demand says, typed as outgoing/wording.py wants it."""
    first = shares[0]
    return {
        "drawer": paper.drawer or first.consumer.name,
        "cheque": paper.number,
        "cheque_on": paper.dated or paper.received_on,
        "bank": paper.bank_name or paper.bank_key,
        "amount_paise": paper.amount_paise,
        "receipt": receipt_label(first.payment) if first.payment else "",
        "consumer": first.consumer.number,
        "reason": reason,
        "memo_on": paper.returned_on or on,
        "charges_paise": charge_paise,
        "office": paper.office.name,
        "on": on,
    }


def receipt_label(payment: Payment) -> str:
    """The number that the consumer knows a payment by."""
    return payment.receipt.label if hasattr(payment, "receipt") else payment.reference


def letter(notice: LegalNotice, *, on: date) -> bytes:
    """The letter of demand as PDF, A4, in Hindi and English, a page each; the words are ours.

    It has no address: whoever sends it writes the drawer's on the envelope.
    """
    paper = notice.instrument
    shares = list(
        Share.objects.filter(instrument=paper)
        .select_related("consumer", "payment__receipt", "charge")
        .order_by("pk")
    )
    charge = sum(share.charge.amount_paise for share in shares if share.charge)
    leaves = []
    for language in ("hi", "en"):
        with translation.override(language):
            reason = return_code(paper.return_code).words
        facts = demand_facts(
            paper, shares=shares, charge_paise=charge, reason=reason, on=notice.sent_on or on
        )
        written, _kept = wording.write(
            "cheque_notice", channel="letter", language=language, facts=facts
        )
        leaves.append({"language": language, "subject": written.subject, "text": written.text})
    page = render_to_string("counters/legal_letter.html", {"leaves": leaves, "notice": notice})
    return pdf(page, title=f"notice {paper.number}")


def _open(notice_id: int) -> LegalNotice:
    row = LegalNotice.objects.select_for_update(of=("self",)).get(pk=notice_id)
    if row.closed_on is not None:
        raise NotInOrder(_("The notice is closed."))
    return row


def _check_day(on: date, *, not_before: date) -> None:
    if on > today():
        raise NotInOrder(_("That day has not come yet."))
    if on < not_before:
        raise NotInOrder(_("Not before %(day)s.") % {"day": f"{not_before:%d-%m-%Y}"})


def _noted(row: LegalNotice, action: str, *, by: User, after: dict[str, object]) -> LegalNotice:
    audit.record(by, action, row.instrument, after=after, office=row.instrument.office)
    return row
