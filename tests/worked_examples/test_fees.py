"""Fees of the gateway against the rate card."""

from datetime import date
from decimal import Decimal

import pytest

from tests import factories
from tests.worked_examples.accounts import Desk, paid

MON, TUE, WED = (date(2026, 8, n) for n in range(10, 13))


def _rate(desk: Desk, percent: str, **more: object) -> None:
    factories.FeeRateFactory.create(
        channel=desk.channels["razorpay"], percent=Decimal(percent), tax_percent=18,
        **{"method": "upi", "valid_from": date(2026, 1, 1), **more},
    )  # fmt: skip


def _fee_breaks(desk: Desk, *, fee: int, tax: int, rupees: int = 5000, **more: str) -> list[int]:
    desk.receipt("razorpay", rupees, on=MON, channel_ref="pay_1")
    told = {"paid_on": MON, "settled_on": WED, "settlement": "S1", "utr": "U0001", **more}
    desk.report(paid("pay_1", rupees, fee=fee, tax=tax, **told))
    desk.reconcile(WED)
    return [
        one["amount_paise"] for one in desk.breaks_as_data(WED) if one["reason"] == "fee_differs"
    ]


def test_the_agreed_fee_is_no_break(desk: Desk) -> None:
    _rate(desk, "2")

    assert _fee_breaks(desk, fee=100, tax=18) == []


@pytest.mark.parametrize(("fee", "tax", "off"), [(101, 18, 100), (99, 18, 100), (0, 0, 11800)])
def test_more_or_less_than_agreed_is_a_break_of_the_difference(
    desk: Desk, fee: int, tax: int, off: int
) -> None:
    _rate(desk, "2")

    assert _fee_breaks(desk, fee=fee, tax=tax) == [off]


def test_a_paisa_each_in_fee_and_tax_is_rounding(desk: Desk) -> None:
    _rate(desk, "2", flat_paise=2)  # 100.02 and 18.00 agreed, 100.00 and 18.00 kept

    assert _fee_breaks(desk, fee=100, tax=18) == []


def test_three_paise_are_not(desk: Desk) -> None:
    _rate(desk, "2", flat_paise=3)

    assert _fee_breaks(desk, fee=100, tax=18) == [4]


def test_a_network_with_a_rate_of_its_own_has_that_one(desk: Desk) -> None:
    _rate(desk, "1", method="card")
    _rate(desk, "2", method="card", network="Amex")

    assert _fee_breaks(desk, fee=50, tax=9, method="card") == []


def test_the_rate_of_the_day_of_payment_counts_not_of_the_settlement(desk: Desk) -> None:
    _rate(desk, "2")
    _rate(desk, "1", valid_from=TUE)

    assert _fee_breaks(desk, fee=100, tax=18) == []


@pytest.mark.parametrize("change", [{"method": "wallet"}, {"valid_from": TUE}])
def test_where_nothing_was_agreed_nothing_is_judged(desk: Desk, change: dict[str, object]) -> None:
    _rate(desk, "2", **change)

    assert _fee_breaks(desk, fee=1, tax=0) == []
