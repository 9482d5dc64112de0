"""Every channel of the demo: believed at its door, and read in its report.

That its days are proved among the others: tests/reconciliation/test_prove_simulated_days.py.
"""

from collections import defaultdict
from dataclasses import replace
from datetime import date
from io import BytesIO
from itertools import chain
from pathlib import Path

import pytest
import time_machine
from django.db.models import Sum

from channels_.contract import LineKind
from channels_.formats import sniff
from channels_.registry import formats_of
from channels_.simulation import Listed
from cspdcl.env import PROJECT
from payments.models import Payment
from simulator.day import Day, play_day
from simulator.scene import Scene, read_scene
from tests import played

DAY = date(2026, 11, 20)
SCENE = read_scene(PROJECT / "configuration" / "demo.toml")
CODES = [channel.code for channel in SCENE.channels]
REPORTING = [one.code for one in SCENE.channels if one.simulation.report is not None]
LATE = "2026-11-21 00:30:00+05:30"  # the last payments are of before midnight


@pytest.fixture(autouse=True)
def _kept_files(settings, tmp_path: Path) -> None:
    settings.STATEMENTS_DIR = tmp_path / "statements"


@pytest.fixture(scope="module")
def day() -> Day:
    """A day on which every channel plays."""
    return play_day(SCENE, day=DAY, payments=10_000, seed=1)


def alone(code: str) -> Scene:
    """The scene with one channel beside counters that hand in."""
    return replace(SCENE, channels=(SCENE.channel(code),), staff=(), terminal=None)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.django_db(transaction=True)
def test_what_a_partner_tells_is_believed_and_becomes_the_payments(
    tmp_path: Path, code: str
) -> None:
    with time_machine.travel(LATE, tick=True):
        clerk = played.install(alone(code))
        day = played.play(tmp_path, clerk=clerk, day=DAY, payments=60, seed=2, scene=alone(code))

    paid = Payment.objects.filter(channel__code=code, state="succeeded")
    told = day.truth["by_channel"][code]
    assert (paid.count(), paid.aggregate(sum=Sum("amount_paise"))["sum"]) == tuple(told.values())
    happened = {one.payment.channel_ref: one.payment for one in day.channels[code].happened}
    for payment in paid.select_related("consumer", "receipt"):
        sample = happened[payment.channel_ref or ""]
        assert payment.amount_paise == sample.amount_paise
        assert payment.consumer is not None
        assert payment.consumer.number == sample.consumer_number
        assert payment.business_date == DAY
        assert payment.method == sample.method
        assert payment.receipt.label


@pytest.mark.parametrize("code", REPORTING)
def test_every_report_of_a_partner_is_read_as_it_was_meant(day: Day, code: str) -> None:
    played_channel = day.channels[code]
    channel, rows = played_channel.channel, played_channel.report
    setup = channel.setup({})
    partner = channel.simulation
    assert partner.report is not None
    assert rows
    for ending, content in partner.report(rows).items():
        layout = sniff(content[:4096], among=formats_of(channel.adapter, setup.settings))
        (statement,) = layout.read(BytesIO(content))
        lines = list(statement.lines)

        assert statement.refusals == [], ending
        net = sum(line.amount_paise - line.fee_paise - line.tax_paise for line in lines)
        assert net == sum(row.net_paise for row in rows)
        assert len({line.key for line in lines}) == len(rows)
        assert {line.utr for line in lines} == {row.utr for row in rows} or ending == "xml"
        _compare_payments(lines, rows, is_priced=Listed.FEE in partner.lists)
        kinds = {line.kind for line in lines}
        assert (LineKind.REFUND in kinds) == (Listed.REFUND in partner.lists)
        assert (LineKind.CHARGEBACK in kinds) == (Listed.CHARGEBACK in partner.lists)
        assert (LineKind.UNKNOWN in kinds) == (Listed.OTHER in partner.lists)


def _compare_payments(lines, rows, *, is_priced: bool) -> None:
    told = sorted(line for line in lines if line.kind is LineKind.PAYMENT)
    assert sorted((one.channel_ref, one.amount_paise) for one in told) == sorted(
        (row.channel_ref, row.amount_paise) for row in rows if row.word == "payment"
    )
    by_ref = defaultdict(list)
    for row in rows:
        by_ref[row.channel_ref].append(row)
    for line in told:
        row = by_ref[line.channel_ref][0]
        # The bank's credit is found by the UTR; where a file has none, another file tells it.
        names = [(one.utr, one.settlement_ref) for one in by_ref[line.channel_ref]]
        assert (line.utr or line.settlement_ref) in chain.from_iterable(names)
        assert line.business_date == DAY
        if is_priced:
            assert (line.fee_paise, line.tax_paise) == (row.fee_paise, row.tax_paise)
            assert line.method == row.method
