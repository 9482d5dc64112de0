"""One simulated day of collections: a pure function of scene, date, number of payments and seed.

No clock and no global chance: the same arguments give the same bytes on every machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from channels_.adapters.bank_transfer.simulate import SIMULATION as BANK
from channels_.adapters.razorpay.simulate import SIMULATION as RAZORPAY
from channels_.simulation import ReportRow
from simulator.bank import BankLine, Utrs, in_order
from simulator.chance import chance, digits, instant
from simulator.consumers import RUPEE, SampleConsumer, sample_consumers
from simulator.counters import Batch, Slip, play_counters
from simulator.gateway import play_gateway
from simulator.messages import Sending
from simulator.scene import Scene
from simulator.transfers import play_transfers
from simulator.truth import Part, truth_document

GATEWAY_PERCENT: Final = 62
CASH_PERCENT: Final = 25
CHEQUE_PERCENT: Final = 7  # the rest comes by bank transfer

LARGE_PAISE: Final = 100_000 * RUPEE  # nobody pays more by UPI, nor brings it in cash
ONE_DISCREPANCY_IN: Final = 5_000  # payments, of each kind; never less than two


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Everything that happened, in the shape in which each party tells it."""

    date: date
    seed: int
    scene: Scene
    consumers: Sequence[SampleConsumer]
    webhooks: Sequence[Sending]
    notices: Sequence[Sending]
    batches: Sequence[Batch]
    slips: Sequence[Slip]
    report: Sequence[ReportRow]
    collection: Sequence[BankLine]
    ecollect: Sequence[BankLine]
    truth: dict[str, Any]


def play_day(scene: Scene, *, day: date, payments: int, seed: int) -> Day:
    """Play a day of so many payments."""
    rng = chance(seed, day, "payers")
    consumers = sample_consumers(scene, day=day, count=payments + payments // 5 + 1)
    drawn = [consumers[place] for place in rng.sample(range(len(consumers)), payments)]
    # Stable: whoever owes a large amount comes last, and pays by bank transfer or cheque.
    payers = sorted(drawn, key=lambda payer: payer.amount_paise > LARGE_PAISE)
    by_cash = payments * CASH_PERCENT // 100
    by_cheque = payments * CHEQUE_PERCENT // 100
    by_gateway = payments * GATEWAY_PERCENT // 100
    kinds = max(2, payments // ONE_DISCREPANCY_IN)
    utrs = Utrs(day)
    gateway = play_gateway(
        scene,
        payers[:by_gateway],
        day=day,
        seed=seed,
        utrs=utrs,
        simulation=RAZORPAY,
        kinds=kinds,
    )
    counters = play_counters(
        scene,
        cash_payers=payers[by_gateway : by_gateway + by_cash],
        cheque_payers=payers[by_gateway + by_cash : by_gateway + by_cash + by_cheque],
        day=day,
        seed=seed,
    )
    transfers = play_transfers(
        scene,
        payers[by_gateway + by_cash + by_cheque :],
        day=day,
        seed=seed,
        utrs=utrs,
        simulation=BANK,
        kinds=kinds,
    )
    noise = Part()
    collection = [*gateway.credits, *counters.lines]
    ecollect = transfers.lines
    return Day(
        date=day,
        seed=seed,
        scene=scene,
        consumers=consumers,
        webhooks=gateway.messages,
        notices=transfers.messages,
        batches=sorted(counters.batches, key=lambda b: (b.at, b.counter)),
        slips=sorted(counters.slips, key=lambda s: (s.at, s.number)),
        report=gateway.report,
        collection=in_order([*collection, *_noise(noise, collection, day=day, seed=seed)]),
        ecollect=in_order([*ecollect, *_noise(noise, ecollect, day=day, seed=seed + 1)]),
        truth=truth_document(
            [gateway.part, counters.part, transfers.part, noise],
            day=day,
            seed=seed,
            payments=payments,
        ),
    )


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
