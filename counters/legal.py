"""The days of section 138 of the Negotiable Instruments Act, and the letter that demands payment.

The demand is sent within 30 days of the bank's memo; the drawer has 15 days from its receipt; a
complaint is filed within a month after that.
"""

from datetime import date, timedelta
from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from counters.models import Instrument, LegalNotice
from counters.paper.validity import months_after
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
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
