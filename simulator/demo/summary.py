"""The figures of the demo's day: as data for summary.json, and as a table for a finance officer."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import Count, Exists, OuterRef, Sum

from channels_.models import Channel
from cspdcl.kernel.money import grouped_rupees
from reconciliation import selectors
from reconciliation.models import Book, Break, Entry, Kind, MatchLine, Reason, Stage
from simulator.compare import Comparison, compare
from simulator.registers import wrong_in_registers


def summary_of(day: date, truth: Mapping[str, Any]) -> dict[str, Any]:
    """What the house knows of the day, beside what was planted."""
    breaks = [
        selectors.break_as_data(one, as_of=day)
        for one in selectors.with_lines(selectors.breaks_open_on(day))
    ]
    comparison = compare(truth, breaks)
    channels = [
        *(_channel(one, day=day, truth=truth) for one in Channel.objects.order_by("position")),
        _nobodys(),
    ]
    for row in channels:
        mine = [one for one in breaks if one["channel"] == row["channel"]]
        row["breaks"] = len(mine)
        row["breaks_by_reason"] = _by_reason(mine)
        row["money_open_paise"] = sum(one["amount_paise"] for one in mine)
    return {
        "date": day.isoformat(),
        "seed": truth["seed"],
        "payments": truth["payments"],
        "channels": channels,
        "breaks": _by_reason(breaks),
        "money_open_paise": sum(one["amount_paise"] for one in breaks),
        "expected": truth["not_breaks"],
        "proof": [_proof(row) for row in selectors.proofs_of(day)],
        "planted": {
            "planted": len(truth["planted"]),
            "found": len(comparison.found),
            "missed": len(comparison.missed),
            "false": len(comparison.false),
            "with_another_amount": len(comparison.other_amount),
            "by_reason": comparison.by_reason(),
        },
        "registers": {name: len(rows) for name, rows in truth["registers"].items()},
        "wrong": [*_wrong(comparison), *wrong_in_registers(truth)],
    }


def _channel(channel: Channel, *, day: date, truth: Mapping[str, Any]) -> dict[str, Any]:
    """One channel: what was sent, and of what arrived how much is matched, open, or not due yet."""
    sent = truth["by_channel"].get(channel.code, {"payments": 0, "amount_paise": 0})
    arrived = Entry.objects.filter(
        book=Book.RECEIPTS,
        channel=channel,
        business_date=day,
        kind__in=(Kind.PAYMENT, Kind.REPEATED),
    )
    # By the channel or the bank: what the ERP posts is a proof of its own.
    live = MatchLine.objects.filter(
        entry=OuterRef("pk"), stage__in=(Stage.CHANNEL, Stage.BANK), is_live=True
    )
    matched = arrived.filter(Exists(live)).count()
    held = Break.objects.filter(
        lines__entry=OuterRef("pk"), state=Break.State.OPEN, stage__in=(Stage.CHANNEL, Stage.BANK)
    )
    broken = arrived.filter(~Exists(live), Exists(held))
    total = arrived.aggregate(count=Count("id"), paise=Sum("amount_paise"))
    in_breaks = broken.count()
    return {
        "channel": channel.code,
        "name": channel.name,
        "sent": sent["payments"],
        "sent_paise": sent["amount_paise"],
        "arrived": total["count"],
        "arrived_paise": total["paise"] or 0,
        "matched": matched,
        "in_breaks": in_breaks,
        "not_due_yet": total["count"] - matched - in_breaks,
    }


def _nobodys() -> dict[str, Any]:
    """Breaks of money in the bank of which no channel is known."""
    counts = ("sent", "sent_paise", "arrived", "arrived_paise", "matched", "in_breaks")
    return {
        "channel": None,
        "name": "In the bank only",
        **dict.fromkeys(counts, 0),
        "not_due_yet": 0,
    }


def _by_reason(breaks: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for one in breaks:
        row = found.setdefault(one["reason"], {"count": 0, "amount_paise": 0})
        row["count"] += 1
        row["amount_paise"] += one["amount_paise"]
    return dict(sorted(found.items()))


def _proof(row: Any) -> dict[str, Any]:
    parts = ("opening", "arrived", "matched", "written_off", "closing")
    return {
        "stage": row.stage,
        "book": row.book,
        **{
            f"{part}_{unit}": getattr(row, f"{part}_{unit}")
            for part in parts
            for unit in ("count", "paise")
        },
    }


def _wrong(comparison: Comparison) -> list[str]:
    """Each planted item that was missed and each break that was invented, as a line."""
    return [
        *(f"missed {one['reason']} {', '.join(one['keys'])}" for one in comparison.missed),
        *(f"invented {one['reason']} {one['reference']}" for one in comparison.false),
        *(
            f"{item['reason']} {', '.join(item['keys'])}: planted {item['amount_paise']} paise,"
            f" found {amount}"
            for item, amount in comparison.other_amount
        ),
    ]


def lines_of(summary: Mapping[str, Any]) -> Iterator[str]:
    """The summary as text, aligned."""
    yield f"The day {summary['date']}: what arrived, what is proved, what is open"
    yield ""
    head = ("Payments", "Sent", "Arrived", "Rupees", "Matched", "In breaks", "Not due yet")
    yield from _table(
        (*head, "Breaks", "Money open"), [_channel_row(one) for one in summary["channels"]]
    )
    yield ""
    yield from _table(
        ("Breaks by reason", "Breaks", "Rupees", "Planted", "Found"), [*_reason_rows(summary)]
    )
    yield ""
    yield from _proof_lines(summary["proof"])
    yield ""
    planted = summary["planted"]
    yield (
        f"Planted discrepancies: {planted['planted']}. Found {planted['found']},"
        f" missed {planted['missed']}, invented {planted['false']}."
    )
    yield from (f"  {line}" for line in summary["wrong"])


def _channel_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        one["name"],
        f"{one['sent']:,}",
        f"{one['arrived']:,}",
        grouped_rupees(one["arrived_paise"]),
        f"{one['matched']:,}",
        f"{one['in_breaks']:,}",
        f"{one['not_due_yet']:,}",
        f"{one['breaks']:,}",
        grouped_rupees(one["money_open_paise"]),
    )


def _reason_rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    judged = summary["planted"]["by_reason"]
    for reason in Reason:
        if reason.value not in judged:
            continue
        counts = judged[reason.value]
        found = summary["breaks"].get(reason.value, {"count": 0, "amount_paise": 0})
        yield (
            str(reason.label),
            f"{found['count']}",
            grouped_rupees(found["amount_paise"]),
            f"{counts['found'] + counts['missed']}",
            f"{counts['found']}",
        )


def _proof_lines(proof: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    head = ("Proof in rupees", "Opening", "+ Arrived", "- Matched", "- Written off", "= Closing")
    rows = []
    for row in proof:
        parts = [
            row[f"{part}_paise"]
            for part in ("opening", "arrived", "matched", "written_off", "closing")
        ]
        holds = parts[0] + parts[1] - parts[2] - parts[3] == parts[4]
        name = f"{Book(row['book']).label}, {Stage(row['stage']).label}"
        if not holds:
            name += ": DOES NOT HOLD"
        rows.append((name, *(grouped_rupees(paise) for paise in parts)))
    yield from _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns wide enough for their widest cell, text to the left and figures to the right."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        first, *others = row
        figures = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        yield "  ".join((f"{first:<{widths[0]}}", *figures))
