"""The day board put together: what each cell says, whether each book proves, what is open."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from django.db.models import Count, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from channels_.models import Channel, LedgerSystem, StatementFile
from cspdcl.kernel.clock import now, today
from cspdcl.ui.templatetags.ui import age, count
from reconciliation import selectors
from reconciliation.incoming.files import Due
from reconciliation.looks import PROOFS, WAITS
from reconciliation.models import Break, Expected, Proof, RollForward, Run, Stage
from reconciliation.selectors import BoardRow, Cell

OLD_DAYS: Final = 3  # a break of this age is coloured as wrong, a younger one as to be looked at
TREND_DAYS: Final = 14


# ---- cells ----


@dataclass(frozen=True, slots=True)
class ShownCell:
    """One cell of channel and book in words; ``state`` names the lines behind it."""

    tone: str
    paise: int | None
    text: str
    note: str
    icon: str
    share: str
    state: str


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One channel of the board."""

    channel: Channel
    how: str
    receipts_count: int
    receipts_paise: int
    by_channel: ShownCell | None
    by_bank: ShownCell
    by_erp: ShownCell | None


def shown_rows(rows: Iterable[BoardRow], dues: Sequence[Due], *, day: date) -> list[ShownRow]:
    """The channels in words; one that is switched off and took nothing is left out."""
    by_source = {due.source.code: due for due in dues}
    export = next((due for due in dues if isinstance(due.source, LedgerSystem)), None)
    as_of = today()
    shown = []
    for row in rows:
        channel = row.channel
        if not channel.is_live and not row.receipts_count and not row.by_bank.arrived_count:
            continue
        report = by_source.get(channel.code)
        account = by_source.get(channel.bank_account.code) if channel.bank_account else None
        shown.append(
            ShownRow(
                channel=channel,
                how=_how(channel),
                receipts_count=row.receipts_count,
                receipts_paise=row.receipts_paise,
                by_channel=shown_cell(row.by_channel, day=day, due=report, as_of=as_of)
                if row.by_channel
                else None,
                by_bank=shown_cell(row.by_bank, day=day, due=account, as_of=as_of),
                by_erp=shown_cell(row.by_erp, day=day, due=export, as_of=as_of)
                if row.by_erp
                else None,
            )
        )
    return shown


def shown_cell(cell: Cell, *, day: date, due: Due | None, as_of: date) -> ShownCell:
    """How a cell reads: what is late before what is broken, waiting before done."""
    if due is not None and due.is_late and not cell.matched_count:
        note = _("file %(age)s late") % {"age": lateness_of(due)}
        return ShownCell("late", None, _("none"), note, "clock-exclamation", "", "expected")
    if cell.open_count:
        return _open_cell(cell, days=max((as_of - (cell.oldest or day)).days, 0))
    if not cell.arrived_count:
        return ShownCell("", None, _("nothing"), "", "", "", "matched")
    if cell.matched_count >= cell.arrived_count:
        return ShownCell("ok", cell.matched_paise, "", _("all matched"), "check", "", "matched")
    left = count(cell.expected_count or cell.arrived_count - cell.matched_count)
    note = _("%(count)s wait") if cell.expected_count else _("%(count)s not looked at yet")
    return _waiting_cell(cell, note % {"count": left})


def _open_cell(cell: Cell, *, days: int) -> ShownCell:
    note = _("%(count)s open, %(age)s") % {"count": count(cell.open_count), "age": age(days)}
    tone = "bad" if days >= OLD_DAYS else "open"
    return ShownCell(tone, cell.matched_paise, "", note, "alert-triangle", _share(cell), "open")


def _waiting_cell(cell: Cell, note: str) -> ShownCell:
    if not cell.matched_count:
        return ShownCell("wait", None, _("not yet"), note, "hourglass", "", "expected")
    return ShownCell("wait", cell.matched_paise, "", note, "hourglass", _share(cell), "expected")


def lateness_of(due: Due) -> str:
    """How long a file has been waited for, in words."""
    return age(now() - due.due_at) if due.due_at else ""


def _share(cell: Cell) -> str:
    """Matched of arrived in per cent, cut and not rounded, so that 100 % means all."""
    if cell.arrived_paise <= 0 or not 0 <= cell.matched_paise <= cell.arrived_paise:
        return ""
    hundredths = cell.matched_paise * 10_000 // cell.arrived_paise
    return f"{hundredths // 100}.{hundredths % 100:02d} %"


def _how(channel: Channel) -> str:
    if channel.route == Channel.Route.DEPOSIT:
        return _("drawer, then deposit")
    if channel.route == Channel.Route.TRANSFER:
        return _("straight into the account")
    if not channel.settlement_days:
        return _("settles the same day")
    words = ngettext(
        "settles after %(n)s working day",
        "settles after %(n)s working days",
        channel.settlement_days,
    )
    return words % {"n": channel.settlement_days}


def totals_of(rows: Sequence[BoardRow]) -> dict[str, Any]:
    """The last row of the grid: all channels."""
    return {
        "count": sum(row.receipts_count for row in rows),
        "paise": sum(row.receipts_paise for row in rows),
        "by_channel": _total(row.by_channel for row in rows),
        "by_bank": _total(row.by_bank for row in rows),
        "by_erp": _total(row.by_erp for row in rows) if any(row.by_erp for row in rows) else None,
    }


def _total(cells: Iterable[Cell | None]) -> dict[str, Any]:
    total = Cell()
    for cell in cells:
        if cell is not None:
            total.arrived_paise += cell.arrived_paise
            total.matched_paise += cell.matched_paise
            total.open_count += cell.open_count
    note = _("%(count)s open") % {"count": count(total.open_count)}
    return {"paise": total.matched_paise, "note": note, "share": _share(total)}


# ---- the proof ----


def proof_rows(day: date) -> list[dict[str, Any]]:
    """The roll-forward of each book as components/proof.html reads it.

    The database has held opening + arrived - matched - written off = closing, and the closing
    against what is open. What remains to be asked is whether a day opens as the last one closed.
    """
    proofs = {(proof.stage, proof.book): proof for proof in selectors.proofs_of(day)}
    before = {
        (proof.stage, proof.book): proof for proof in selectors.proofs_of(day - timedelta(days=1))
    }
    waits = _waits_of(next(iter(proofs.values())).run_id) if proofs else {}
    return [
        _proof_row(key, proofs[key], before.get(key), waits.get(key, {}))
        for key in PROOFS
        if key in proofs
    ]


def proof_rows_of(run: Run) -> list[dict[str, Any]]:
    """The roll-forward as one run left it; the day before is not asked."""
    proofs = {(proof.stage, proof.book): proof for proof in run.proofs.all()}
    waits = _waits_of(run.pk)
    return [
        _proof_row(key, proofs[key], None, waits.get(key, {})) for key in PROOFS if key in proofs
    ]


def source_rows_of(run: Run) -> list[dict[str, Any]]:
    """The same by who said it, in the order of a rupee; the database held each of them."""
    proofs = run.source_proofs.select_related("channel", "bank_account").order_by(
        "channel__position", "channel__code", "bank_account__code"
    )
    order = {key: place for place, key in enumerate(PROOFS)}
    return [
        {
            **_rolled(one),
            "label": f"{PROOFS[one.stage, one.book]}: {source}"
            if (source := one.channel or one.bank_account)
            else PROOFS[one.stage, one.book],
            "proves": True,
            "note": "",
        }
        for one in sorted(proofs, key=lambda one: order[one.stage, one.book])
    ]


def _rolled(proof: RollForward) -> dict[str, dict[str, int]]:
    return {
        name: {
            "count": getattr(proof, f"{name}_count"),
            "paise": getattr(proof, f"{name}_paise"),
        }
        for name in ("opening", "arrived", "matched", "written_off", "closing")
    }


def _proof_row(
    key: tuple[str, str], proof: Proof, before: Proof | None, waits: Mapping[str, int]
) -> dict[str, Any]:
    opened = (proof.opening_count, proof.opening_paise)
    closed = (before.closing_count, before.closing_paise) if before else opened
    return {
        **_rolled(proof),
        "key": key,
        "label": PROOFS[key],
        "proves": opened == closed,
        "difference_paise": proof.opening_paise - closed[1],
        "broken_count": proof.broken_count,
        "note": _closing_words(proof, waits)
        if opened == closed
        else _("the day before closed with %(count)s; run it again") % {"count": count(closed[0])},
    }


def _waits_of(run_id: int) -> dict[tuple[str, str], dict[str, int]]:
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    rows = (
        Expected.objects.filter(run_id=run_id)
        .values("stage", "book", "why")
        .annotate(n=Sum("count"))
        .order_by("stage", "book", "why")
    )
    for row in rows:
        found[row["stage"], row["book"]][row["why"]] = row["n"]
    return found


def _closing_words(proof: Proof, waits: Mapping[str, int]) -> str:
    """What the closing consists of: breaks, what is expected, what a later day matched."""
    parts = []
    if proof.broken_count:
        parts.append(_("%(count)s in breaks") % {"count": count(proof.broken_count)})
    parts += [f"{count(n)} {WAITS.get(why, why)}" for why, n in waits.items() if n]
    if proof.later_count:
        parts.append(_("%(count)s matched later") % {"count": count(proof.later_count)})
    return ", ".join(parts) or _("nothing is open")


def files_after(run: Run | None, day: date) -> int:
    """How many files that speak of the day were loaded after its last run began."""
    if run is None:
        return 0
    return StatementFile.objects.filter(
        state=StatementFile.State.LOADED,
        loaded_at__gt=run.started_at,
        covers_from__lte=day,
        covers_to__gte=day,
    ).count()


# ---- open breaks by day ----


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the small chart, in the units of its drawing."""

    day: date
    count: int
    x: int
    y: int
    height: int
    is_today: bool

    @property
    def label_x(self) -> int:
        """The middle of the bar, kept inside the drawing."""
        return min(max(self.x + 7, 12), 240)

    @property
    def label_y(self) -> int:
        """Above the bar."""
        return self.y - 3


@dataclass(frozen=True, slots=True)
class Trend:
    """Open breaks by the day they belong to, the last days up to one."""

    bars: list[Bar]
    highest: Bar | None

    @property
    def total(self) -> int:
        """How many are open."""
        return sum(bar.count for bar in self.bars)


_WIDTH: Final = 18  # of a bar with its gap; the drawing is 252 wide and 64 high
_HEIGHT: Final = 36
_GROUND: Final = 50


def trend_of(day: date) -> Trend:
    """The open breaks of each of the last days."""
    first = day - timedelta(days=TREND_DAYS - 1)
    found = dict(
        Break.objects.filter(state=Break.State.OPEN, business_date__range=(first, day))
        .order_by()
        .values_list("business_date")
        .annotate(n=Count("pk"))
    )
    most = max(found.values(), default=0)
    bars = [
        _bar(at, first + timedelta(days=at), found, most=most, last=day) for at in range(TREND_DAYS)
    ]
    highest = max(bars, key=lambda bar: bar.count) if most else None
    return Trend(bars=bars, highest=highest)


def _bar(at: int, day: date, found: Mapping[date, int], *, most: int, last: date) -> Bar:
    number = found.get(day, 0)
    height = max(number * _HEIGHT // most, 1) if number else 0
    return Bar(day, number, at * _WIDTH + 2, _GROUND - height, height, is_today=day == last)


def open_breaks(day: date) -> dict[str, Any]:
    """Count, sum and oldest day of the breaks open up to a day, and how many stages they hold."""
    rows = list(
        Break.objects.filter(state=Break.State.OPEN, business_date__lte=day)
        .order_by()
        .values("stage", "business_date")
        .annotate(n=Count("pk"), paise=Sum("amount_paise"))
    )
    return {
        "count": sum(row["n"] for row in rows),
        "paise": sum(row["paise"] for row in rows),
        "oldest": min((row["business_date"] for row in rows), default=None),
        "stages": sorted({Stage(row["stage"]) for row in rows}),
    }
