"""The day board: what came, what is matched, what is open; the lines behind it; a run again."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from channels_.models import Channel
from cspdcl.kernel.api import found_or_404
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import Transient
from people.access import has_role, roles, signed_in
from people.middleware import go_to
from people.roles import AUDITOR, FINANCE, FINANCE_OFFICER, OPERATOR, READERS
from reconciliation import actions, board, looks, selectors
from reconciliation.incoming import files
from reconciliation.matching.ledger import in_stage
from reconciliation.models import Book, Break, Decision, Entry, Kind, MatchLine, Run, Stage

BOARD_READERS: Final = (*READERS, OPERATOR)
RUN_STARTERS: Final = (FINANCE_OFFICER, OPERATOR)

PAGE_SIZE: Final = 50
APPROVALS_SHOWN: Final = 4
PATIENCE: Final = timedelta(minutes=1)  # until we say that no worker has taken the run

_SORTS: Final = {
    "amount": ("amount_paise", "id"),
    "-amount": ("-amount_paise", "-id"),
    "due": ("due_on", "id"),
    "-due": ("-due_on", "-id"),
    "": ("business_date", "id"),
}
_SHOWN: Final = ("matched", "open", "expected")


@roles(*BOARD_READERS)
@require_safe
def latest(_request: HttpRequest) -> HttpResponse:
    """The day a person wants in the morning: the latest that was proved, else yesterday."""
    known = selectors.days_with_entries(limit=1)
    day = known[0] if known else today() - timedelta(days=1)
    return redirect("reconciliation:board", day=day)


@roles(*BOARD_READERS)
@require_safe
def show(request: HttpRequest, day: date) -> HttpResponse:
    """The board of a day."""
    user = signed_in(request)
    rows = selectors.day_board(day)
    dues = files.dues_of(day)
    run = selectors.last_run(day)
    shown = board.shown_rows(rows, dues, day=day)
    proof = [_with_links(row, day) for row in board.proof_rows(day)]
    context: dict[str, Any] = {
        "day": day,
        "run": run,
        "rows": shown,
        "total": board.totals_of(rows),
        "proof": proof,
        "differs": sum(not row["proves"] for row in proof),
        "open": board.open_breaks(day),
        "dues": dues,
        "late": [due for due in dues if due.is_late],
        "arrived": sum(due.is_in for due in dues),
        "other_money": [
            {**row, "label": Kind(row["kind"]).label} for row in selectors.other_money(day)
        ],
        "trend": board.trend_of(day),
        "files_after": board.files_after(run, day),
        "is_empty": not run and not any(row.receipts_count for row in shown),
        "may_run": has_role(user, *RUN_STARTERS),
        "may_load": has_role(user, *FINANCE, AUDITOR, OPERATOR),
        "is_future": day > today(),
        "day_before": day - timedelta(days=1),
        "day_after": day + timedelta(days=1),
    }
    if has_role(user, *FINANCE, AUDITOR):
        waiting = selectors.visible_decisions(user).filter(state=Decision.State.PROPOSED)
        context |= {"waiting": waiting[:APPROVALS_SHOWN], "waiting_count": waiting.count()}
    return render(request, "reconciliation/board.html", context | _run_state(request, day))


def _with_links(row: dict[str, Any], day: date) -> dict[str, Any]:
    """A row of the proof leads to its breaks; one that differs to the day that must run again."""
    stage, _book = row["key"]
    if not row["proves"]:
        url = reverse("reconciliation:board", kwargs={"day": day - timedelta(days=1)})
    elif row["broken_count"]:
        url = f"{reverse('reconciliation:breaks')}?until={day}&stage={stage}"
    else:
        url = ""
    return {**row, "note_url": url}


# ---- run again ----


@roles(*RUN_STARTERS)
@require_http_methods(["POST"])
def start_run(request: HttpRequest, day: date) -> HttpResponse:
    """Ask the worker to reconcile the day; the board says how far it is."""
    at = int(now().timestamp())
    url = reverse("reconciliation:board", kwargs={"day": day})
    try:
        actions.ask_for_run(day, by=signed_in(request), today=today())
    except Transient:
        messages.error(request, _("The queue does not answer; the run was not started."))
        return redirect(url)
    return redirect(f"{url}?asked={at}")


@roles(*BOARD_READERS)
@require_safe
def run_state(request: HttpRequest, day: date) -> HttpResponse:
    """How far the run is that was asked for: a part of the board, asked for again and again."""
    state = _run_state(request, day)
    if state["asked"] is not None and state["finished"]:
        return go_to(request, reverse("reconciliation:board", kwargs={"day": day}))
    return render(request, "reconciliation/_run_state.html", {"day": day, **state})


def _run_state(request: HttpRequest, day: date) -> dict[str, Any]:
    """Which run works, whether the one that was asked for has ended, and whether it hangs."""
    asked = _moment(request.GET.get("asked", ""))
    latest_run = Run.objects.filter(business_date=day).order_by("-id").first()
    running = Run.objects.filter(state=Run.State.RUNNING).first()
    finished = (
        asked is not None
        and latest_run is not None
        and latest_run.state != Run.State.RUNNING
        and latest_run.started_at >= asked
    )
    return {
        "asked": asked,
        "running": running,
        "finished": finished,
        "failed": latest_run if latest_run and latest_run.state in _FAILED else None,
        "is_waiting": asked is not None and not finished,
        "nobody_came": asked is not None and not running and now() - asked > PATIENCE,
    }


_FAILED: Final = (Run.State.FAILED, Run.State.ABANDONED)


def _moment(text: str) -> datetime | None:
    """The second a run was asked for; what is no number, or not of these hours, is none."""
    if not text.isascii() or not text.isdigit() or len(text) > len("9999999999"):
        return None
    moment = datetime.fromtimestamp(int(text), tz=UTC)
    return moment if abs(now() - moment) < timedelta(hours=1) else None


# ---- the lines of a cell ----


@roles(*BOARD_READERS)
@require_safe
def lines(request: HttpRequest, day: date) -> HttpResponse:
    """The entries behind one cell: of a channel, in a stage, matched or open or expected."""
    channel = found_or_404(Channel.objects.all(), code=request.GET.get("channel", ""))
    stage = request.GET.get("stage", Stage.BANK)
    state = request.GET.get("state", "")
    if stage not in (Stage.CHANNEL, Stage.BANK, Stage.ERP) or state not in ("", *_SHOWN):
        raise Http404
    entries = _cell_entries(selectors.visible_entries(signed_in(request)), day, channel, stage)
    counted = {name: _summed(_in_state(entries, stage, name)) for name in _SHOWN}
    chosen = _in_state(entries, stage, state) if state else entries
    total = counted[state] if state else _summed(entries)
    ordered = chosen.order_by(*_SORTS.get(request.GET.get("sort", ""), _SORTS[""]))
    paginator = Paginator(ordered.select_related("channel", "file"), PAGE_SIZE)
    paginator.count = total["count"]  # counted above, with the sums
    page = paginator.get_page(request.GET.get("page"))
    context = {
        "day": day,
        "channel": channel,
        "stage": Stage(stage),
        "state": state,
        "page": page,
        "rows": _line_rows(page.object_list, stage),
        "total": total,
        "columns": _columns(),
        "tabs": _tabs(counted),
        "looks": looks.LINES,
    }
    return render(request, "reconciliation/lines.html", context)


def _columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Reference")},
        {"label": _("Their id"), "is_minor": True},
        {"label": _("UTR or slip"), "is_minor": True},
        {"label": _("Due"), "sort": "due", "is_minor": True},
        {"label": _("Amount, ₹"), "sort": "amount", "is_end": True},
        {"label": _("Fee and GST, ₹"), "is_end": True, "is_minor": True},
        {"label": _("Net, ₹"), "is_end": True, "is_minor": True},
        {"label": _("State")},
    ]


def _tabs(counted: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    """All, then each state with its count: one of them is shown."""
    every = {"state": None, "word": _("all"), "count": sum(c["count"] for c in counted.values())}
    return [
        every,
        *(
            {"state": name, "word": looks.LINES[name].word, "count": counted[name]["count"]}
            for name in _SHOWN
        ),
    ]


def _cell_entries(
    entries: QuerySet[Entry], day: date, channel: Channel, stage: str
) -> QuerySet[Entry]:
    """What the stage asks of a channel's day: see selectors.day_board."""
    of_day = entries.filter(business_date=day, channel=channel)
    if stage == Stage.CHANNEL:
        return of_day.filter(book=Book.RECEIPTS, in_channel_stage=True)
    if stage == Stage.ERP:
        return of_day.filter(in_stage(stage), book=Book.RECEIPTS)
    return of_day.filter(book__in=(Book.RECEIPTS, Book.CHANNEL), in_bank_stage=True)


def _in_state(entries: QuerySet[Entry], stage: str, state: str) -> QuerySet[Entry]:
    live = MatchLine.objects.filter(stage=stage, is_live=True).values("entry_id")
    broken = Q(break_lines__open_break__state=Break.State.OPEN) & Q(
        break_lines__open_break__stage=stage
    )
    held = Entry.objects.filter(broken).values("pk")
    if state == "matched":
        return entries.filter(pk__in=live)
    if state == "open":
        return entries.filter(pk__in=held)
    return entries.exclude(pk__in=live).exclude(pk__in=held)


def _summed(entries: QuerySet[Entry]) -> dict[str, int]:
    return entries.aggregate(
        count=Count("pk"),
        paise=Coalesce(Sum("amount_paise"), 0),
        net=Coalesce(Sum("net_paise"), 0),
        fee=Coalesce(Sum("fee_paise"), 0) + Coalesce(Sum("tax_paise"), 0),
    )


def _line_rows(entries: Iterable[Entry], stage: str) -> list[dict[str, Any]]:
    """The lines of a page, each with its state and the break that holds it, in two queries."""
    shown = list(entries)
    live = set(
        MatchLine.objects.filter(entry__in=shown, stage=stage, is_live=True).values_list(
            "entry_id", flat=True
        )
    )
    held = dict(
        Break.objects.filter(lines__entry__in=shown, stage=stage, state=Break.State.OPEN)
        .order_by("-id")
        .values_list("lines__entry_id", "public_id")
    )
    return [
        {
            "entry": entry,
            "charges_paise": entry.fee_paise + entry.tax_paise,
            "break_id": held.get(entry.pk),
            "state": "matched" if entry.pk in live else "open" if entry.pk in held else "expected",
        }
        for entry in shown
    ]
