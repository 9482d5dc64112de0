"""The rate cards as ranges that do not overlap: a line falls into one range or none."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from typing import Any, Final, NamedTuple

from django.db import connection

from channels_.models import Channel, FeeRate
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.money import PAISE_MAX

ROUNDING: Final = 2  # paise that a line may be off: one in the fee, one in its GST

_END: Final = date(9999, 1, 1)
_NO_SLAB: Final = PAISE_MAX * 10

# Every payment of a report with what its channel kept and what was agreed on the day it was paid.
# The fee is rounded to the paisa for each line, and so is its GST; both together are compared.
_JUDGED: Final = """
    SELECT e.id, e.channel_id, e.channel_ref, e.amount_paise, e.method, e.network, r.percent,
           r.flat_paise,
           least(e.business_date, coalesce((e.occurred_at AT TIME ZONE 'Asia/Kolkata')::date,
                                           e.business_date)) AS business_date,
           e.fee_paise + e.tax_paise AS kept, fee.paise + round(fee.paise * r.tax_percent / 100)
             AS agreed
      FROM {entries} AS e
      JOIN rate_card r ON r.channel_id = e.channel_id AND r.method = lower(e.method)
       AND CASE WHEN r.network = '' THEN lower(e.network) <> ALL (r.others)
                ELSE lower(e.network) = r.network END
       AND e.amount_paise >= r.from_paise AND e.amount_paise < r.until_paise
       AND coalesce(e.occurred_at, e.business_date::timestamptz) >= r.valid_from
       AND coalesce(e.occurred_at, e.business_date::timestamptz) < r.valid_until
     CROSS JOIN LATERAL (
       SELECT least(round(e.amount_paise * r.percent / 100) + r.flat_paise, r.cap_paise) AS paise)
        AS fee
     WHERE e.book = 'channel' AND e.kind = 'payment' AND e.source_key NOT LIKE 'undone:%%'
"""


def judged_of(entries: str) -> str:
    """The query that judges some entries: a table's name, or a query in brackets."""
    return _JUDGED.format(entries=entries)


class Range(NamedTuple):
    """One rate of one channel, method and span of amounts, from an instant until another."""

    channel_id: int
    method: str
    network: str  # "" is any network but the ``others``, which have rates of their own then
    others: list[str]
    from_paise: int
    until_paise: int  # the first amount that is rated otherwise
    percent: str
    flat_paise: int
    cap_paise: int | None
    tax_percent: str
    valid_from: datetime
    valid_until: datetime


def ranges(rates: Iterable[FeeRate] | None = None) -> list[Range]:
    """Every rate of every channel, or of those given, cut where another takes its place."""
    known = FeeRate.objects.all() if rates is None else rates
    by_method: dict[tuple[int, str], list[FeeRate]] = defaultdict(list)
    for rate in sorted(known, key=lambda one: (one.channel_id, one.method, one.valid_from)):
        by_method[rate.channel_id, rate.method.lower()].append(rate)
    return [
        one
        for (channel, method), found in by_method.items()
        for one in _cut(channel, method, found)
    ]


def _cut(channel_id: int, method: str, rates: Sequence[FeeRate]) -> Iterator[Range]:
    starts = sorted({rate.valid_from for rate in rates})
    for start, end in zip(starts, [*starts[1:], _END], strict=True):
        in_force = _in_force(rates, start)
        for network, slabs in in_force.items():
            uppers = [*(slab.from_paise for slab in slabs[1:]), _NO_SLAB]
            for rate, until_paise in zip(slabs, uppers, strict=True):
                yield Range(
                    channel_id=channel_id,
                    method=method,
                    network=network,
                    others=sorted(set(in_force) - {""}) if network == "" else [],
                    from_paise=rate.from_paise,
                    until_paise=until_paise,
                    percent=str(rate.percent),
                    flat_paise=rate.flat_paise,
                    cap_paise=rate.cap_paise,
                    tax_percent=str(rate.tax_percent),
                    valid_from=_midnight(start),
                    valid_until=_midnight(end),
                )


def _in_force(rates: Sequence[FeeRate], day: date) -> dict[str, list[FeeRate]]:
    """The slabs of each network on a day: all rows of the last day that named the network."""
    slabs: dict[str, list[FeeRate]] = {}
    for rate in rates:
        if rate.valid_from > day:
            continue
        network = rate.network.lower()
        kept = slabs.get(network, [])
        if kept and kept[0].valid_from < rate.valid_from:
            kept = []
        slabs[network] = sorted([*kept, rate], key=lambda one: one.from_paise)
    return slabs


def in_force_on(channel: Channel, day: date) -> list[FeeRate]:
    """The rate card of a channel as it holds on a day."""
    by_method: dict[str, list[FeeRate]] = defaultdict(list)
    for rate in channel.fee_rates.order_by("method", "valid_from", "from_paise"):
        by_method[rate.method].append(rate)
    return [
        rate
        for method in sorted(by_method)
        for network, slabs in sorted(_in_force(by_method[method], day).items())
        for rate in slabs
    ]


class Judged(NamedTuple):
    """Lines under a rate card: what was kept of them, what was agreed, and how they differ."""

    lines: int
    kept_paise: int
    agreed_paise: int
    over_count: int  # charged more, by more than rounding
    over_paise: int
    under_count: int
    under_paise: int  # charged less; positive
    rounded_count: int
    rounded_paise: int  # what is within rounding, added up: more is theirs


_RATES: Final = """
    SELECT * FROM jsonb_to_recordset(%(ranges)s::jsonb) AS r(
        channel_id bigint, method text, network text, others text[], from_paise bigint,
        until_paise bigint, percent numeric, flat_paise bigint, cap_paise bigint,
        tax_percent numeric, valid_from timestamptz, valid_until timestamptz)
"""

_SUMMED: Final = f"""
WITH rate_card AS MATERIALIZED ({_RATES}), judged AS ({judged_of("reconciliation_entry")}
       AND e.channel_id = %(channel)s AND e.business_date BETWEEN %(since)s AND %(until)s
), told AS (
    SELECT *, kept - agreed AS more, abs(kept - agreed) <= {ROUNDING} AS is_rounding FROM judged
)
SELECT count(*), coalesce(sum(kept), 0)::bigint, coalesce(sum(agreed), 0)::bigint,
       count(*) FILTER (WHERE more > 0 AND NOT is_rounding),
       coalesce(sum(more) FILTER (WHERE more > 0 AND NOT is_rounding), 0)::bigint,
       count(*) FILTER (WHERE more < 0 AND NOT is_rounding),
       coalesce(-sum(more) FILTER (WHERE more < 0 AND NOT is_rounding), 0)::bigint,
       count(*) FILTER (WHERE more <> 0 AND is_rounding),
       coalesce(sum(more) FILTER (WHERE is_rounding), 0)::bigint
  FROM told
"""  # noqa: S608 - constants of this module


def judge(
    channel: Channel, since: date, until: date, *, rates: Iterable[FeeRate] | None = None
) -> Judged:
    """The lines that a channel reported on some days, under its card or under another one."""
    held = ranges(channel.fee_rates.all() if rates is None else rates)
    told = json.dumps([one._asdict() for one in held], default=str)
    asked: dict[str, Any] = {
        "ranges": told, "channel": channel.pk, "since": since, "until": until,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_SUMMED, asked)
        row = cursor.fetchone() or (0,) * len(Judged._fields)
    return Judged(*(int(figure) for figure in row))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), INDIA)
