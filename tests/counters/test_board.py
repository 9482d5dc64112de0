"""The supervisor's board, where the cash is, the exceptions, and a clerk's own days."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from counters import cash_position, counts, drawers, exceptions, live
from counters.models import OfficeDay, Override, Shift
from cspdcl.kernel.clock import now, today
from payments.actions import reverse_at_counter
from tests import factories as make
from tests.counters import drawer
from tests.counters.banking import cash, cheque, close, deposit, open_shift, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def ways():
    """The two channels of a counter."""
    return {code: make.ChannelFactory(code=code) for code in ("cash", "cheque")}


@pytest.fixture
def shift(offices, users, ways) -> Shift:
    """A shift of office Z1: 1,000.00 of the safe's 50,000.00, 1,200.00 in cash, one cheque."""
    drawer.fill_safe(
        offices["Z1"], 50_000_00, supervisor=users["supervisor"], second=users["finance_officer"]
    )
    made = open_shift(
        offices["Z1"], clerk=users["clerk"], supervisor=users["supervisor"], code="rpr1"
    )
    cash(made, 1_200_00)
    cheque(made, 7_000_00, number="000123")
    return made


def test_the_board_tells_who_sits_where_and_hides_a_drawer_that_is_counted(
    as_role, users, shift
) -> None:
    (window,) = live.live(users["supervisor"], on=today()).windows
    assert (window.shift, window.cash_paise, window.receipts, window.papers_paise) == (
        shift, 2_200_00, 2, 7_000_00,
    )  # fmt: skip
    page = text(as_role("supervisor").get("/counters/"))
    assert "2,200.00" in page
    whole = as_role("supervisor").get("/counters/").content.decode()
    assert 'hx-trigger="every 15s"' in whole

    counts.begin_close(shift, by=users["clerk"])

    page = text(as_role("supervisor").get("/counters/"))
    assert "2,200.00" not in page
    assert "8,200.00" not in page
    assert "being counted" in page


def test_a_drawer_over_its_limit_is_marked(as_role, shift) -> None:
    cash(shift, 40_000_00)

    assert "over its limit" in text(as_role("supervisor").get("/counters/"))


def test_what_waits_is_on_the_board_of_the_own_office_alone(
    as_role, users, make_user, offices, shift
) -> None:
    Override.objects.create(
        counter=shift.counter, rule="cheque_bar", consumer_number="1000000001", amount_paise=100,
        reason="an old bounce", maker=users["clerk"], business_date=today(),
    )  # fmt: skip
    drawer_move = drawers.hand_in(
        shift, clerk=users["clerk"], counted=drawer.notes(500_00), submit_key=drawer.key()
    )
    stranger = make_user("stranger", "supervisor", offices=(offices["Z2"],))

    waits = live.waits_of(users["supervisor"])

    assert (list(waits.moves), len(waits.overrides), waits.count) == ([drawer_move], 1, 2)
    assert live.waits_of(stranger).count == 0
    page = text(as_role("supervisor").get("/counters/"))
    assert "an old bounce" in page
    whole = as_role("supervisor").get("/counters/").content.decode()
    assert f"/cash-moves/{drawer_move.public_id}/" in whole


@pytest.mark.parametrize("path", ["/counters/", "/cash-position/", "/exceptions/", "/deposits/"])
def test_a_board_asks_the_same_however_many_counters_there_are(
    as_role, users, make_user, offices, shift, path
) -> None:
    client = as_role("supervisor")
    client.get(path)

    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(path).status_code == 200
        return len(queries)

    few = asked()
    for number in range(27):
        clerk = make_user(f"clerk{number}", "clerk", offices=(offices["Z1"],))
        open_shift(offices["Z1"], clerk=clerk, supervisor=users["supervisor"], code=f"more{number}")
    assert asked() == few


def test_cash_is_summed_up_the_tree_of_offices(as_role, users, ways, shift) -> None:
    close(shift, 2_200_00, by=users["supervisor"], papers={"cheque": (1, 7_000_00)})
    deposit(shift.counter.office, ways["cheque"], by=users["supervisor"])

    places = {one.office.code: one for one in cash_position.places(users["finance_officer"])}

    assert [places[code].depth for code in ("CO", "R1", "C1", "Z1")] == [0, 1, 2, 3]
    assert "Z2" not in places
    for code in ("CO", "Z1"):
        total = places[code].total
        assert (total.safe_paise, total.waiting_paise, total.underway_paise) == (
            51_200_00, 1_200_00, 7_000_00,
        )  # fmt: skip
    assert "51,200.00" in text(as_role("finance_officer").get("/cash-position/"))
    (own,) = cash_position.places(users["supervisor"])
    assert (own.office.code, own.depth) == ("Z1", 0)


def test_the_exceptions_of_a_day_are_counted_and_shown(as_role, users, shift) -> None:
    wrong = cash(shift, 300_00)
    reverse_at_counter(wrong.pk, supervisor=users["supervisor"], reason="wrong consumer")
    drawer.count_out(shift, 2_150_00, papers={"cheque": (1, 7_000_00)})
    drawer.explain_all(shift)

    heaps = {
        heap.kind.code: (heap.count, heap.paise)
        for heap in exceptions.heaps(users["supervisor"], on=today())
    }

    assert heaps["cancelled"] == (1, 300_00)
    assert heaps["differences"] == (1, 50_00)
    assert heaps["days"] == (0, None)
    client = as_role("supervisor")
    assert "wrong consumer" in text(client.get("/exceptions/"))
    for kind in exceptions.KINDS:
        assert client.get(f"/exceptions/?kind={kind}").status_code == 200
    assert client.get("/exceptions/?kind=none").status_code == 404
    assert "-50.00" in text(client.get("/exceptions/?kind=differences")).replace(
        "\N{MINUS SIGN}", "-"
    )


def test_a_day_that_nobody_closed_raises_the_alarm(as_role, users, shift) -> None:
    with time_machine.travel(now() + timedelta(days=1), tick=False):
        page = text(as_role("supervisor").get("/counters/"))
        assert "is not closed" in page
        assert "not closed since" in page
        assert live.days_late(users["supervisor"]) == 1
        (line,) = exceptions.lines(
            exceptions.KINDS["days"], list(exceptions.KINDS["days"].rows(users["auditor"], today()))
        )
        assert line.place == "Office Z1"
    assert OfficeDay.objects.get().state == "open"


def test_a_clerk_sees_the_own_shifts_and_not_what_is_being_counted(as_role, users, shift) -> None:
    assert "8,200.00" in text(as_role("clerk").get("/counter/history/"))

    counts.begin_close(shift, by=users["clerk"])

    page = text(as_role("clerk").get("/counter/history/"))
    assert "8,200.00" not in page
    assert "hidden" in page
