"""One simulated day of collections: a pure function of scene, date, number of payments and seed.

No clock and no global chance: the same arguments give the same bytes on every machine.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from channels_.simulation import Happened, ReportRow, Takes
from counters.paper.return_files import ReturnLine
from simulator.bank import BankLine, Utrs, in_order
from simulator.chance import chance, digits, instant
from simulator.consumers import RUPEE, SampleConsumer, sample_consumers
from simulator.counters import Batch, Slip, play_counters
from simulator.gateway import play_gateway
from simulator.messages import Sending
from simulator.offices import Step
from simulator.scene import SETTLEMENT, TRANSFER, PlayedChannel, Scene
from simulator.transfers import play_transfers
from simulator.truth import Part, truth_document

# Of a hundred payments; a route on which nobody is played leaves its part to the others.
SETTLED_PERCENT: Final = 62
CASH_PERCENT: Final = 25
CHEQUE_PERCENT: Final = 7
TRANSFER_PERCENT: Final = 6

LARGE_PAISE: Final = 100_000 * RUPEE  # nobody pays more by UPI, nor brings it in cash
ONE_DISCREPANCY_IN: Final = 5_000  # payments, of each kind; never less than two


BusinessDate = date  # for classes that have a field of this name


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDay:
    """What one channel tells of the day, and what its partner's books hold."""

    channel: PlayedChannel
    messages: Sequence[Sending]
    report: Sequence[ReportRow]
    happened: Sequence[Happened]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Everything that happened, in the shape in which each party tells it."""

    date: date
    seed: int
    scene: Scene
    consumers: Sequence[SampleConsumer]
    channels: Mapping[str, ChannelDay]  # by the channel's code
    batches: Sequence[Batch]
    slips: Sequence[Slip]
    steps: Sequence[Step]  # of the offices with people, on the eve and on the day
    returned: Sequence[ReturnLine]  # the bank's file of returned cheques
    eve_statement: Sequence[BankLine]  # of the account into which the counters pay
    statements: Mapping[str, Sequence[BankLine]]  # by the account's code
    truth: dict[str, Any]

    @property
    def eve(self) -> BusinessDate:
        """The day before, on which the offices begin."""
        return self.date - timedelta(days=1)

    @property
    def message_count(self) -> int:
        """How many messages all channels send."""
        return sum(len(one.messages) for one in self.channels.values())


def play_day(scene: Scene, *, day: date, payments: int, seed: int) -> Day:
    """Play a day of so many payments."""
    rng = chance(seed, day, "payers")
    consumers = sample_consumers(scene, day=day, count=payments + payments // 5 + 1)
    drawn = [consumers[place] for place in rng.sample(range(len(consumers)), payments)]
    # Stable: whoever owes a large amount comes last, and pays by bank transfer or cheque.
    payers = sorted(drawn, key=lambda payer: payer.amount_paise > LARGE_PAISE)
    settled, cash, cheque, transferred = _by_route(scene, payers)
    kinds = max(2, payments // ONE_DISCREPANCY_IN)
    utrs = Utrs(day)
    played: dict[str, ChannelDay] = {}
    parts: list[Part] = []
    lines: dict[str, list[BankLine]] = defaultdict(list)
    for channel, its in _dealt(scene.of_route(SETTLEMENT), settled):
        one = play_gateway(channel, its, day=day, seed=seed, utrs=utrs, kinds=kinds)
        played[channel.code] = ChannelDay(
            channel=channel, messages=one.messages, report=one.report, happened=one.happened
        )
        lines[channel.account] += one.credits
        lines[_other_account(scene, channel)] += one.astray
        parts.append(one.part)
    taken = {payer.number for payer in payers}
    counters = play_counters(
        scene,
        cash_payers=cash,
        cheque_payers=cheque,
        spare=[one for one in consumers if one.number not in taken],
        day=day,
        seed=seed,
        utrs=utrs,
    )
    lines[scene.deposits] += counters.lines
    if scene.terminal is not None and counters.cards:
        played[scene.terminal.code] = ChannelDay(
            channel=scene.terminal, messages=(), report=counters.cards, happened=()
        )
        lines[scene.terminal.account] += counters.card_credits
    parts.append(counters.part)
    for channel, its in _dealt(scene.of_route(TRANSFER), transferred):
        other = play_transfers(channel, its, day=day, seed=seed, utrs=utrs, kinds=kinds)
        played[channel.code] = ChannelDay(
            channel=channel, messages=other.messages, report=(), happened=other.happened
        )
        lines[channel.account] += other.lines
        parts.append(other.part)
    noise = Part()
    statements = {
        account: in_order([*its, *_noise(noise, its, day=day, seed=seed + number)])
        for number, (account, its) in enumerate(lines.items())
    }
    return Day(
        date=day,
        seed=seed,
        scene=scene,
        consumers=consumers,
        channels=played,
        batches=sorted(counters.batches, key=lambda b: (b.at, b.counter)),
        slips=sorted(counters.slips, key=lambda s: (s.at, s.number)),
        steps=counters.steps,
        returned=counters.returned,
        eve_statement=in_order(counters.eve_lines),
        statements=statements,
        truth=truth_document(
            [*parts, noise], day=day, seed=seed, payments=payments, registers=counters.registers
        ),
    )


def _by_route(scene: Scene, payers: Sequence[SampleConsumer]) -> Iterator[Sequence[SampleConsumer]]:
    """Who pays through a settling channel, in cash, by cheque, and by transfer, in this order."""
    weights = (
        SETTLED_PERCENT if scene.of_route(SETTLEMENT) else 0,
        CASH_PERCENT,
        CHEQUE_PERCENT,
        TRANSFER_PERCENT if scene.of_route(TRANSFER) else 0,
    )
    counts = _shares(len(payers), weights)
    start = 0
    for count in counts:
        yield payers[start : start + count]
        start += count


def _dealt(
    channels: Sequence[PlayedChannel], payers: Sequence[SampleConsumer]
) -> Iterator[tuple[PlayedChannel, Sequence[SampleConsumer]]]:
    """Each channel with its payers; who takes only some of them chooses first."""
    counts = _shares(len(payers), [channel.simulation.share for channel in channels])
    waiting = list(payers)
    dealt: dict[str, list[SampleConsumer]] = {}
    asked = sorted(
        zip(channels, counts, strict=True), key=lambda one: one[0].takes is Takes.ANYBODY
    )
    for place, (channel, count) in enumerate(asked, start=1):
        fitting = [payer for payer in waiting if _may_pay(payer, channel.takes)]
        mine = fitting if place == len(asked) else fitting[:count]
        if channel.takes is Takes.PREPAID:
            mine = mine[: len(fitting) // 2]  # few are prepaid: some go elsewhere
        dealt[channel.code] = mine
        taken = {payer.number for payer in mine}
        waiting = [payer for payer in waiting if payer.number not in taken]
    for channel in channels:
        yield channel, dealt[channel.code]


def _other_account(scene: Scene, channel: PlayedChannel) -> str:
    """Where a channel's credit goes astray: the account of other channels, where there is one."""
    others = (one.account for one in scene.channels if one.account != channel.account)
    return next(others, channel.account)


def _may_pay(payer: SampleConsumer, takes: Takes) -> bool:
    return takes is Takes.ANYBODY or (payer.plan == takes.value)


def _shares(total: int, weights: Sequence[int]) -> list[int]:
    """The total in whole parts by weight; the last that weighs takes what rounding leaves."""
    whole = sum(weights)
    parts = [total * weight // whole if whole else 0 for weight in weights]
    last = max((place for place, weight in enumerate(weights) if weight), default=None)
    if last is not None:
        parts[last] += total - sum(parts)
    return parts


def _noise(part: Part, lines: Sequence[BankLine], *, day: date, seed: int) -> list[BankLine]:
    """Movements that are no collection: charges, interest, and the sweep to the main account."""
    rng = chance(seed, day, "noise")

    def at(hour: int) -> datetime:
        return instant(day, hour=hour) + timedelta(seconds=rng.randrange(3_600))

    charges = [
        BankLine(
            at(rng.randint(9, 18)),
            -rng.choice([590, 1_180, 2_950, 17_700]),
            "NCHG",
            f"NEFT CHARGES INCL GST {digits(rng, 8)}",
        )
        for _ in range(rng.randint(2, 4))
    ]
    interest = BankLine(at(6), rng.randint(1_000, 90_000), "NINT", "CREDIT INTEREST CAPITALISED")
    part.not_breaks["bank_charges"] += len(charges)
    part.not_breaks["interest"] += 1
    swept = sum(line.amount_paise for line in lines) // (1_000 * RUPEE) * 1_000 * RUPEE
    if swept <= 0:
        return [*charges, interest]
    part.not_breaks["sweeps"] += 1
    sweep = instant(day, hour=23, minute=45)
    return [*charges, interest, BankLine(sweep, -swept, "NTRF", "SWEEP TO MAIN A/C")]
