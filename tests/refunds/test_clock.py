"""The Reserve Bank's clock against worked examples: T+1, T+5, 100 rupees a day, by dated rows."""

from datetime import UTC, date, datetime

import pytest
import time_machine

from enquiries import tat
from enquiries.models import TatRule
from people.models import User
from refunds import clock, selectors
from refunds.models import CameBack
from tests import factories as make
from tests.enquiries.asking import channel_at, waiting

pytestmark = pytest.mark.django_db

TODAY = datetime(2026, 8, 25, 6, tzinfo=UTC)


@pytest.fixture
def approver(make_user) -> User:
    user: User = make_user("approver", "finance_approver")
    return user


def failed(day: int, method: str = "upi", **more):
    """Failed on this day of August, with a bank's reference: money may have moved."""
    at = datetime(2026, 8, day, 6, tzinfo=UTC)
    values = {"rrn": "426318123456", **more}
    return make.PaymentFactory(
        state="failed", method=method, created_at=at, business_date=at.date(), **values
    )


# The day of the payment, the method, the last day, what is owed on 25 August in rupees.
EXAMPLES = [
    (20, "upi", date(2026, 8, 25), 0),
    (19, "upi", date(2026, 8, 24), 100),
    (10, "upi", date(2026, 8, 15), 1_000),
    (20, "card", date(2026, 8, 25), 0),
    (18, "card", date(2026, 8, 23), 200),
    (18, "netbanking", date(2026, 8, 23), 200),
    (18, "wallet", date(2026, 8, 23), 200),
    (24, "imps", date(2026, 8, 25), 0),
    (23, "imps", date(2026, 8, 24), 100),
    (20, "neft", date(2026, 8, 21), 400),
    (20, "rtgs", date(2026, 8, 21), 400),
    (20, "unknown", date(2026, 8, 25), 0),
    (1, "imps", date(2026, 8, 2), 2_300),
]


@pytest.mark.parametrize(("day", "method", "last", "owed"), EXAMPLES)
def test_worked_examples(day, method, last, owed, approver) -> None:
    payment = failed(day, method)
    with time_machine.travel(TODAY, tick=False):
        row = selectors.clock_visible_to(approver).get()

        assert (tat.due_on(payment), row.due) == (last, last), "page and list count alike"
        assert selectors.compensation_of(payment) == owed * 100


def test_the_same_days_hold_without_rows() -> None:
    TatRule.objects.all().delete()
    tat.forget()

    for day, method, last, _owed in EXAMPLES:
        assert tat.due_for(method, date(2026, 8, day)).on == last


def test_a_new_circular_holds_from_its_day(approver) -> None:
    TatRule.objects.create(
        method="upi", days=1, paise_a_day=25_000, valid_from=date(2026, 8, 15), source="a test"
    )
    tat.forget()
    before, after = failed(14), failed(15)

    with time_machine.travel(TODAY, tick=False):
        rows = {row.pk: row.due for row in selectors.clock_visible_to(approver)}

        assert rows == {before.pk: date(2026, 8, 19), after.pk: date(2026, 8, 16)}
        assert selectors.compensation_of(before) == 6 * 10_000
        assert selectors.compensation_of(after) == 9 * 25_000


def test_a_payment_just_before_midnight_counts_for_its_indian_day() -> None:
    late = make.PaymentFactory(
        state="failed", method="imps", created_at=datetime(2026, 8, 18, 18, 45, tzinfo=UTC)
    )

    assert tat.due_on(late) == date(2026, 8, 20), "00:15 on the 19th in India"


def test_only_whose_money_may_be_away_is_listed(approver) -> None:
    moved = failed(20)
    failed(20, rrn="")  # the payer turned back at the bank's page
    failed(20, method="card", rrn="", utr="")
    make.PaymentFactory(paid=True)

    with time_machine.travel(TODAY, tick=False):
        assert list(selectors.clock_visible_to(approver)) == [moved]


@pytest.mark.django_db(transaction=True)
def test_unknown_money_is_on_the_clock_while_it_is_asked_about(make_user) -> None:
    from enquiries import ladder
    from tests.enquiries.partner import running

    reader = make_user("reader", "auditor")
    with running() as partner:
        payment = waiting(channel_at(partner), minutes=30)
        assert not selectors.is_on_clock(reader, payment)
        partner.says({}, status=500)
        ladder.climb(seconds=5)

    assert selectors.is_on_clock(reader, payment)


def test_the_list_has_the_most_overdue_first(as_role) -> None:
    newer, older = failed(19), failed(10)
    with time_machine.travel(TODAY, tick=False):
        page = as_role("operator").get("/clock/").content.decode()

    assert page.index(older.reference) < page.index(newer.reference)
    assert "2 are overdue" in page
    assert "1,000" in page


def test_the_story_of_a_payment_shows_its_clock(as_role) -> None:
    payment = failed(10)
    with time_machine.travel(TODAY, tick=False):
        story = as_role("finance_officer").get(f"/payments/{payment.reference}/").content.decode()

    assert "Money to be back" in story
    assert "1,000" in story


def test_what_is_back_stops_its_clock(as_role, approver) -> None:
    payment = failed(10)
    url = f"/clock/{payment.reference}/back/"
    with time_machine.travel(TODAY, tick=False):
        officer = as_role("finance_officer")
        assert officer.get(url).status_code == 200
        early = officer.post(url, {"on": "2026-08-09", "note": "the payer"})
        future = officer.post(url, {"on": "2026-08-26", "note": "the payer"})
        assert (early.status_code, future.status_code) == (422, 422)
        assert selectors.is_on_clock(approver, payment)

        officer.post(url, {"on": "2026-08-17", "note": "the payer's bank"})

        assert not selectors.is_on_clock(approver, payment)
        back = CameBack.objects.get()
        assert selectors.compensation_of(payment, until=back.on) == 2 * 10_000


def test_money_of_a_paid_payment_does_not_come_back(approver) -> None:
    with pytest.raises(clock.NotBack):
        clock.note_back(
            make.PaymentFactory(paid=True), on=date(2026, 8, 1), by=approver, note="nobody"
        )

    assert not CameBack.objects.exists()
