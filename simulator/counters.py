"""The counters' day: what offices with people do, what machines hand in, and the bank's side."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final, NamedTuple

from channels_.simulation import ReportRow
from counters.paper.return_files import ReturnLine
from reconciliation.models import Reason
from simulator.bank import BankLine, Utrs
from simulator.cards import play_cards
from simulator.chance import COUNTER, chance, digits, hex_key, instant, moments
from simulator.consumers import SampleConsumer, amount_paid
from simulator.deposits import PaidIn, credit, pay_in, slip_number
from simulator.handovers import BANKS, Numbers, Payers
from simulator.kinds import Kind
from simulator.offices import OfficePlay, OfficesDay, Step, stamps
from simulator.scene import CASH, CHEQUE, CounterSite, Scene
from simulator.truth import Part

BATCH: Final = 200  # receipts that a counter sends at once
CREDITED_TWICE: Final = 2  # slips of the eve that the bank credits again


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
    steps: list[Step] = field(default_factory=list)
    eve_lines: list[BankLine] = field(default_factory=list)
    returned: list[ReturnLine] = field(default_factory=list)
    cards: list[ReportRow] = field(default_factory=list)
    card_credits: list[BankLine] = field(default_factory=list)
    registers: dict[str, Any] = field(default_factory=dict)


def play_counters(
    scene: Scene,
    *,
    cash_payers: Sequence[SampleConsumer],
    cheque_payers: Sequence[SampleConsumer],
    spare: Sequence[SampleConsumer],
    day: date,
    seed: int,
    utrs: Utrs,
) -> CountersDay:
    """Play the counters' day of these payers; ``spare`` ones pay on the eve."""
    rng = chance(seed, day, "counters")
    part = Part()
    numbers = Numbers(rng, papers=2 * (len(cash_payers) + len(cheque_payers) + len(spare)) + 100)
    sites = {site.code: site for site in scene.machines}
    cash = _at_counters(rng, scene, cash_payers)
    papers = _at_counters(rng, scene, cheque_payers)
    offices = _offices(scene, cash, papers, spare, day=day, seed=seed, numbers=numbers, part=part)
    receipts = [
        *_receipts(rng, [one for one in cash if one[0] in sites], None, channel=CASH, day=day),
        *_receipts(
            rng, [one for one in papers if one[0] in sites], numbers, channel=CHEQUE, day=day
        ),
    ]
    for receipt in receipts:
        part.received(receipt.channel, receipt.amount_paise)
    batches, slips = _handed_in(rng, scene.machines, receipts, day=day)
    deposited = {receipt.submit_key for slip in slips for receipt in slip.receipts}
    for receipt in receipts:
        part.not_breaks[f"{receipt.channel}_not_deposited_yet"] += (
            receipt.submit_key not in deposited
        )
    paid_in = [PaidIn(one.at, one.number, one.channel, one.amount_paise) for one in slips]
    credited = pay_in(rng, [*paid_in, *offices.slips], part)
    well = [s for s in slips if s.number not in credited.amiss and s.channel == CHEQUE]
    lines = [
        *credited.lines,
        *_returned(rng, well, part),
        *offices.debits,
        *_twice(rng, offices, part),
    ]
    made = CountersDay(batches, slips, lines, part)
    if scene.staff:
        _add_offices(made, offices, scene, missing=credited.missing, rng=rng, day=day)
    if scene.terminal is not None:
        settled = play_cards(
            scene.terminal, offices.cards, day=day, rng=rng, numbers=numbers, utrs=utrs, part=part
        )
        made.cards.extend(settled.report)
        made.card_credits.extend(settled.credits)
    return made


def _at_counters(
    rng: Random, scene: Scene, payers: Sequence[SampleConsumer]
) -> list[tuple[str, SampleConsumer]]:
    """To which counter each payer goes."""
    return [(rng.choice(scene.counters).code, payer) for payer in payers]


def _handed_in(
    rng: Random, sites: Sequence[CounterSite], receipts: Sequence[CounterReceipt], *, day: date
) -> tuple[list[Batch], list[Slip]]:
    """What counters without shifts send: their receipts, and their slips."""
    batches: list[Batch] = []
    slips: list[Slip] = []
    for place, site in enumerate(sites, start=1):
        mine = sorted(
            (r for r in receipts if r.counter == site.code), key=lambda r: (r.at, r.submit_key)
        )
        closings = _closings(rng, day)
        slips += _slips(site, place, mine, closings, day=day)
        batches += _batches(site, mine, sorted({at for ends in closings.values() for at in ends}))
    return batches, slips


# ---- offices with people


def _offices(
    scene: Scene,
    cash: Sequence[tuple[str, SampleConsumer]],
    papers: Sequence[tuple[str, SampleConsumer]],
    spare: Sequence[SampleConsumer],
    *,
    day: date,
    seed: int,
    numbers: Numbers,
    part: Part,
) -> OfficesDay:
    out = OfficesDay()
    for place, staff in enumerate(scene.staff):
        payers = Payers(
            chance(seed, day, "payers", staff.office),
            numbers,
            takes_cards=scene.terminal is not None,
        )
        play = OfficePlay(
            staff,
            place=place,
            day=day,
            seed=seed,
            payers=payers,
            part=part,
            cards=scene.terminal.code if scene.terminal else "",
            out=out,
        )
        fates = play.play_eve(spare[place :: len(scene.staff)])
        play.play_day(
            [payer for code, payer in cash if code in staff.clerks],
            [payer for code, payer in papers if code in staff.clerks],
            fates,
        )
    return out


def _add_offices(
    made: CountersDay,
    offices: OfficesDay,
    scene: Scene,
    *,
    missing: set[str],
    rng: Random,
    day: date,
) -> None:
    """The offices' steps in the order of the day, with the bank's file of returned cheques."""
    made.eve_lines.extend(offices.eve_lines)
    made.registers["over_short"] = offices.over_short
    made.registers["return_lines"] = []
    steps = [*offices.steps, *stamps(offices, missing, scene.staff)]
    if offices.returned:
        forged = _forged(rng, day)
        made.returned.extend([*offices.returned, forged])
        made.registers["return_lines"].append(
            {"number": forged.number, "amount_paise": forged.amount_paise}
        )
        at = instant(day, hour=10, minute=30)
        told = {"account": scene.deposits, "file": f"{scene.deposits}-returns.csv"}
        steps.append(Step(at, "", "return_file", scene.staff[0].finance, told))
    made.steps.extend(sorted(steps, key=lambda step: step.at))


def _forged(rng: Random, day: date) -> ReturnLine:
    """A line of a cheque that we never had."""
    return ReturnLine(
        line=0,
        number=f"0{digits(rng, 5)}",  # ours begin otherwise
        sort_code=BANKS[0][1],
        account_id=digits(rng, 6),
        transaction_code="",
        amount_paise=rng.randrange(1_000, 9_000) * 100,
        returned_on=day,
        code="01",
        words="Funds insufficient",
        slip="",
        bank_ref="",
    )


def _twice(rng: Random, offices: OfficesDay, part: Part) -> Iterator[BankLine]:
    """Slips of the eve, credited and proved then, that the bank credits once more."""
    cash = [slip for slip in offices.eve_slips if slip.channel == CASH]
    for slip in cash[:CREDITED_TWICE]:
        part.plant(
            Reason.DUPLICATE,
            slip.number,
            amount_paise=slip.amount_paise,
            kind=Kind.SLIP_AGAIN,
            channel=slip.channel,
        )
        yield credit(rng, slip._replace(at=slip.at + timedelta(days=1)), slip.amount_paise)


# ---- counters that hand in


def _receipts(
    rng: Random,
    payers: Sequence[tuple[str, SampleConsumer]],
    numbers: Numbers | None,
    *,
    channel: str,
    day: date,
) -> Iterable[CounterReceipt]:
    taken = moments(rng, day=day, count=len(payers), weights=COUNTER)
    for (counter, payer), at in zip(payers, taken, strict=True):
        bank, _micr = rng.choice(BANKS)
        yield CounterReceipt(
            counter=counter,
            channel=channel,
            submit_key=hex_key(rng),
            at=at,
            consumer_number=payer.number,
            bill_number=payer.bill_number,
            amount_paise=amount_paid(rng, payer),
            instrument=numbers.paper() if numbers else "",
            bank_name=bank if numbers else "",
            micr=f"492{digits(rng, 6)}" if numbers else "",
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
                    number=slip_number(site.code, place, day=day, end=f"{letter}{number}"),
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


def _returned(rng: Random, slips: Sequence[Slip], part: Part) -> Iterable[BankLine]:
    cheques = [receipt for slip in slips for receipt in slip.receipts]
    for cheque in rng.sample(cheques, min(2, len(cheques) // 4)):
        part.plant(
            Reason.CHEQUE_RETURNED,
            cheque.instrument,
            amount_paise=cheque.amount_paise,
            kind=Kind.CHEQUE_BOUNCED,
            channel=CHEQUE,
        )
        at = instant(cheque.at.date(), hour=18) + timedelta(seconds=rng.randrange(3_600))
        narration = f"CHQ RTN {cheque.instrument} FUNDS INSUFFICIENT"
        yield BankLine(at, -cheque.amount_paise, "NRTI", narration)
