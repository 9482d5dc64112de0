"""The rate cards as ranges that do not overlap: a line falls into one range or none."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Final, NamedTuple

from channels_.models import FeeRate
from cspdcl.kernel.clock import INDIA

_END: Final = date(9999, 1, 1)


class Range(NamedTuple):
    """One rate of one channel and method, from an instant until another."""

    channel_id: int
    method: str
    network: str  # "" is any network but the ``others``, which have rates of their own then
    others: list[str]
    percent: str
    flat_paise: int
    tax_percent: str
    valid_from: datetime
    valid_until: datetime


def ranges() -> list[Range]:
    """Every rate of every channel, cut where another takes its place."""
    by_method: dict[tuple[int, str], list[FeeRate]] = defaultdict(list)
    for rate in FeeRate.objects.order_by("channel_id", "method", "valid_from"):
        by_method[rate.channel_id, rate.method.lower()].append(rate)
    return [
        one
        for (channel, method), rates in by_method.items()
        for one in _cut(channel, method, rates)
    ]


def _cut(channel_id: int, method: str, rates: list[FeeRate]) -> Iterator[Range]:
    starts = sorted({rate.valid_from for rate in rates})
    for start, end in zip(starts, [*starts[1:], _END], strict=True):
        in_force = {rate.network.lower(): rate for rate in rates if rate.valid_from <= start}
        for network, rate in in_force.items():
            yield Range(
                channel_id=channel_id,
                method=method,
                network=network,
                others=sorted(set(in_force) - {""}) if network == "" else [],
                percent=str(rate.percent),
                flat_paise=rate.flat_paise,
                tax_percent=str(rate.tax_percent),
                valid_from=_midnight(start),
                valid_until=_midnight(end),
            )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), INDIA)
