"""The counters' day: cash and cheques taken, slips paid into the bank, and what goes wrong."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Final, NamedTuple

from reconciliation.models import Reason
from simulator.bank import BankLine
from simulator.chance import COUNTER, chance, digits, hex_key, instant, moments, seconds
from simulator.consumers import RUPEE, SampleConsumer, amount_paid
from simulator.scene import CASH, CHEQUE, CounterSite, Scene
from simulator.truth import Part

BATCH: Final = 200  # receipts that a counter sends at once
CHEQUE_BANKS: Final = ("State Bank of India", "Punjab National Bank", "Bank of Baroda")

_MONTHS: Final = "ABCDEFGHJKLM"  # as in our references: August is H
_CODE_LENGTH: Final = 13  # of a counter's code that fits on a slip


class CounterReceipt(NamedTuple):
    """One payment at a counter."""

    counter: str
    channel: str
    submit_key: str
    at: datetime
    consumer_number: str
    bill_number: str
    amount_paise: int
    instrument: str  # cheque number
    bank_name: str
    micr: str


class Batch(NamedTuple):
    """Receipts that a counter sends together."""

    at: datetime
    counter: str
    receipts: tuple[CounterReceipt, ...]


class Slip(NamedTuple):
    """A pay-in slip: everything of one channel that a counter had not deposited yet."""

    at: datetime
    counter: str
    channel: str
    number: str
    amount_paise: int
    receipts: tuple[CounterReceipt, ...]


@dataclass(frozen=True, slots=True)
class CountersDay:
    """What the counters leave behind after a day."""

    batches: list[Batch]
    slips: list[Slip]
    lines: list[BankLine]
    part: Part


def play_counters(
    scene: Scene,
    *,
    cash_payers: Sequence[SampleConsumer],
    cheque_payers: Sequence[SampleConsumer],
    day: date,
    seed: int,
) -> CountersDay:
    """Play the counters' day of these payers."""
    rng = chance(seed, day, "counters")
    part = Part()
    receipts = [
        *_receipts(rng, scene, cash_payers, channel=CASH, day=day),
        *_receipts(rng, scene, cheque_payers, channel=CHEQUE, day=day),
    ]
    for receipt in receipts:
        part.received(receipt.channel, receipt.amount_paise)
    batches: list[Batch] = []
    slips: list[Slip] = []
    for place, site in enumerate(scene.counters, start=1):
        mine = sorted(
            (r for r in receipts if r.counter == site.code), key=lambda r: (r.at, r.submit_key)
        )
        closings = _closings(rng, day)
        slips += _slips(site, place, mine, closings, day=day)
        batches += _batches(site, mine, sorted({at for ends in closings.values() for at in ends}))
    deposited = {receipt.submit_key for slip in slips for receipt in slip.receipts}
    for receipt in receipts:
        part.not_breaks[f"{receipt.channel}_not_deposited_yet"] += (
            receipt.submit_key not in deposited
        )
    lines = _pay_in(rng, slips, part)
    return CountersDay(batches, slips, lines, part)


def _receipts(
    rng: Random, scene: Scene, payers: Sequence[SampleConsumer], *, channel: str, day: date
) -> Iterable[CounterReceipt]:
    taken = moments(rng, day=day, count=len(payers), weights=COUNTER)
    numbers = rng.sample(range(100_000, 1_000_000), len(payers))
    for payer, at, number in zip(payers, taken, numbers, strict=True):
        is_cheque = channel == CHEQUE
        yield CounterReceipt(
            counter=rng.choice(scene.counters).code,
            channel=channel,
            submit_key=hex_key(rng),
            at=at,
            consumer_number=payer.number,
            bill_number=payer.bill_number,
            amount_paise=amount_paid(rng, payer),
            instrument=f"{number}" if is_cheque else "",
            bank_name=rng.choice(CHEQUE_BANKS) if is_cheque else "",
            micr=f"492{digits(rng, 6)}" if is_cheque else "",
        )


def _closings(rng: Random, day: date) -> dict[str, list[datetime]]:
    """When a counter goes to the bank: cash once or twice, the last at five; cheques at four."""
    noon = [instant(day, hour=13)] if rng.randrange(2) else []
    return {CASH: [*noon, instant(day, hour=17)], CHEQUE: [instant(day, hour=16)]}


def _slips(
    site: CounterSite,
    place: int,
    receipts: Sequence[CounterReceipt],
    closings: dict[str, list[datetime]],
    *,
    day: date,
) -> Iterable[Slip]:
    name = site.code.upper() if len(site.code) <= _CODE_LENGTH else f"{place:02d}"
    stem = f"DS{day:%y}{_MONTHS[day.month - 1]}{day:%d}-{name}"
    for channel, letter in ((CASH, "C"), (CHEQUE, "Q")):
        since = instant(day)
        for number, until in enumerate(closings[channel], start=1):
            carried = tuple(
                receipt
                for receipt in receipts
                if receipt.channel == channel and since <= receipt.at < until
            )
            since = until
            if carried:
                yield Slip(
                    at=until,
                    counter=site.code,
                    channel=channel,
                    number=f"{stem}-{letter}{number}",
                    amount_paise=sum(receipt.amount_paise for receipt in carried),
                    receipts=carried,
                )


def _batches(
    site: CounterSite, receipts: Sequence[CounterReceipt], boundaries: Sequence[datetime]
) -> Iterable[Batch]:
    """What is sent together; no batch reaches over the hour of a slip."""
    waiting: list[CounterReceipt] = []
    ends = list(boundaries)
    for receipt in receipts:
        crossed = bool(ends) and receipt.at >= ends[0]
        if waiting and (crossed or len(waiting) == BATCH):
            yield Batch(waiting[-1].at, site.code, tuple(waiting))
            waiting = []
        while ends and receipt.at >= ends[0]:
            ends.pop(0)
        waiting.append(receipt)
    if waiting:
        yield Batch(waiting[-1].at, site.code, tuple(waiting))


def _pay_in(rng: Random, slips: Sequence[Slip], part: Part) -> list[BankLine]:
    """The bank's credits for the slips, two of them missing, two in another amount."""
    amiss = list(slips)
    rng.shuffle(amiss)
    each = min(2, len(amiss) // 4)
    missing = {slip.number for slip in amiss[:each]}
    differing = {slip.number for slip in amiss[each : 2 * each]}
    lines = []
    for slip in slips:
        amount = slip.amount_paise
        if slip.number in missing:
            part.plant(
                Reason.DEPOSIT_MISSING,
                slip.number,
                amount_paise=amount,
                note="paid in by the slip, the bank has no such credit",
            )
            continue
        if slip.number in differing:
            difference = rng.choice([-1, 1]) * rng.choice([10, 50, 100, 200, 500]) * RUPEE
            amount += difference if amount + difference > 0 else abs(difference)
            part.plant(
                Reason.DEPOSIT_DIFFERS,
                slip.number,
                amount_paise=abs(difference),
                note="the bank counted another amount",
            )
        words = "CASH DEP SELF" if slip.channel == CASH else "CLG DEP"
        code = "NMSC" if slip.channel == CASH else "NCLR"
        at = slip.at + seconds(rng, 1_200, 3_600)
        lines.append(BankLine(at, amount, code, f"{words} {slip.number}"))
    well = [s for s in slips if s.number not in missing | differing and s.channel == CHEQUE]
    return [*lines, *_returned(rng, well, part)]


def _returned(rng: Random, slips: Sequence[Slip], part: Part) -> Iterable[BankLine]:
    cheques = [receipt for slip in slips for receipt in slip.receipts]
    for cheque in rng.sample(cheques, min(2, len(cheques) // 4)):
        part.plant(
            Reason.CHEQUE_RETURNED,
            cheque.instrument,
            amount_paise=cheque.amount_paise,
            note="the payer's bank did not pay the cheque",
        )
        at = instant(cheque.at.date(), hour=18) + timedelta(seconds=rng.randrange(3_600))
        narration = f"CHQ RTN {cheque.instrument} FUNDS INSUFFICIENT"
        yield BankLine(at, -cheque.amount_paise, "NRTI", narration)
