"""Versions of rules: written, tried, proposed, approved by another, and never altered after."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from people.models import AuditEvent, User
from reconciliation.desk import versions
from reconciliation.models import BackTest, DayClose, Rule
from reconciliation.rulebook import rules
from tests.reconciliation import small_books as books

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starting_rules")]

CODE = "rrn_exact"
BEGINS = date(2099, 1, 1)


def held(code: str = CODE) -> Rule:
    return Rule.objects.get(code=code, state="active")


def write(maker: User, code: str = CODE, **content: Any) -> Rule:
    """A draft that says what is in force, but for what is named."""
    day = content.pop("effective_from", BEGINS)
    told = rules.content_of(held(code)) | content
    return versions.draft(code, content=told, effective_from=day, reason="as agreed", maker=maker)


def try_it(rule: Rule, by: User, **columns: Any) -> BackTest:
    """A finished back-test of the version as it is."""
    values: dict[str, Any] = {
        "content_hash": rules.content_hash(rule),
        "against": rules.beside(rule.effective_from),
        "state": "done",
        "finished_at": timezone.localtime(),
    }
    return BackTest.objects.create(
        rule=rule, days=90, since=date(2026, 1, 1), until=date(2026, 3, 31), asked_by=by,
        **values | columns,
    )  # fmt: skip


@pytest.fixture
def officer(users: Mapping[str, User]) -> User:
    return users["finance_officer"]


@pytest.fixture
def approver(users: Mapping[str, User]) -> User:
    return users["finance_approver"]


@pytest.fixture
def proposed(officer: User) -> Rule:
    rule = write(officer, window_days=3)
    try_it(rule, officer)
    return versions.propose(rule, maker=officer)


def test_a_new_version_follows_the_one_in_force(proposed: Rule, approver: User) -> None:
    before = held()

    versions.approve(proposed, checker=approver, answer="tried")

    before.refresh_from_db()
    assert (before.state, before.effective_until) == ("retired", date(2098, 12, 31))
    after = held()
    assert (after.version, after.window_days, after.checker) == (2, 3, approver)
    assert [one.version for one in rules.active_rules(date(2098, 12, 31)) if one.code == CODE] == [
        1
    ]
    assert [one.version for one in rules.active_rules(BEGINS) if one.code == CODE] == [2]
    told = AuditEvent.objects.filter(object_id=f"{CODE} v2").order_by("id")
    assert [one.action for one in told] == ["rule.drafted", "rule.proposed", "rule.approved"]


def test_who_wrote_a_version_never_approves_it(approver: User) -> None:
    rule = write(approver)
    try_it(rule, approver)
    versions.propose(rule, maker=approver)

    with pytest.raises(versions.NotYourVersion):
        versions.approve(rule, checker=approver)
    with pytest.raises(IntegrityError, match="maker_is_not_checker"), transaction.atomic():
        Rule.objects.filter(pk=rule.pk).update(state="withdrawn", checker=approver)
    assert held().version == 1


@pytest.mark.parametrize("role", ["clerk", "auditor", "manager", "operator", "administrator"])
def test_only_finance_writes(users: Mapping[str, User], role: str) -> None:
    with pytest.raises(versions.NotYourVersion):
        write(users[role])
    assert not Rule.objects.filter(state="draft").exists()


def test_an_officer_does_not_approve(proposed: Rule, make_user: Callable[..., User]) -> None:
    with pytest.raises(versions.NotYourVersion):
        versions.approve(proposed, checker=make_user("other", "finance_officer"))


@pytest.mark.parametrize(
    "columns",
    [
        {"state": "failed"},
        {"state": "queued", "finished_at": None},
        {"content_hash": "ab" * 32},
        {"against": {CODE: 9}},
    ],
)
def test_what_was_not_tried_as_it_is_goes_no_further(
    officer: User, columns: dict[str, Any]
) -> None:
    rule = write(officer)
    try_it(rule, officer, **columns)

    with pytest.raises(versions.NotTried):
        versions.propose(rule, maker=officer)
    rule.refresh_from_db()
    assert rule.state == "draft"


def test_rules_that_moved_since_the_back_test_want_another(proposed: Rule, approver: User) -> None:
    content = rules.content_of(held("reference_exact")) | {"priority": 21}
    versions.install(
        "reference_exact", content=content, effective_from=date(2026, 1, 1), reason="x"
    )

    with pytest.raises(versions.NotTried):
        versions.approve(proposed, checker=approver)
    assert held().version == 1


def test_one_version_at_a_time_is_in_the_making(proposed: Rule, officer: User) -> None:
    with pytest.raises(versions.NotAVersion):
        write(officer)


def test_a_version_that_was_refused_makes_room(
    proposed: Rule, officer: User, approver: User
) -> None:
    with pytest.raises(versions.NotAVersion):
        versions.withdraw(proposed, by=approver)

    versions.withdraw(proposed, by=approver, answer="the window is too short")

    assert write(officer).version == 3
    assert held().version == 1


def test_a_draft_may_be_written_anew_and_then_must_be_tried_anew(officer: User) -> None:
    rule = write(officer)
    try_it(rule, officer)
    content = rules.content_of(rule) | {"tolerance_paise": 1}

    versions.change(rule, content=content, effective_from=BEGINS, reason="rounds", maker=officer)

    with pytest.raises(versions.NotTried):
        versions.propose(Rule.objects.get(pk=rule.pk), maker=officer)


def test_no_version_begins_on_a_day_that_is_signed(officer: User, approver: User, db: None) -> None:
    DayClose.objects.create(
        business_date=date(2026, 8, 18), version=1, run=books.run(), state="closed", reason="",
        facts={}, maker=officer, checker=approver, closed_at=timezone.localtime(),
        content_hash="h", key_id="k", signature=b"s",
    )  # fmt: skip

    with pytest.raises(versions.NotAVersion, match="closed with a certificate"):
        write(officer, effective_from=date(2026, 8, 18))
    assert write(officer, effective_from=date(2026, 8, 19)).version == 2


@pytest.mark.parametrize(
    ("code", "content", "field"),
    [
        (CODE, {"key": "utr"}, "key"),
        (CODE, {"cardinality": "carried"}, "cardinality"),
        (CODE, {"fallbacks": ["rrn"]}, "fallbacks"),
        (CODE, {"fallbacks": ["utr"]}, "fallbacks"),
        ("channel_id_exact", {"fallbacks": ["rrn"]}, "fallbacks"),
        ("channel_id_exact", {"ambiguity": "twins"}, "ambiguity"),
        ("settlement_utr_sum", {"ambiguity": "twins"}, "ambiguity"),
        ("settlement_nil", {"window_days": 2}, "window_days"),
        ("settlement_carried", {"tolerance_paise": 2}, "tolerance_paise"),
        ("transfer_evidence", {"window_days": 2}, "window_days"),
    ],
)
def test_what_no_pass_understands_is_refused_at_its_field(
    officer: User, code: str, content: dict[str, Any], field: str
) -> None:
    with pytest.raises(versions.NotAVersion) as refused:
        write(officer, code, **content)
    assert refused.value.field == field
    assert not Rule.objects.filter(state="draft").exists()


def test_every_starting_rule_is_one_that_its_pass_understands(db: None) -> None:
    assert {rule.code: rules.wrong_in(rules.content_of(rule)) for rule in Rule.objects.all()} == {
        one.code: {} for one in rules.STARTING_RULES
    }


# ---- what the database refuses ----


@pytest.mark.parametrize(
    "change",
    [{"tolerance_paise": 100}, {"priority": 1}, {"is_active": False}, {"state": "draft"},
     {"effective_from": date(2020, 1, 1)}, {"reason": "another"}],
)  # fmt: skip
def test_a_version_in_force_is_never_altered(db: None, change: dict[str, Any]) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Rule.objects.filter(code=CODE).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Rule.objects.filter(code=CODE).delete()


def test_what_was_proposed_is_not_altered_either(proposed: Rule) -> None:
    for change in ({"tolerance_paise": 1}, {"maker": None}, {"state": "draft"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Rule.objects.filter(pk=proposed.pk).update(**change)


def test_no_draft_comes_into_force_unseen(officer: User, approver: User) -> None:
    rule = write(officer)

    with (
        pytest.raises(DatabaseError, match="proposed before it comes into force"),
        transaction.atomic(),
    ):
        Rule.objects.filter(pk=rule.pk).update(
            state="active", checker=approver, checked_at=timezone.localtime()
        )


def test_no_two_versions_hold_for_one_day(db: None) -> None:
    told = rules.content_of(held())

    with pytest.raises(DatabaseError), transaction.atomic():
        Rule.objects.create(
            code=CODE, version=2, state="retired", effective_from=date(2026, 1, 1),
            effective_until=date(2026, 1, 2), **told,
        )  # fmt: skip


def test_twins_of_bank_credits_are_refused_by_the_database(officer: User) -> None:
    rule = write(officer, "settlement_utr_sum")

    with pytest.raises(IntegrityError, match="twins_never"), transaction.atomic():
        Rule.objects.filter(pk=rule.pk).update(ambiguity="twins")


def test_a_back_test_stays_as_it_ended(proposed: Rule) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        proposed.back_tests.update(found={})
