"""What is agreed for the counters as a file says it; what has been in force is never altered."""

import tomllib
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from configuration import export
from configuration.actions import apply
from configuration.schema import ConfigurationRefused
from counters.models import CashRule, OfficePolicy, ReturnCharge, SurchargeRate
from counters.policy import cash_rules, policy_of
from cspdcl.kernel.clock import today
from people.models import AuditEvent

pytestmark = pytest.mark.django_db

WHOLE = """
[[counter_policies]]
office = "CO"
post_dated = "hold"
[[counter_policies]]
office = "Z1"
shows_running_total = false
wants_denominations = true
receipt_paper = "slip"
drawer_limit_paise = 3000000
difference_limit_paise = 10000
part_from_paise = 5000
tenders = ["cash", "cheque"]
post_dated = "hold"
cheque_from_paise = 50000
clearing_days = 2
dishonours_at_once = false
[[cash_rules]]
code = "269ST"
per = "payer_day"
effect = "below"
limit_paise = 20000000
law = "Income-tax Act, s. 269ST"
valid_from = 2017-04-01
[[cash_rules]]
code = "pan"
per = "payment"
effect = "wants_pan"
limit_paise = 5000000
office = "C1"
may_override = true
valid_from = 2020-01-01
valid_until = 2023-12-31
[[cash_rules]]
code = "pan"
per = "payment"
effect = "wants_pan"
limit_paise = 4000000
office = "C1"
valid_from = 2024-01-01
[[return_charges]]
code = "tariff"
flat_paise = 25000
percent = 0.5
gst_percent = 18
barred_days = 180
valid_from = 2024-04-01
[[surcharge_rates]]
valid_from = 2020-04-01
percent = 1
[[surcharge_rates]]
valid_from = 2020-07-01
percent = 1.5
"""
LATER = today() + timedelta(days=30)  # however late it is when the tests run


@pytest.fixture(autouse=True)
def tree(offices):
    """The small tree of offices."""
    return offices


def lines(text: str, **options) -> list[str]:
    document: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    return [str(one) for one in apply(document, actor="system", secrets={}, **options)]


def refusal(text: str) -> str:
    before = AuditEvent.objects.count()
    with pytest.raises(ConfigurationRefused) as refused:
        lines(text)
    assert AuditEvent.objects.count() == before
    return str(refused.value)


def rate(percent: str, since: date) -> str:
    return f"[[surcharge_rates]]\nvalid_from = {since}\npercent = {percent}\n"


def test_what_the_file_agrees_on_holds_and_the_second_time_changes_nothing(offices):
    first = lines(WHOLE)
    second = lines(WHOLE)

    assert first == [
        "+ counter_policy CO",
        "+ counter_policy Z1",
        "+ cash_rule 269ST from 2017-04-01",
        "+ cash_rule pan from 2020-01-01",
        "+ cash_rule pan from 2024-01-01",
        "+ return_charge tariff from 2024-04-01",
        "+ surcharge_rate 2020-04-01",
        "+ surcharge_rate 2020-07-01",
    ]
    assert second == []
    assert policy_of(offices["Z1"]).tenders == ["cash", "cheque"]
    assert policy_of(offices["Z2"]).post_dated == OfficePolicy.Late.HOLD
    assert [
        (rule.code, rule.limit_paise) for rule in cash_rules(offices["Z1"], on=date(2023, 6, 1))
    ] == [("pan", 50_000_00), ("269ST", 2_00_000_00)]
    assert cash_rules(offices["Z1"], on=today())[0].limit_paise == 40_000_00
    assert ReturnCharge.objects.get().percent == Decimal("0.50")
    event = AuditEvent.objects.get(action="counter_policy.created", object_id="Z1")
    assert ("drawer_limit_paise", None, "3000000") in event.changes


def test_the_export_makes_the_same_again():
    with transaction.atomic():
        lines(WHOLE)
        written = export.toml(export.document())
        assert lines(written) == []
        transaction.set_rollback(True)
    assert not CashRule.objects.exists()

    lines(written)

    assert export.toml(export.document()) == written
    assert "valid_until = 2023-12-31" in written
    assert 'valid_until = ""' in written


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("limit_paise = 20000000", "limit_paise = 30000000", "cash_rules[269ST from 2017-04-01].limit_paise: It has been in force since 2017-04-01 and stays as it was; a changed figure is a new row from"),  # noqa: E501
        ('office = "C1"\nmay', 'office = "C1"\nlaw = "x"\nmay', "cash_rules[pan from 2020-01-01].law: It has been"),  # noqa: E501
        ("2023-12-31", "2023-12-30", "cash_rules[pan from 2020-01-01].valid_until: It has ended and"),  # noqa: E501
        ("flat_paise = 25000", "flat_paise = 1", "return_charges[tariff from 2024-04-01].flat_paise: It has"),  # noqa: E501
        ("percent = 1.5", "percent = 1.25", "surcharge_rates[2020-07-01].percent: It has been"),
        ("valid_from = 2024-04-01", "valid_from = 2024-04-01\nvalid_until = 2025-01-01", "[tariff from 2024-04-01].valid_until: It is in force today; its last day is"),  # noqa: E501
        ("2024-04-01", "2024-05-01", "return_charges[tariff from 2024-05-01].valid_from: Up to today"),  # noqa: E501
        ("2020-07-01", "2021-07-01", "surcharge_rates[2021-07-01].valid_from: Up to today another"),
    ],
)  # fmt: skip
def test_what_has_been_in_force_stays_as_it_was(old, new, problem):
    lines(WHOLE)
    before = export.toml(export.document())
    assert old in WHOLE

    assert problem in refusal(WHOLE.replace(old, new))

    assert export.toml(export.document()) == before


def test_a_changed_figure_is_a_row_of_a_day_to_come_and_may_be_changed_until_then():
    lines(WHOLE)

    assert "begins on" in refusal(rate("2", today()))
    assert lines(rate("2", LATER)) == [f"+ surcharge_rate {LATER}"]
    assert lines(rate("1.75", LATER)) == [
        f"~ surcharge_rate {LATER} percent 2.00 -> 1.75",
    ]
    assert SurchargeRate.objects.get(valid_from=LATER).percent == Decimal("1.75")
    assert AuditEvent.objects.get(action="surcharge_rate.changed").object_id == f"from {LATER}"


def test_a_rule_in_force_may_be_given_a_last_day_to_come():
    lines(WHOLE)
    last = f'[[cash_rules]]\ncode = "pan"\nvalid_from = 2024-01-01\nvalid_until = {LATER}\n'

    assert lines(last) == [f"~ cash_rule pan from 2024-01-01 valid_until none -> {LATER}"]
    assert lines(last.replace(str(LATER), '""')) == [
        f"~ cash_rule pan from 2024-01-01 valid_until {LATER} -> none"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[counter_policies]]\noffice = "NO"', "counter_policies[NO].office: there is no office NO"),  # noqa: E501
        ('[[counter_policies]]\noffice = "Z1"\ntenders = ["upi"]', "[Z1].tenders: expected one of cash, cheque,"),  # noqa: E501
        ('[[counter_policies]]\noffice = "Z1"\ndrawer_limit_paise = 0', "[Z1].drawer_limit_paise: expected a whole number from 1 to"),  # noqa: E501
        ('[[counter_policies]]\noffice = "Z1"\n[[counter_policies]]\noffice = "Z1"', "counter_policies[Z1]: is there twice"),  # noqa: E501
        ('[[cash_rules]]\ncode = "x"\nper = "payment"', "cash_rules[x].valid_from: is required"),
        ('[[cash_rules]]\ncode = "x"\nvalid_from = 2026-01-01', "cash_rules[x from 2026-01-01].effect: is required for a new cash_rule"),  # noqa: E501
        ('[[cash_rules]]\ncode = "x"\nvalid_from = "soon"', "cash_rules[x].valid_from: expected a day such as"),  # noqa: E501
        ('[[return_charges]]\ncode = "x"\nvalid_from = 2026-02-01\nvalid_until = 2026-01-01', "valid_until: Its last day comes before its first."),  # noqa: E501
        ("[[surcharge_rates]]\nvalid_from = 2026-01-01\npercent = 1.255", "surcharge_rates[2026-01-01].percent: expected a number from 0 to 100 with at most 2"),  # noqa: E501
        ("[[surcharge_rates]]\npercent = 1", "surcharge_rates[0].valid_from: is required"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_its_key(text, problem):
    assert problem in refusal(text)

    assert not OfficePolicy.objects.exists()
    assert not CashRule.objects.exists()


def test_the_database_keeps_what_has_been_in_force_too():
    lines(WHOLE + rate("2", LATER))
    begun = SurchargeRate.objects.filter(valid_from__lte=today())
    running = CashRule.objects.filter(code="269ST")

    for change in (
        lambda: begun.update(percent=3),
        begun.delete,
        lambda: CashRule.objects.filter(valid_until__isnull=False).update(valid_until=None),
        lambda: running.update(valid_until=today() - timedelta(days=1)),
    ):
        with pytest.raises(IntegrityError, match="has been in force"), transaction.atomic():
            change()

    assert running.update(valid_until=today()) == 1
    assert SurchargeRate.objects.filter(valid_from=LATER).delete()[0] == 1
