"""The acquiring bank's file of the cards that were swiped at the counters, and its credit."""

from collections.abc import Sequence
from datetime import date
from random import Random
from typing import Final, NamedTuple

from channels_.contract import Method
from channels_.simulation import ReportRow
from reconciliation.models import Reason
from simulator.bank import BankLine, Utrs
from simulator.chance import instant
from simulator.consumers import RUPEE
from simulator.gateway import SETTLING_BANK
from simulator.handovers import HandOver, Numbers, Tender
from simulator.kinds import Kind
from simulator.scene import PlayedChannel
from simulator.truth import Part

PLANTED_MOST: Final = 2
ONE_IN: Final = 4  # a day of few cards carries fewer
SPOILT: Final = (Kind.LISTED_TWICE, Kind.OTHER_AMOUNT, Kind.FEE_WRONG)


class CardsDay(NamedTuple):
    """The rows of the file, and the credit of their net."""

    report: list[ReportRow]
    credits: list[BankLine]


def play_cards(
    channel: PlayedChannel,
    swiped: Sequence[tuple[HandOver, Tender]],
    *,
    day: date,
    rng: Random,
    numbers: Numbers,
    utrs: Utrs,
    part: Part,
) -> CardsDay:
    """Settle the day's slips: some are not in the file, and some of the file have no slip."""
    if not swiped:
        return CardsDay([], [])
    each = min(PLANTED_MOST, len(swiped) // ONE_IN)
    mixed = rng.sample(list(swiped), len(swiped))
    missing = {slip.number for _one, slip in mixed[:each]}
    for _one, slip in mixed[:each]:
        part.plant(
            Reason.MISSING_IN_CHANNEL,
            slip.number,
            amount_paise=slip.amount_paise,
            kind=Kind.NOT_LISTED,
            channel=channel.code,
        )
    utr = utrs.neft(SETTLING_BANK)
    rows = [
        _row(channel, slip, one=one, day=day, utr=utr)
        for one, slip in swiped
        if slip.number not in missing
    ]
    for one, slip in mixed[each : 2 * each]:
        stray = slip._replace(number=numbers.rrn(day))
        part.plant(
            Reason.MISSING_IN_BOOKS,
            stray.number,
            amount_paise=stray.amount_paise,
            kind=Kind.NOT_TOLD,
            channel=channel.code,
        )
        rows.append(_row(channel, stray, one=one, day=day, utr=utr))
    rows = _spoilt(channel, rows, mixed[2 * each :], rng=rng, part=part)
    net = sum(row.net_paise for row in rows)
    narration = f"NEFT CR-{SETTLING_BANK}0000100-{channel.narration}-{utr}"
    return CardsDay(rows, [BankLine(instant(day, hour=22), net, "NTRF", narration)])


def _spoilt(
    channel: PlayedChannel,
    rows: Sequence[ReportRow],
    well: Sequence[tuple[HandOver, Tender]],
    *,
    rng: Random,
    part: Part,
) -> list[ReportRow]:
    """The rows, some of them told otherwise or twice."""
    by_ref = {row.channel_ref: row for row in rows}
    again: list[ReportRow] = []
    first = rng.randrange(len(SPOILT))
    turned = [*SPOILT[first:], *SPOILT[:first]]
    for kind, (_one, slip) in zip(turned, well[: len(well) // 2], strict=False):
        row = by_ref[slip.number]
        more = rng.randint(1, 90) * RUPEE
        if kind is Kind.LISTED_TWICE:
            again.append(row)
            reason, stake = Reason.DUPLICATE, row.amount_paise
        elif kind is Kind.OTHER_AMOUNT:
            fee, tax = channel.fee_of(row.amount_paise + more, method=Method.CARD.value)
            reason, stake = Reason.AMOUNT_DIFFERS, more
            row = row._replace(amount_paise=row.amount_paise + more, fee_paise=fee, tax_paise=tax)
        else:
            reason, stake = Reason.FEE_DIFFERS, more
            row = row._replace(fee_paise=row.fee_paise + more)
        net = row.amount_paise - row.fee_paise - row.tax_paise
        by_ref[slip.number] = row._replace(credit_paise=net)
        part.plant(reason, slip.number, amount_paise=stake, kind=kind, channel=channel.code)
    return [*by_ref.values(), *again]


def _row(channel: PlayedChannel, slip: Tender, *, one: HandOver, day: date, utr: str) -> ReportRow:
    fee, tax = channel.fee_of(slip.amount_paise, method=Method.CARD.value)
    return ReportRow(
        channel_ref=slip.number,
        word="payment",
        debit_paise=0,
        credit_paise=slip.amount_paise - fee - tax,
        amount_paise=slip.amount_paise,
        fee_paise=fee,
        tax_paise=tax,
        created_at=one.at,
        settled_at=instant(day, hour=21),
        settlement_ref=f"B{day:%y%m%d}",
        utr=utr,
        method=Method.CARD.value,
        network="visa",
    )
