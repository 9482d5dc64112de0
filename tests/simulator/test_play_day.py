"""A simulated day repeats, adds up in every file, and plants every kind of discrepancy."""

import csv
import io
import json
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from itertools import chain

import pytest

from channels_.adapters.razorpay.simulate import COLUMNS
from channels_.adapters.razorpay.statement import FORMATS
from channels_.contract import LineKind
from channels_.formats.camt import CAMT053
from channels_.formats.mt940 import MT940
from channels_.formats.proof import prove
from reconciliation.models import Reason
from simulator.day import Day, play_day
from simulator.files import write_day
from simulator.kinds import OF_THE_ERP, Kind, Odd
from simulator.scene import DEFAULT, Rate, scene_of
from tests.played import STAFFED

DAY = date(2026, 11, 20)
OF_THE_ERP_ALONE = {Reason.NOT_POSTED, Reason.WRONG_CONSUMER, Reason.IN_CLARIFICATION}
RAZORPAY_CSV, RAZORPAY_JSON = FORMATS
SPOILT_BANK = {
    Reason.SETTLED_NOT_CREDITED,
    Reason.SHORT_CREDIT,
    Reason.EXCESS_CREDIT,
}


@pytest.fixture(scope="module")
def day() -> Day:
    """A day that is large enough for every discrepancy."""
    return play_day(DEFAULT, day=DAY, payments=2_000, seed=7)


@pytest.fixture(scope="module")
def files(day, tmp_path_factory):
    """Its files."""
    directory = tmp_path_factory.mktemp("day")
    write_day(day, directory)
    return directory


@pytest.fixture
def report(day):
    """The rows of the gateway's report."""
    return day.channels["razorpay"].report


def _read(statement_format, path):
    with path.open("rb") as file:
        pages = []
        for statement in statement_format.read(file):
            lines = list(statement.lines)
            assert not statement.refusals
            total = sum(line.amount_paise for line in lines)
            if statement_format in (MT940, CAMT053):
                assert prove(statement.page, total, lines_count=len(lines)) is None
            pages.append((statement.page, lines))
    return pages


def _planted(day, reason):
    return [item for item in day.truth["planted"] if item["reason"] == reason]


def test_the_same_seed_writes_the_same_bytes(day, files, tmp_path):
    again = play_day(DEFAULT, day=DAY, payments=2_000, seed=7)
    for path in write_day(again, tmp_path):
        assert path.read_bytes() == (files / path.name).read_bytes(), path.name


def test_another_seed_or_date_plays_another_day(day):
    refs = {row.channel_ref for row in day.channels["razorpay"].report}
    for other in (
        play_day(DEFAULT, day=DAY, payments=200, seed=8),
        play_day(DEFAULT, day=date(2026, 11, 21), payments=200, seed=7),
    ):
        assert refs.isdisjoint(row.channel_ref for row in other.channels["razorpay"].report)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("payments", [1, 7, 60, 400])
def test_small_days_play_too(payments, seed):
    day = play_day(DEFAULT, day=DAY, payments=payments, seed=seed)
    assert day.truth["payments"] == payments


@pytest.mark.parametrize("seed", range(5))
def test_every_reason_is_planted(seed):
    day = play_day(DEFAULT, day=DAY, payments=2_000, seed=seed)
    told = {item["reason"] for item in day.truth["planted"]}
    # No rule of the house has a window: what agrees is matched.
    assert told == set(Reason) - {Reason.OUTSIDE_RULES} - OF_THE_ERP_ALONE


def test_every_kind_is_planted_on_one_of_a_few_days_and_says_what_was_done():
    days = [play_day(STAFFED, day=DAY, payments=2_000, seed=seed) for seed in range(3)]
    planted = [item for day in days for item in day.truth["planted"]]
    assert {item["kind"] for item in planted} == set(Kind) - OF_THE_ERP
    assert all(item["note"] == Kind(item["kind"]).note for item in planted)
    assert {odd for odd in Odd if not any(day.truth["not_breaks"][odd] for day in days)} == set()


def test_no_item_bears_two_discrepancies(day):
    keys = Counter(chain.from_iterable(item["keys"] for item in day.truth["planted"]))
    assert [key for key, times in keys.items() if times > 1] == []


def test_the_report_has_the_documented_columns_and_every_row_is_read(day, files, report):
    with (files / "razorpay-settlement.csv").open() as file:
        assert tuple(next(csv.reader(file))) == COLUMNS
    assert len(COLUMNS) == 26
    ((_, from_csv),) = _read(RAZORPAY_CSV, files / "razorpay-settlement.csv")
    ((_, from_json),) = _read(RAZORPAY_JSON, files / "razorpay-settlement.json")
    assert len(from_csv) == len(report)
    assert [line._replace(line=0) for line in from_csv] == [
        line._replace(line=0) for line in from_json
    ]
    kinds = Counter(line.kind for line in from_csv)
    assert kinds[LineKind.CHARGEBACK] == len(_planted(day, Reason.CHARGEBACK))
    assert kinds[LineKind.UNKNOWN] == len(_planted(day, Reason.UNKNOWN_CODE))


def test_each_payout_is_one_credit_of_its_net_but_for_what_was_planted(day, report):
    nets: Counter[str] = Counter()
    for row in report:
        nets[row.utr] += row.net_paise
    credited: Counter[str] = Counter()
    for line in chain.from_iterable(day.statements.values()):
        if "RAZORPAY SETTLEMENT" in line.narration:
            credited[line.narration.rpartition("-")[2]] += line.amount_paise
    spoilt = {
        key: item
        for item in day.truth["planted"]
        if item["reason"] in SPOILT_BANK
        for key in item["keys"]
    }
    nothing = owed = less = 0
    for utr, net in nets.items():
        paid = credited.pop(utr, 0)
        item = spoilt.get(utr)
        if net <= 0:
            nothing += 1
            owed -= net
            assert paid == 0
        elif item is None:
            less += net - paid
        else:
            assert abs(paid - net) == item["amount_paise"]
    odd = day.truth["not_breaks"]
    assert nothing == odd["settlements_that_pay_nothing"] == 1
    assert less == (owed if odd.get("settlements_carried") else 0)
    assert odd["settlements_paid_together"] == odd["credited_on_another_account"] == 1
    strays = {
        key.rpartition("-")[2]
        for item in _planted(day, Reason.CREDITED_NOT_SETTLED)
        for key in item["keys"]
    }
    assert set(credited) == strays


def test_the_report_ends_at_the_cut_off_and_holds_all_that_came_before(day, report):
    cutoff = report[0].settled_at.replace(hour=20, minute=0)
    assert all(row.created_at < cutoff for row in report)
    captured = {}
    for sent in day.channels["razorpay"].messages:
        event = json.loads(sent.envelope.body)
        if event["event"] == "payment.captured":
            captured[event["payload"]["payment"]["entity"]["id"]] = event["created_at"]
    due = {ref for ref, at in captured.items() if at < cutoff.timestamp()}
    reported = {row.channel_ref for row in report if row.word == "payment"}
    missing = {key for i in _planted(day, Reason.MISSING_IN_CHANNEL) for key in i["keys"]}
    assert due - reported == {key for key in missing if key.startswith("pay_")}
    assert len(captured) - len(due) == day.truth["not_breaks"]["paid_after_the_cut_off"]


def test_fees_follow_the_rate_card_but_for_what_was_planted(day, report):
    spoilt = {key for i in _planted(day, Reason.FEE_DIFFERS) for key in i["keys"]}
    for row in report:
        if row.word == "payment" and row.channel_ref not in spoilt:
            percent = {"upi": "0", "card": "1.80", "netbanking": "1.50"}[row.method]
            fee = (row.amount_paise * Decimal(percent) / 100).quantize(Decimal(1), "ROUND_HALF_UP")
            tax = (fee * 18 / 100).quantize(Decimal(1), "ROUND_HALF_UP")
            assert (row.fee_paise, row.tax_paise) == (fee, tax)


@pytest.mark.parametrize("account", ["sbi-collection", "hdfc-ecollect"])
def test_both_statements_balance_and_say_the_same(day, files, account):
    ((mt_page, mt_lines),) = _read(MT940, files / f"{account}.mt940")
    ((camt_page, camt_lines),) = _read(CAMT053, files / f"{account}.camt053.xml")
    assert mt_page.closing_paise == camt_page.closing_paise
    assert mt_page.account == camt_page.account
    shown = [(n.key, n.kind, n.amount_paise, n.utr, n.rrn, n.code, n.narration) for n in mt_lines]
    assert shown == [
        (n.key, n.kind, n.amount_paise, n.utr, n.rrn, n.code, n.narration) for n in camt_lines
    ]


def test_each_transfer_credit_is_read_with_its_utr(day, files):
    ((_, lines),) = _read(MT940, files / "hdfc-ecollect.mt940")
    told = {json.loads(sent.envelope.body)["utr"] for sent in day.channels["neft"].messages}
    shown = {line.utr or line.rrn for line in lines if line.code == "NTRF"} - {""}
    unseen = {key for i in _planted(day, Reason.MISSING_IN_CHANNEL) for key in i["keys"]}
    assert told - shown == {key for key in unseen if not key.startswith("pay_")}
    untold = {
        key
        for reason in (Reason.MISSING_IN_BOOKS, Reason.UNIDENTIFIED_CREDIT)
        for item in _planted(day, reason)
        for key in item["keys"]
        if not key.startswith("pay_") and " " not in key  # a narration whose UTR is told otherwise
    }
    astray = {line.utr for line in lines if "RAZORPAY" in line.narration}
    cut = {key for key in untold if not any(key == one for one in shown)}
    assert shown - told - astray == untold - cut
    assert all(any(one.startswith(key) for one in told) for key in cut)


def test_each_slip_is_credited_but_for_what_was_planted(day):
    credited = {
        word: line.amount_paise
        for line in day.statements["sbi-collection"]
        for word in line.narration.split()
        if "DEP" in line.narration and word.startswith("DS")
    }
    pair = [item for item in day.truth["planted"] if item["kind"] == Kind.TWO_SLIPS]
    together = {key for item in pair for key in item["keys"]}
    assert {credited.pop(key) for key in together} == {sum(item["amount_paise"] for item in pair)}
    missing = {key for i in _planted(day, Reason.DEPOSIT_MISSING) for key in i["keys"]}
    differing = {
        key: i["amount_paise"] for i in _planted(day, Reason.DEPOSIT_DIFFERS) for key in i["keys"]
    }
    for slip in day.slips:
        assert len(slip.number) <= 24
        assert slip.amount_paise == sum(receipt.amount_paise for receipt in slip.receipts)
        assert (slip.number in credited) == (slip.number not in missing | together)
        if slip.number in credited:
            difference = abs(credited[slip.number] - slip.amount_paise)
            assert difference == differing.get(slip.number, 0)


def test_a_batch_never_reaches_over_a_slip(day):
    for slip in day.slips:
        sent = [
            receipt
            for batch in day.batches
            if batch.counter == slip.counter and batch.at < slip.at
            for receipt in batch.receipts
        ]
        assert set(slip.receipts) <= set(sent)
        assert all(receipt.at < slip.at for receipt in sent)


def test_delivery_has_its_troubles(day):
    messages = day.channels["razorpay"].messages
    bodies = [sent.envelope.body for sent in messages]
    assert [sent.at for sent in messages] == sorted(sent.at for sent in messages)
    assert len(bodies) > len(set(bodies))
    heard = defaultdict(list)
    for body in bodies:
        event = json.loads(body)
        heard[event["payload"]["payment"]["entity"]["id"]].append(event["event"])
    stories = list(heard.values())
    assert any(
        "payment.authorized" in story
        and story.index("payment.captured") < story.index("payment.authorized")
        for story in stories
        if "payment.captured" in story
    )
    assert any(story[:2] == ["payment.failed", "payment.captured"] for story in stories)
    assert any(story[-1] == "payment.failed" and "payment.captured" in story for story in stories)


def test_there_are_more_consumers_than_payers_and_all_are_marked_as_samples(day, files):
    rows = list(csv.DictReader(io.StringIO((files / "consumers.csv").read_text())))
    assert len(rows) > 2_000
    assert all(row["name"].startswith(("Consumer 0", "Sample ")) for row in rows)
    assert len({row["consumer_number"] for row in rows}) == len(rows)
    assert {row["office"] for row in rows} == set(DEFAULT.zones)
    assert "SAMPLE DATA" in (files / "README.txt").read_text()


def test_a_scene_is_read_from_a_configuration():
    scene = scene_of(
        {
            "offices": [
                {"code": "HQ"},
                {"code": "Z1", "parent": "HQ"},
                {"code": "Z2", "parent": "HQ"},
            ],
            "counters": [{"code": "c1", "office": "Z1"}],
            "channels": [
                {
                    "code": "gateway",
                    "adapter": "razorpay",
                    "route": "settlement",
                    "live": True,
                    "bank_account": "main",
                    "settlement_cutoff": "21:30",
                    "fee_rates": [{"method": "card", "percent": "2.00", "flat_paise": 5}],
                },
                {"code": "asleep", "adapter": "razorpay", "route": "settlement"},
                {"code": "cash", "adapter": "counter", "route": "deposit", "bank_account": "main"},
            ],
            "bank_accounts": [
                {
                    "code": "main",
                    "account_number": "77",
                    "ifsc": "X",
                    "line_rules": [
                        {"meaning": "settlement", "words": "PG A/C", "channel": "gateway"}
                    ],
                }
            ],
        }
    )
    assert scene.zones == ("Z1", "Z2")
    (gateway,) = scene.channels
    assert gateway.rates == {"card": Rate(20_000, 5, 180_000)}
    assert gateway.fee_of(1_000_00, method="card") == (2_005, 361)
    assert gateway.fee_of(1_000_00, method="upi") == (0, 0)
    assert gateway.cutoff.isoformat() == "21:30:00"
    assert gateway.narration == "PG A/C SETTLEMENT"
    assert scene.deposits == "main"
    assert [account.number for account in scene.accounts] == ["77"]
    played = play_day(scene, day=DAY, payments=100, seed=1)
    assert played.truth["planted"]
    assert set(played.statements) == {"main"}
