"""The figures of the demo's day: as data for summary.json, and as a table for a finance officer."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from cspdcl.kernel.money import grouped_rupees
from reconciliation import selectors
from reconciliation.models import Reason
from simulator.compare import Comparison, compare


def summary_of(day: date, truth: Mapping[str, Any]) -> dict[str, Any]:
    """What the house knows of the day, beside what was planted."""
    breaks = [
        selectors.break_as_data(one, as_of=day)
        for one in selectors.with_lines(selectors.breaks_open_on(day))
    ]
    comparison = compare(truth, breaks)
    return {
        "date": day.isoformat(),
        "seed": truth["seed"],
        "payments": truth["payments"],
        "channels": [_channel(row, truth, breaks) for row in selectors.day_board(day)],
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
        "wrong": _wrong(comparison),
    }


def _channel(
    row: selectors.BoardRow, truth: Mapping[str, Any], breaks: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    code = row.channel.code
    mine = [one for one in breaks if one["channel"] == code]
    sent = truth["by_channel"].get(code, {"payments": 0, "amount_paise": 0})
    proved = row.by_channel or row.by_bank
    return {
        "channel": code,
        "name": row.channel.name,
        "sent": sent["payments"],
        "sent_paise": sent["amount_paise"],
        "arrived": row.receipts_count,
        "arrived_paise": row.receipts_paise,
        "matched": proved.matched_count,
        "expected": proved.expected_count,
        "breaks": len(mine),
        "breaks_by_reason": _by_reason(mine),
        "money_open_paise": sum(one["amount_paise"] for one in mine),
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
    head = ("Channel", "Payments", "Amount", "Matched", "Not due yet", "Breaks", "Money open")
    rows = [
        (
            one["name"],
            f"{one['arrived']:,}",
            grouped_rupees(one["arrived_paise"]),
            f"{one['matched']:,}",
            f"{one['expected']:,}",
            f"{one['breaks']:,}",
            grouped_rupees(one["money_open_paise"]),
        )
        for one in summary["channels"]
    ]
    yield from _table(head, rows)
    yield ""
    yield from _table(
        ("Breaks by reason", "Count", "Amount", "Planted", "Found", "Missed", "False"),
        list(_reason_rows(summary)),
    )
    yield ""
    yield from _proof_lines(summary["proof"])
    yield ""
    planted = summary["planted"]
    yield (
        f"Planted {planted['planted']}: found {planted['found']}, missed {planted['missed']},"
        f" false {planted['false']}."
    )
    yield from (f"  {line}" for line in summary["wrong"])


def _reason_rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for reason in Reason:
        found = summary["breaks"].get(reason.value, {"count": 0, "amount_paise": 0})
        judged = summary["planted"]["by_reason"].get(reason.value)
        if judged is None:
            continue
        yield (
            str(reason.label),
            f"{found['count']}",
            grouped_rupees(found["amount_paise"]),
            f"{judged['found'] + judged['missed']}",
            f"{judged['found']}",
            f"{judged['missed']}",
            f"{judged['false']}",
        )


def _proof_lines(proof: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    head = ("Proof, in rupees", "Opening", "+ Arrived", "- Matched", "- Written off", "= Closing")
    rows = []
    for row in proof:
        parts = [
            row[f"{part}_paise"]
            for part in ("opening", "arrived", "matched", "written_off", "closing")
        ]
        holds = parts[0] + parts[1] - parts[2] - parts[3] == parts[4]
        name = f"{row['book']} ({row['stage']}){'' if holds else ' DOES NOT HOLD'}"
        rows.append((name, *(grouped_rupees(paise) for paise in parts)))
    yield from _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns wide enough for their widest cell, text to the left and figures to the right."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        first, *others = row
        figures = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        yield "  ".join((f"{first:<{widths[0]}}", *figures))
