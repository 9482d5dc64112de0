"""Made-up consumers and their bills. A consumer is the same on every day and for every seed."""

import csv
import io
from collections.abc import Iterable
from datetime import date, timedelta
from random import Random
from typing import Final, NamedTuple

from cspdcl.kernel.money import rupees_from_paise
from simulator.chance import chance
from simulator.scene import Scene

COLUMNS: Final = (
    *("business_partner", "consumer_number", "name", "office", "mobile", "category", "plan"),
    *("bill_number", "period", "amount", "issued_on", "due_on"),
)

RUPEE: Final = 100

# Bands of a bill in rupees: homes, shops and small works, high-tension works.
_Bands = tuple[tuple[int, int], ...]
_DOMESTIC: Final[_Bands] = (
    (150, 600),
    (600, 1_200),
    (1_200, 2_500),
    (2_500, 6_000),
    (6_000, 18_000),
)
_SHOPS: Final[_Bands] = ((900, 3_000), (3_000, 8_000), (8_000, 30_000))
_WORKS: Final[_Bands] = ((40_000, 150_000), (150_000, 600_000), (600_000, 2_500_000))
_RECHARGES: Final = (200, 300, 500, 500, 1_000, 2_000)
_PREPAID_EVERY: Final = 12


class SampleConsumer(NamedTuple):
    """A consumer who does not exist, with the bill of the period."""

    business_partner: str
    number: str
    name: str
    office: str
    mobile: str
    category: str
    plan: str
    bill_number: str
    amount_paise: int  # of the bill, or of a usual recharge
    period: str
    issued_on: date
    due_on: date

    @property
    def upi(self) -> str:
        """The address this consumer pays from."""
        return f"sample{self.number[-6:]}@upi"

    @property
    def account(self) -> str:
        """The bank account this consumer pays from."""
        return f"900000{self.number[-8:]}"


def sample_consumers(scene: Scene, *, day: date, count: int) -> list[SampleConsumer]:
    """The first so many consumers of the made-up world, with the bills due around a day."""
    issued_on = (day - timedelta(days=3)).replace(day=1)
    due_on = issued_on + timedelta(days=20)
    period = f"{issued_on - timedelta(days=1):%Y-%m}"
    rng = chance("bills", period)
    return [
        _consumer(rng, index, scene=scene, period=period, issued_on=issued_on, due_on=due_on)
        for index in range(count)
    ]


def consumers_csv(consumers: Iterable[SampleConsumer]) -> bytes:
    """The file that ``load_consumers`` reads; who is prepaid has no bill."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in consumers:
        bill: tuple[object, ...] = ("", "", "", "", "")
        if one.bill_number:
            amount = rupees_from_paise(one.amount_paise)
            bill = (one.bill_number, one.period, amount, one.issued_on, one.due_on)
        writer.writerow(
            (
                *(one.business_partner, one.number, one.name, one.office),
                *(one.mobile, one.category, one.plan),
                *bill,
            )
        )
    return out.getvalue().encode()


def amount_paid(rng: Random, consumer: SampleConsumer) -> int:
    """What the consumer pays: nearly always the bill, sometimes a part of it or more."""
    if not consumer.bill_number:
        return consumer.amount_paise
    turn = rng.randrange(100)
    whole = consumer.amount_paise // RUPEE
    if turn < 4:
        return max(whole // 200, 1) * 100 * RUPEE  # about a half, in hundreds
    if turn < 7:
        return (whole // 100 + 1) * 100 * RUPEE  # rounded up, the rest is advance
    return consumer.amount_paise


def _consumer(
    rng: Random, index: int, *, scene: Scene, period: str, issued_on: date, due_on: date
) -> SampleConsumer:
    zone = index % len(scene.zones)
    place = index // len(scene.zones) % 100
    if place < 84:
        category, name, bands = "LV-1", f"Consumer {index:06d}", _DOMESTIC
    elif place < 97:
        category, name, bands = "LV-2", f"Sample Shop {index:06d}", _SHOPS
    else:
        category, name, bands = "HV-3", f"Sample Works {index:06d}", _WORKS
    low, high = rng.choice(bands)
    rupees = rng.randrange(low, high)
    recharge = rng.choice(_RECHARGES)
    is_prepaid = category == "LV-1" and index % _PREPAID_EVERY == 0
    return SampleConsumer(
        business_partner=f"1{index:09d}",
        number=f"10{zone:02d}{index:08d}",
        name=name,
        office=scene.zones[zone],
        mobile=f"60000{index % 100_000:05d}",
        category=category,
        plan="prepaid" if is_prepaid else "postpaid",
        bill_number="" if is_prepaid else f"B{period[2:4]}{period[5:]}{index:08d}",
        amount_paise=(recharge if is_prepaid else rupees) * RUPEE,
        period=period,
        issued_on=issued_on,
        due_on=due_on,
    )
