"""What a version would change is told before it does: by the passes themselves, on copies."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection

from people.models import User
from reconciliation import tasks
from reconciliation.desk import versions
from reconciliation.matching import backtest, tallies
from reconciliation.models import Book, Entry, Kind, Match, MatchLine, Rule, RuleTally
from reconciliation.rulebook import rules
from sources import holidays
from sources.models import Holiday
from tests.played import use_rule
from tests.reconciliation import small_books as books
from tests.worked_examples.accounts import Desk, Line, paid

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starting_rules")]

MON, TUE, WED, THU = (date(2026, 8, n) for n in range(10, 14))
FRI, SAT, SUN, MON_AFTER = (date(2026, 8, n) for n in range(14, 18))


@pytest.fixture(autouse=True)
def _soon_after():
    with time_machine.travel("2026-08-20 10:30:00+05:30"):
        yield


def pair(number: int, *, apart: int, paise: int = 1000, **columns: Any) -> None:
    """A receipt and a line with one RRN, some days apart."""
    name = f"{number:012d}"
    books.entry(Book.RECEIPTS, paise, rrn=name, reference=f"R{number}", business_date=MON)
    books.entry(
        Book.CHANNEL, paise, rrn=name, business_date=MON + timedelta(days=apart),
        in_bank_stage=False, **columns,
    )  # fmt: skip


def version(code: str = "rrn_exact", **content: Any) -> Rule:
    held = Rule.objects.get(code=code, state="active")
    told = rules.content_of(held) | content
    return Rule(pk=-1, code=code, version=2, effective_from=date(2026, 8, 20), **told)


def told(rule: Rule) -> dict[str, int]:
    """How many matches are new, gone and other, over the days of the examples."""
    found = backtest.compare(rule, backtest.over_days(rule, date(2026, 8, 1), date(2026, 8, 20)))
    return {word: found[word]["count"] for word in backtest.WORDS}


# ---- what a window does ----


@pytest.mark.parametrize(
    ("days", "direction", "apart", "broken"),
    [
        (0, "either", 0, 0),
        (0, "either", 1, 1),
        (1, "either", 1, 0),
        (5, "later", 7, 1),  # Monday to Monday are six working days
        (6, "later", 7, 0),
        (1, "later", -1, 1),
        (1, "either", -1, 0),
        (1, "either", -4, 1),
        (2, "either", -4, 0),  # a Sunday and a second Saturday lie between
        (0, "later", -1, 1),
    ],
)
def test_a_window_counts_working_days_to_its_side(
    days: int, direction: str, apart: int, broken: int
) -> None:
    pair(1, apart=apart)

    found = told(version(window_days=days, direction=direction))

    assert found == {"match": 0, "break": broken, "change": 0}


def test_a_window_leaves_out_the_bank_holidays_of_the_calendar_as_it_stands() -> None:
    pair(1, apart=2)

    assert told(version(window_days=1))["break"] == 1
    holidays.put(TUE, name="Made up day", by="command")
    assert told(version(window_days=1))["break"] == 0
    holidays.remove(Holiday.objects.get(day=TUE), by="command")
    assert told(version(window_days=1))["break"] == 1


def test_the_identity_of_the_channel_has_a_window_too() -> None:
    books.entry(Book.RECEIPTS, 5, channel_ref="pay_1", business_date=MON)
    books.entry(Book.CHANNEL, 5, channel_ref="pay_1", business_date=THU, in_bank_stage=False)

    assert told(version("channel_id_exact", window_days=2))["break"] == 1
    assert told(version("channel_id_exact", window_days=3))["break"] == 0


@pytest.mark.parametrize(("days", "broken"), [(0, 1), (1, 0)])
def test_a_credit_has_its_window(days: int, broken: int) -> None:
    books.entry(
        Book.CHANNEL, 500, utr="UTR00001", settlement_ref="S1", business_date=TUE,
        in_channel_stage=False,
    )  # fmt: skip
    books.entry(Book.BANK, 500, utr="UTR00001", business_date=WED)

    assert told(version("settlement_utr_sum", window_days=days)) == {
        "match": 0, "break": broken, "change": 0,
    }  # fmt: skip


# ---- fallbacks, tolerance, twins, groups ----


def test_a_fallback_is_tried_after_the_first_key() -> None:
    books.entry(Book.RECEIPTS, 7, reference="R1", rrn="000000000001")
    books.entry(Book.CHANNEL, 7, rrn="000000000001", in_bank_stage=False)
    use_rule("rrn_exact", is_active=False)
    assert told(version("reference_exact")) == {"match": 0, "break": 0, "change": 0}

    found = told(version("reference_exact", fallbacks=["rrn"]))

    assert found == {"match": 1, "break": 0, "change": 0}


def test_a_run_tries_a_fallback_on_what_the_first_key_has_left() -> None:
    desk = Desk.open()
    use_rule("transfer_utr_exact", fallbacks=["rrn"])
    use_rule("transfer_rrn_exact", is_active=False)
    desk.receipt("neft", 700, on=WED, utr="SBIN0001")
    desk.receipt("neft", 800, on=WED, utr="SBIN0002", rrn="622400000001")
    desk.statement(Line(700, "NEFT CR-SBIN0001-A"), Line(800, "UPI/622400000001/B"), on=WED)

    desk.reconcile(WED)

    found = Match.objects.filter(stage="bank").order_by("pk")
    assert [one.rule.code for one in found if one.rule] == ["transfer_utr_exact"] * 2
    assert desk.breaks(WED) == []


def test_a_tolerance_takes_what_rounding_left() -> None:
    books.entry(Book.RECEIPTS, 1000, rrn="000000000001")
    books.entry(Book.CHANNEL, 1001, rrn="000000000001", in_bank_stage=False)

    assert told(version(tolerance_paise=1)) == {"match": 1, "break": 0, "change": 0}
    assert told(version(tolerance_paise=0)) == {"match": 0, "break": 0, "change": 0}


def twins(*consumers: str, lines: int = 2, paise: tuple[int, ...] = (1000, 1000)) -> None:
    for consumer, one in zip(consumers, paise, strict=True):
        books.entry(Book.RECEIPTS, one, rrn="000000000009", consumer_number=consumer)
    for _ in range(lines):
        books.entry(Book.CHANNEL, 1000, rrn="000000000009", in_bank_stage=False)


def test_equal_twins_of_one_payer_are_matched_together_where_that_was_agreed() -> None:
    twins("100", "100")

    found = backtest.compare(
        version(ambiguity="twins"), backtest.over_days(version(), MON, date(2026, 8, 20))
    )

    assert found["match"]["count"] == 1
    assert (found["match"]["paise"], found["entries"]) == (2000, 4)
    assert len(found["match"]["samples"][0]["lines"]["shown"]) == 4


@pytest.mark.parametrize(
    "given",
    [
        {"consumers": ("100", "200")},
        {"consumers": ("", "")},
        {"consumers": ("100", "100"), "lines": 3},
        {"consumers": ("100", "100"), "paise": (1000, 1001)},
    ],
)
def test_what_are_no_twins_stays_a_choice(given: dict[str, Any]) -> None:
    twins(*given.pop("consumers"), **given)

    assert told(version(ambiguity="twins"))["match"] == 0


def test_all_of_one_key_are_matched_by_their_sums() -> None:
    books.entry(Book.RECEIPTS, 1000, reference="R1")
    for part in (600, 400):
        books.entry(Book.CHANNEL, part, reference="R1", in_bank_stage=False)
    rule = version("reference_exact", cardinality="many_to_many")

    assert told(rule) == {"match": 1, "break": 0, "change": 0}
    books.entry(Book.CHANNEL, 1, reference="R1", in_bank_stage=False)
    assert told(rule) == {"match": 0, "break": 0, "change": 0}


def test_pairs_that_change_are_told_with_what_they_were() -> None:
    """A line that the RRN gave to one receipt goes to another by the reference."""
    books.entry(Book.RECEIPTS, 5, reference="R1", rrn="000000000001")
    books.entry(Book.RECEIPTS, 5, reference="R2", rrn="000000000002")
    books.entry(Book.CHANNEL, 5, reference="R1", rrn="000000000002", in_bank_stage=False)
    rule = version(priority=15)  # before the reference

    found = backtest.compare(rule, backtest.over_days(rule, MON, date(2026, 8, 20)))

    assert {word: found[word]["count"] for word in backtest.WORDS} == {
        "match": 0, "break": 0, "change": 1,
    }  # fmt: skip
    sample = found["change"]["samples"][0]
    assert [line["name"] for line in sample["lines"]["shown"]] == ["R2", "R1"]
    assert [line["name"] for line in sample["before"]["shown"]] == ["R1", "R1"]


# ---- nothing is written ----


def test_a_back_test_leaves_the_books_as_they_were(users: Mapping[str, User]) -> None:
    pair(1, apart=0)
    pair(2, apart=3)
    matched = books.matched(
        books.entry(Book.RECEIPTS, 5, rrn="000000000077"),
        books.entry(Book.CHANNEL, 5, rrn="000000000077"),
    )

    told(version(window_days=1))

    assert list(Match.objects.values_list("pk", flat=True)) == [matched.pk]
    assert MatchLine.objects.count() == 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pg_temp.reconciliation_match')")
        assert cursor.fetchone() == (None,)


def test_what_people_decided_is_left_out(users: Mapping[str, User]) -> None:
    pair(1, apart=0)
    entries = list(Entry.objects.all())
    books.matched(*entries, kind="hand")

    rule = version(is_active=False)
    found = backtest.compare(rule, backtest.over_days(rule, MON, date(2026, 8, 20)))

    assert (found["break"]["count"], found["entries"]) == (0, 0)


def test_a_worker_answers_and_the_version_may_go_on(users: Mapping[str, User]) -> None:
    officer = users["finance_officer"]
    pair(1, apart=3)
    content = rules.content_of(version(window_days=1))
    rule = versions.draft(
        "rrn_exact", content=content, effective_from=date(2026, 8, 21), reason="x", maker=officer
    )
    test = versions.try_over(rule, by=officer)
    with pytest.raises(versions.NotAVersion, match="being tried already"):
        versions.try_over(rule, by=officer)
    with pytest.raises(versions.NotTried):
        versions.propose(rule, maker=officer)

    tasks.try_rule(test.pk)
    tasks.try_rule(test.pk)

    test.refresh_from_db()
    assert (test.state, test.days, test.found["break"]["count"]) == ("done", 90, 1)
    assert versions.propose(rule, maker=officer).state == "proposed"


def test_a_back_test_whose_worker_died_is_given_up(users: Mapping[str, User]) -> None:
    officer = users["finance_officer"]
    rule = versions.draft(
        "rrn_exact", content=rules.content_of(version(window_days=1)),
        effective_from=date(2026, 8, 21), reason="x", maker=officer,
    )  # fmt: skip
    test = versions.try_over(rule, by=officer)
    test.state, test.started_at = "running", test.asked_at
    test.save()
    assert backtest.give_up_lost() == 0

    with time_machine.travel("2026-08-20 13:30:00+05:30"):
        assert backtest.give_up_lost() == 1
        assert versions.try_over(rule, by=officer).state == "queued"


def test_a_back_test_that_no_worker_heard_of_is_done_by_the_sweep(
    users: Mapping[str, User],
) -> None:
    officer = users["finance_officer"]
    rule = versions.draft(
        "rrn_exact", content=rules.content_of(version(window_days=1)),
        effective_from=date(2026, 8, 21), reason="x", maker=officer,
    )  # fmt: skip
    test = versions.try_over(rule, by=officer)
    tasks.take_up_back_tests()
    test.refresh_from_db()
    assert test.state == "queued"

    with time_machine.travel("2026-08-20 10:32:00+05:30"):
        tasks.take_up_back_tests()

    test.refresh_from_db()
    assert test.state == "done"


# ---- the quick count, and the tallies ----


def test_the_quick_count_tells_what_is_open_and_what_the_last_runs_matched() -> None:
    held = Rule.objects.get(code="rrn_exact")
    of_run = books.run(rule_versions={"rrn_exact": 1})
    books.matched(
        books.entry(Book.RECEIPTS, 5, rrn="000000000077", business_date=MON),
        books.entry(Book.CHANNEL, 5, rrn="000000000077", business_date=THU, in_bank_stage=False),
        run=of_run, rule=held,
    )  # fmt: skip
    books.entry(Book.RECEIPTS, 1000, rrn="000000000001")
    books.entry(Book.CHANNEL, 1001, rrn="000000000001", in_bank_stage=False)

    found = backtest.count_now(version(window_days=1, tolerance_paise=1))

    assert found is not None
    assert (found["match"]["count"], found["break"]["count"]) == (1, 1)


def test_runs_are_counted_once_by_rule() -> None:
    held = Rule.objects.get(code="rrn_exact")
    of_run = books.run(rule_versions={"rrn_exact": 1, "taken_back": 1})
    books.matched(
        books.entry(Book.RECEIPTS, 5), books.entry(Book.CHANNEL, 5), run=of_run, rule=held
    )

    assert (tallies.count(), tallies.count()) == (1, 0)

    assert RuleTally.objects.count() == 2
    assert tallies.of_run(of_run) == {"rrn_exact": 1, "taken_back": 0}
    assert tallies.of_days(date(2026, 8, 20))["rrn_exact"] == 1
    assert tallies.of_days(date(2026, 10, 20)) == {}


# ---- which version a run uses ----


def test_a_run_uses_the_versions_of_the_day_that_it_proves() -> None:
    desk = Desk.open()
    held = Rule.objects.get(code="channel_id_exact")
    content = rules.content_of(held) | {"window_days": 0}
    versions.install("channel_id_exact", content=content, effective_from=THU, reason="Of a test.")
    desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    desk.report(paid("pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR00001"))

    later, earlier = desk.reconcile(THU), desk.reconcile(WED)

    assert later.rule_versions["channel_id_exact"] == held.version + 1
    assert earlier.rule_versions["channel_id_exact"] == held.version
    assert (later.matched_count, earlier.matched_count) == (0, 1)


# ---- what a window leaves open says so ----


def test_what_agrees_outside_the_window_is_named_so(users: Mapping[str, User]) -> None:
    desk = Desk.open()
    use_rule("settlement_utr_sum", window_days=0)
    desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    desk.report(paid("pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR00001"))
    desk.statement(Line(500, "RAZORPAY UTR00001"), on=THU)

    desk.reconcile(THU)

    assert desk.breaks(THU) == [("outside_rules", "S1", 500)]
    (told,) = desk.breaks_as_data(THU)
    assert told["explanation"] == (
        "UTR00001 and 500.00 agree, ours of 12-08-2026 and theirs of 13-08-2026: no rule in force "
        "may match them."
    )


def test_a_receipt_and_its_line_outside_the_window_are_named_so() -> None:
    desk = Desk.open()
    use_rule("channel_id_exact", window_days=1)
    desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    desk.report(paid("pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR00001"))

    desk.reconcile(WED)

    assert [row for row in desk.breaks(WED) if row[0] == "outside_rules"] == [
        ("outside_rules", "pay_1", 500)
    ]
    use_rule("channel_id_exact", window_days=2)
    desk.reconcile(WED)
    assert not [row for row in desk.breaks(WED) if row[0] == "outside_rules"]
    assert Kind.PAYMENT in {line.entry.kind for line in MatchLine.objects.all()}
