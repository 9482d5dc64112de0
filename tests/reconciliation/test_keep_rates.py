"""Rate cards: slabs and caps, new cards in two hands, and claims for what was kept too much."""

import threading
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.test import Client

from channels_.models import FeeRate
from people.models import AuditEvent, User
from reconciliation.models import FeeClaim, RateCard
from reconciliation.rulebook import rate_card, rates
from reconciliation.views import rates as pages
from reports.contract import Ask, Figure
from reports.registry import reports
from tests import factories
from tests.reconciliation.test_pages_board import words
from tests.worked_examples.accounts import Desk, paid

pytestmark = pytest.mark.django_db

AUGUST = date(2026, 8, 1)
MON, TUE, WED, THU = (date(2026, 8, n) for n in range(10, 14))
ROW: dict[str, Any] = {
    "method": "upi", "network": "", "from_paise": 0, "percent": Decimal("1.5"), "flat_paise": 0,
    "cap_paise": None, "tax_percent": Decimal(18),
}  # fmt: skip

AsRole = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _soon_after():
    with time_machine.travel("2026-08-20 10:30:00+05:30"):
        yield


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk.open()


@pytest.fixture
def officer(users: Mapping[str, User]) -> User:
    return users["finance_officer"]


@pytest.fixture
def approver(users: Mapping[str, User]) -> User:
    return users["finance_approver"]


def rate(desk: Desk, **more: Any) -> FeeRate:
    made: FeeRate = factories.FeeRateFactory.create(
        channel=desk.channels["razorpay"],
        **{
            "method": "upi", "percent": Decimal(2), "tax_percent": 18,
            "valid_from": date(2026, 1, 1), **more,
        },
    )  # fmt: skip
    return made


def sold(desk: Desk, rupees: int, *, fee: int, tax: int = 0, name: str = "pay_1") -> None:
    """A payment of Monday, with what the gateway kept of it, in rupees."""
    desk.receipt("razorpay", rupees, on=MON, channel_ref=name)
    desk.report(
        paid(name, rupees, fee=fee, tax=tax, paid_on=MON, settled_on=WED, settlement=f"S{name}",
             utr=f"UTR{name.upper()}")
    )  # fmt: skip


def judged(desk: Desk, **more: Any) -> tuple[int, int, int]:
    told = rate_card.judge(desk.channels["razorpay"], AUGUST, date(2026, 8, 31), **more)
    return told.agreed_paise, told.over_paise, told.under_paise


# ---- slabs and caps ----


@pytest.mark.parametrize(("rupees", "agreed"), [(2000, 9_44), (2001, 21_25)])
def test_a_slab_rates_the_whole_amount(desk: Desk, rupees: int, agreed: int) -> None:
    rate(desk, percent=Decimal("0.4"), cap_paise=200_00)
    rate(desk, percent=Decimal("0.9"), from_paise=2000_01)
    sold(desk, rupees, fee=0)

    assert judged(desk) == (agreed, 0, agreed)


def test_a_fee_has_a_cap_and_its_gst_comes_on_top(desk: Desk) -> None:
    rate(desk, percent=Decimal(2), cap_paise=100_00)
    sold(desk, 9000, fee=100, tax=18)
    desk.reconcile(WED)

    assert judged(desk) == (118_00, 0, 0)
    assert not [row for row in desk.breaks(WED) if row[0] == "fee_differs"]


def test_new_slabs_take_the_place_of_all_the_old_ones(desk: Desk) -> None:
    rate(desk, percent=Decimal(1))
    rate(desk, percent=Decimal(3), from_paise=1000_00)
    rate(desk, percent=Decimal(2), valid_from=date(2026, 8, 1))
    sold(desk, 5000, fee=0)

    assert judged(desk)[0] == 118_00


def test_a_network_with_slabs_of_its_own_leaves_the_others_alone(desk: Desk) -> None:
    channel = desk.channels["razorpay"]
    rate(desk, percent=Decimal(1))
    rate(desk, percent=Decimal(2), network="Rupay", from_paise=0)
    rate(desk, percent=Decimal(3), network="Rupay", from_paise=500_00)

    found = rate_card.in_force_on(channel, MON)

    assert [(one.network, one.from_paise) for one in found] == [
        ("", 0), ("Rupay", 0), ("Rupay", 500_00),
    ]  # fmt: skip


def test_what_rounding_adds_up_to_is_told(desk: Desk) -> None:
    rate(desk, percent=Decimal(2), flat_paise=2)
    sold(desk, 5000, fee=100, tax=18)

    told = rate_card.judge(desk.channels["razorpay"], AUGUST, date(2026, 8, 31))

    assert (told.lines, told.over_count, told.rounded_count, told.rounded_paise) == (1, 0, 1, -2)


# ---- two hands ----


def propose(desk: Desk, maker: User, *rows: dict[str, Any], **more: Any) -> RateCard:
    told: dict[str, Any] = {"valid_from": date(2026, 9, 1), "reason": "letter of July", **more}
    return rates.propose(desk.channels["razorpay"], rows=list(rows) or [ROW], maker=maker, **told)


def test_a_card_holds_when_a_second_person_approves_it(
    desk: Desk, officer: User, approver: User
) -> None:
    rate(desk)
    card = propose(desk, officer)
    assert FeeRate.objects.count() == 1

    rates.approve(card, checker=approver, answer="as written")

    assert list(FeeRate.objects.order_by("valid_from").values_list("percent", "valid_from")) == [
        (Decimal(2), date(2026, 1, 1)),
        (Decimal("1.5"), date(2026, 9, 1)),
    ]
    told = AuditEvent.objects.filter(object_id="razorpay 1").order_by("id")
    assert [one.action for one in told] == ["rate_card.proposed", "rate_card.approved"]
    with pytest.raises(rates.NotACard, match="decided already"):
        rates.approve(card, checker=approver)


def test_who_proposes_rates_never_approves_them(desk: Desk, approver: User) -> None:
    card = propose(desk, approver)

    with pytest.raises(rates.NotYourCard):
        rates.approve(card, checker=approver)
    with pytest.raises(IntegrityError, match="maker_is_not_checker"), transaction.atomic():
        RateCard.objects.filter(pk=card.pk).update(state="withdrawn", checker=approver)
    assert not FeeRate.objects.exists()


def test_an_officer_brings_no_rates_into_force(
    desk: Desk, officer: User, make_user: Callable[..., User]
) -> None:
    card = propose(desk, officer)

    with pytest.raises(rates.NotYourCard):
        rates.approve(card, checker=make_user("other", "finance_officer"))
    assert not FeeRate.objects.exists()


@pytest.mark.parametrize(
    ("rows", "more", "words_"),
    [
        ([ROW, ROW], {}, "rated once"),
        ([ROW | {"from_paise": 1}], {}, "begin above"),
        ([ROW], {"valid_from": date(2026, 1, 1)}, "has a rate from"),
        ([ROW], {"reason": " "}, "Say why"),
    ],
)
def test_what_is_no_card_is_refused(
    desk: Desk, officer: User, rows: list[dict[str, Any]], more: dict[str, Any], words_: str
) -> None:
    rate(desk)

    with pytest.raises(rates.NotACard, match=words_):
        propose(desk, officer, *rows, **more)
    assert not RateCard.objects.exists()


def test_one_card_of_a_channel_waits_at_a_time(desk: Desk, officer: User, approver: User) -> None:
    card = propose(desk, officer)
    with pytest.raises(rates.NotACard, match="waits"):
        propose(desk, officer)

    rates.withdraw(card, by=officer)

    assert propose(desk, officer).number == 2
    with pytest.raises(DatabaseError), transaction.atomic():
        RateCard.objects.filter(number=1).update(rows=[])


# ---- claims ----


CLAIMED, ANSWERED = date(2026, 9, 1), date(2026, 9, 14)


@pytest.fixture
def _the_month_is_over():
    with time_machine.travel("2026-09-14 10:30:00+05:30"):
        yield


@pytest.fixture
def overcharged(desk: Desk) -> Desk:
    rate(desk)
    sold(desk, 5000, fee=110, tax=20, name="pay_1")  # 118.00 agreed
    sold(desk, 5000, fee=90, tax=16, name="pay_2")
    desk.reconcile(WED)
    return desk


def test_a_claim_lists_every_line_that_was_charged_above_its_card(overcharged: Desk) -> None:
    document = reports()["fee_claim"].build(Ask(day=date(2026, 8, 17)))

    channels, lines = document.sections
    assert document.claim == (
        "1 line of 08-2026 was charged above the rate card: ₹ 12.00 with GST."
    )
    (of_gateway,) = channels.rows
    assert of_gateway.cells[:7] == (
        overcharged.channels["razorpay"].name, 2, 236_00, 236_00, Figure(1, 12_00),
        Figure(1, 12_00), Figure(0, 0),
    )  # fmt: skip
    (line,) = list(lines.rows)
    assert line.cells[0] == "pay_1"
    assert line.cells[5:11] == (5000_00, 110_00, 20_00, 130_00, 118_00, 12_00)
    other_month = reports()["fee_claim"].build(Ask(day=date(2026, 7, 1)))
    assert "0 lines" in other_month.claim


@pytest.mark.parametrize("day", [WED, date(2026, 8, 31), date(2026, 9, 15)])
@pytest.mark.usefixtures("_the_month_is_over")
def test_a_month_is_claimed_when_it_is_over(overcharged: Desk, officer: User, day: date) -> None:
    with pytest.raises(rates.NotAClaim, match="once it is over"):
        rates.note_claimed(
            overcharged.channels["razorpay"], month=AUGUST, claimed_on=day, note="", by=officer
        )
    assert not FeeClaim.objects.exists()


@pytest.mark.usefixtures("_the_month_is_over")
def test_a_claim_is_noted_and_so_is_its_answer(overcharged: Desk, officer: User) -> None:
    channel = overcharged.channels["razorpay"]
    claim = rates.note_claimed(
        channel, month=AUGUST, claimed_on=CLAIMED, note="by letter", by=officer
    )
    assert (claim.claimed_count, claim.claimed_paise) == (1, 12_00)
    with pytest.raises(rates.NotAClaim, match="already"):
        rates.note_claimed(channel, month=AUGUST, claimed_on=CLAIMED, note="", by=officer)

    rates.note_answered(claim, answered_on=ANSWERED, paid_back_paise=12_00, answer="ok", by=officer)

    with pytest.raises(rates.NotAClaim, match="answered already"):
        rates.note_answered(claim, answered_on=ANSWERED, paid_back_paise=0, answer="", by=officer)
    with pytest.raises(DatabaseError), transaction.atomic():
        FeeClaim.objects.update(claimed_paise=1)
    channels, _lines = reports()["fee_claim"].build(Ask(day=AUGUST)).sections
    assert channels.rows[0].cells[7:] == (CLAIMED, ANSWERED, 12_00)


@pytest.mark.usefixtures("_the_month_is_over")
def test_nothing_is_claimed_where_nothing_was_kept_too_much(desk: Desk, officer: User) -> None:
    with pytest.raises(rates.NotAClaim, match="Nothing of this month"):
        rates.note_claimed(
            desk.channels["razorpay"], month=AUGUST, claimed_on=CLAIMED, note="", by=officer
        )
    assert not FeeClaim.objects.exists()


# ---- pages ----


def posted(*rows: dict[str, str], **more: str) -> dict[str, str]:
    data = {"form-TOTAL_FORMS": str(len(rows)), "form-INITIAL_FORMS": "0", **more}
    for number, row in enumerate(rows):
        data |= {f"form-{number}-{name}": value for name, value in row.items()}
    return {"valid_from": "2026-09-01", "reason": "letter of July", **data}


def test_a_card_is_written_shown_and_approved_on_pages(overcharged: Desk, as_role: AsRole) -> None:
    officer, approver = as_role("finance_officer"), as_role("finance_approver")
    assert "1 line was charged above its card, 12.00 too much." in words(
        officer.get("/rates/").content.decode()
    )
    begun = officer.get("/rates/razorpay/new/")
    assert begun.context["rows"].forms[0].initial["percent"] == "2"

    written = officer.post(
        "/rates/razorpay/new/",
        posted({"method": "upi", "percent": "1.2"}, {"method": "upi", "from_paise": "2,000.01",
               "percent": "2.2", "cap_paise": "150"}, {"method": ""}),
    )  # fmt: skip

    assert written["Location"] == "/rates/razorpay/1/"
    shown = approver.get("/rates/razorpay/1/")
    told = words(shown.content.decode())
    assert "Had it been in force" in told
    assert shown.context["effect"].other.agreed_paise == 2 * 12_980  # 2.2 per cent and GST
    assert officer.post("/rates/razorpay/1/answer/", {"verdict": "approve"}).status_code == 422
    done = approver.post("/rates/razorpay/1/answer/", {"verdict": "approve"}, follow=True)
    assert "Approved. The next run judges by it." in words(done.content.decode())
    assert "From a later day" in words(done.content.decode())


@pytest.mark.django_db(transaction=True)
def test_a_card_can_be_approved_where_its_effect_takes_too_long_to_sum(
    desk: Desk, officer: User, as_role: AsRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "EFFECT_MILLISECONDS", 50)
    propose(desk, officer)
    held, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE reconciliation_entry IN ACCESS EXCLUSIVE MODE")
            held.set()
            leave.wait(30)
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    try:
        page = as_role("finance_approver").get("/rates/razorpay/1/")
    finally:
        leave.set()
        thread.join(30)

    assert page.context["effect"] is None
    assert "Too many lines to say now" in words(page.content.decode())
    assert 'value="approve"' in page.content.decode()


def test_a_wrong_figure_is_said_in_its_cell(desk: Desk, as_role: AsRole) -> None:
    data = posted({"method": "upi", "flat_paise": "1,00.5", "percent": "101"})

    refused = as_role("finance_officer").post("/rates/razorpay/new/", data)

    assert refused.status_code == 422
    errors = refused.context["rows"].errors[0]
    assert set(errors) == {"flat_paise", "percent"}
    assert 'value="1,00.5"' in refused.content.decode()
    assert not RateCard.objects.exists()


@pytest.mark.usefixtures("_the_month_is_over")
def test_claims_are_noted_on_the_page(overcharged: Desk, as_role: AsRole) -> None:
    officer = as_role("finance_officer")
    url = "/rates/razorpay/claim/2026-08-01/"

    claimed = {"what": "claimed", "on": "2026-09-01", "note": "by letter"}
    answered = {"what": "answered", "on": "2026-09-14", "note": "agreed", "paid_back": "12"}

    early = officer.post(url, {**claimed, "on": "2026-08-31", "note": "kept"})
    assert early.status_code == 422
    assert 'value="kept"' in early.content.decode()
    too_early = officer.post(url, answered)
    assert "This month was not claimed yet." in words(too_early.content.decode())
    officer.post(url, claimed)
    twice = officer.post(url, claimed)
    assert "This month was claimed already." in words(twice.content.decode())
    assert FeeClaim.objects.get().answered_on is None
    assert officer.post(url, {**claimed, "what": ""}).status_code == 422
    shown = " ".join(officer.get("/rates/razorpay/").content.decode().split())
    assert 'name="what" value="answered"' in shown
    officer.post(url, answered)

    told = words(officer.get("/rates/razorpay/").content.decode())
    assert "Claimed on 01-09-2026: 12.00, noted by finance_officer. by letter" in told
    assert "Answered on 14-09-2026: pays back 12.00. agreed" in told
    assert officer.post("/rates/razorpay/claim/2026-08-02/", {}).status_code == 404


def test_the_running_month_offers_no_claim(overcharged: Desk, as_role: AsRole) -> None:
    page = as_role("finance_officer").get("/rates/razorpay/").content.decode()

    assert "The month can be claimed from 01-09-2026, once it is over." in words(page)
    assert "/rates/razorpay/claim/2026-08-01/" not in page


def test_who_may_not_open_a_rate_card_is_not_led_to_it(overcharged: Desk, as_role: AsRole) -> None:
    address, link = "/reports/fee_claim/?day=2026-08-17", "/rates/razorpay/"
    manager, auditor = as_role("manager"), as_role("auditor")

    assert link in auditor.get(address).content.decode()
    assert auditor.get(link).status_code == 200
    page = manager.get(address)
    assert (page.status_code, manager.get(link).status_code) == (200, 403)
    assert overcharged.channels["razorpay"].name in page.content.decode()
    assert link not in page.content.decode()


@pytest.mark.parametrize("kind", ["pdf", "xlsx", "csv"])
def test_the_claim_goes_into_files(overcharged: Desk, as_role: AsRole, kind: str) -> None:
    answer = as_role("auditor").get(f"/reports/fee_claim.{kind}?day=2026-08-17")

    assert answer.status_code == 200
    body = b"".join(answer) if answer.streaming else answer.content
    assert len(body) > 100
