"""The documents: the same figures, whoever writes them down."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from reports import registry
from reports.contract import Ask, Document, Figure, Section
from reports.registry import reports
from tests import factories
from tests.reports.conftest import DAY, Played

ALL_PAISE = 10_000_001 + 250_000 + 50_050 + 12_345_678_901 + 100

pytestmark = pytest.mark.django_db


def built(code: str, **more: Any) -> Document:
    return reports()[code].build(Ask(day=DAY, **more))


def section(document: Document, code: str) -> Section:
    return next(one for one in document.sections if one.code == code)


def totals(document: Document, code: str) -> Sequence[object]:
    return section(document, code).totals or ()


def cells(document: Document, code: str) -> list[tuple[object, ...]]:
    return [row.cells for row in section(document, code).rows]


def test_the_day_says_what_was_paid_and_what_is_open(played: Played) -> None:
    document = built("day")

    assert document.claim == (
        "5 payments of ₹ 12,35,59,790.52 were taken. 2 breaks are open, worth ₹ 2,500.01."
    )
    assert document.is_proved
    assert document.stamp["Result"] == "ab" * 32
    assert document.stamp["Run"] == f"run {played.run.pk}, finished 18-08-2026 12:00"


def test_the_day_counts_each_channel_and_what_no_channel_owns(played: Played) -> None:
    rows = cells(built("day"), "channels")

    assert [(row[0], row[1], row[5], row[6]) for row in rows] == [
        ("Razorpay", Figure(2, 10_250_001), Figure(0, 0), Figure(1, 250_000)),
        ("Cash counters", Figure(3, 12_345_729_051), Figure(3, 12_345_729_051), Figure(0, 0)),
        ("Bank only, no channel", None, None, Figure(1, 1)),
    ]


def test_the_sums_of_the_channels_are_those_of_the_reasons(played: Played) -> None:
    document = built("day")

    assert totals(document, "channels")[-1] == Figure(2, 250_001)
    assert totals(document, "reasons") == ["All breaks", None, 2, None, 250_001]
    assert totals(document, "channels")[1] == Figure(5, ALL_PAISE)
    assert totals(document, "methods") == ["All modes", 5, ALL_PAISE]


def test_reasons_stand_in_plain_words_the_largest_money_first(played: Played) -> None:
    assert cells(built("day"), "reasons") == [
        ("Receipt without a line of the channel", "missing_in_channel", 1, DAY, 250_000),
        ("Credit of an unknown sender", "unidentified_credit", 1, DAY - timedelta(days=2), 1),
    ]


def test_a_day_without_a_run_says_so(played: Played) -> None:
    document = reports()["day"].build(Ask(day=DAY + timedelta(days=1)))

    assert not document.is_proved
    assert document.claim.endswith("No run has proved this day yet.")
    assert list(section(document, "proof").rows) == []


def test_breaks_can_be_narrowed_and_explain_themselves(played: Played) -> None:
    document = built("breaks", more={"reason": "missing_in_channel"})

    assert document.claim == "1 break is open, worth ₹ 2,500.00."
    (row,) = cells(document, "breaks")
    assert row[:4] == ("=REF-2", DAY, 0, "Razorpay")
    assert row[6] == 250_000
    assert row[7] == (
        "We receipted 2,500.00; it was due on 18-08-2026, and no report of Razorpay up to"
        " 18-08-2026 lists it."
    )
    assert [line[9] for line in cells(document, "lines")] == ["REF-2"]


def test_payments_are_those_the_reader_may_see(played: Played, make_user, offices) -> None:
    auditor = make_user("a", "auditor")
    supervisor = make_user("s", "supervisor", offices=(offices["Z1"],))

    all_of_them = built("payments", user=auditor)
    some = section(built("payments", user=supervisor), "payments")

    assert [row.cells[0] for row in section(all_of_them, "payments").rows] == [
        f"REF-{n}" for n in range(1, 6)
    ]
    assert totals(all_of_them, "payments")[7] == ALL_PAISE
    assert [row.cells[0] for row in some.rows] == ["REF-1", "REF-3", "REF-4"]


def test_a_failed_payment_is_listed_and_not_summed(played: Played) -> None:
    factories.PaymentFactory(
        reference="REF-6", channel=played.cash, amount_paise=700, business_date=DAY, state="failed"
    )

    document = built("payments")

    rows = section(document, "payments").rows
    assert rows[5].cells[0] == "REF-6"
    assert rows[5].cells[7:9] == (None, 700)
    assert totals(document, "payments")[7] == ALL_PAISE
    assert document.claim == "5 payments succeeded, worth ₹ 12,35,59,790.52."


def test_a_long_list_keeps_its_order_when_walked(played: Played) -> None:
    rows = section(built("payments"), "payments").rows

    walked = [row.cells[0] for row in rows]

    assert walked == [row.cells[0] for row in rows[0:5]]
    assert rows[4].cells[0] == "REF-5"
    assert len(rows) == 5


def test_a_supervisor_counts_the_counters_of_the_own_offices(
    played: Played, make_user, offices
) -> None:
    supervisor = make_user("s", "supervisor", offices=(offices["Z1"],))

    (row,) = cells(built("counters", user=supervisor), "counters")

    assert row[:4] == ("Z1 window 1", "Office Z1", "Z1C1/2026-27/000003", "Z1C1/2026-27/000004")
    assert row[4] == row[5] == row[10] == Figure(2, 12_345_728_951)
    assert row[6] == row[8] == row[9] == Figure(0, 0)


def test_a_cancelled_receipt_counts_as_cancelled_only(played: Played) -> None:
    cancelled = played.payments[2]
    cancelled.state = "reversed"
    cancelled.save()

    rows = {row[0]: row for row in cells(built("counters"), "counters")}

    assert rows["Z1 window 1"][4] == Figure(1, 12_345_678_901)
    assert rows["Z1 window 1"][8] == Figure(1, 50_050)


def test_a_report_whose_name_is_not_its_code_stops_the_start(monkeypatch) -> None:
    monkeypatch.setattr("reports.catalogue.day.REPORT", reports()["breaks"])

    with pytest.raises(ImproperlyConfigured, match=r"catalogue/day.py calls its report 'breaks'"):
        registry._report_of("day")
