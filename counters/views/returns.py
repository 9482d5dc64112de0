"""Files of returned cheques: handed in, looked at, released, and what a person has to settle."""

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.contrib import messages as notes
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from channels_.models import BankAccount
from counters import paper_looks, registers, returning, tasks
from counters.models import ReturnFile, ReturnLine
from counters.paper.returns import return_code
from counters.paper_forms import LineForm, ReturnFileForm
from counters.selectors import instruments_visible_to
from cspdcl.kernel.errors import DomainError
from people.access import has_role, roles, signed_in
from people.roles import FINANCE, READERS, SUPERVISOR

READ: Final = (SUPERVISOR, *READERS)
ACT: Final = (SUPERVISOR, *FINANCE)
PAGE_SIZE: Final = 50


@roles(*READ)
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The files, the latest first; and the form that hands one in."""
    user = signed_in(request)
    may_act = has_role(user, *ACT)
    form = ReturnFileForm()
    if request.method == "POST" and may_act:
        form = ReturnFileForm(request.POST, request.FILES)
        if form.is_valid() and (file := _hand_in(request, form)) is not None:
            return redirect("counters:return_file", file.public_id)
    rows = (
        registers.return_files_visible_to(user)
        .select_related("bank_account", "by", "released_by")
        .annotate(
            applied=Count("lines", filter=Q(lines__state=ReturnLine.State.APPLIED)),
            person=Count("lines", filter=Q(lines__state=ReturnLine.State.PERSON)),
        )
        .order_by("-pk")
    )
    context = {
        "form": form,
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
        "may_act": may_act,
        "columns": [
            {"label": _("File")},
            {"label": _("Bank account"), "is_minor": True},
            {"label": _("Handed in"), "is_minor": True},
            {"label": _("Lines"), "is_end": True},
            {"label": _("For a person"), "is_end": True},
            {"label": _("Amount, ₹"), "is_end": True},
        ],
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "counters/return_files.html", context, status=status)


def _hand_in(request: HttpRequest, form: ReturnFileForm) -> ReturnFile | None:
    """Keep the file; one that we have leads to its page, one that cannot be read says why."""
    sent = form.cleaned_data["file"]
    account = BankAccount.objects.get(code=form.cleaned_data["account"])
    if sent.size > returning.FILE_MAX:
        form.add_error("file", _("The file is too large."))
        return None
    try:
        return returning.keep_file(account, sent.read(), name=sent.name, by=signed_in(request))
    except returning.KnownFile as known:
        notes.info(request, str(known))
        return known.file
    except DomainError as refused:
        form.add_error("file", str(refused))
        return None


@roles(*READ)
@require_safe
def file(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One file: before its release the preview, afterwards what became of each line."""
    return _page(request, public_id)


@roles(*ACT)
@require_POST
def release(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Let the lines be applied; the worker does it, the timetable if the worker forgets."""
    user = signed_in(request)
    found = get_object_or_404(registers.return_files_visible_to(user), public_id=public_id)
    try:
        returning.release(found.pk, by=user)
    except DomainError as refused:
        notes.error(request, str(refused))
    else:
        tasks.apply_returns.delay()
        notes.success(request, _("The lines are being applied; look again in a moment."))
    return redirect("counters:return_file", public_id)


@roles(*ACT)
@require_POST
def settle(request: HttpRequest, public_id: UUID, line: int) -> HttpResponse:
    """A person settles one line: by the paper it means, or by leaving it with a reason."""
    user = signed_in(request)
    rows = registers.return_lines_visible_to(user).filter(file__public_id=public_id)
    found = get_object_or_404(rows, line=line)
    form = LineForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            if said["paper"]:
                papers = instruments_visible_to(user)
                paper = get_object_or_404(papers, public_id=said["paper"])
                returning.settle_line(found.pk, paper=paper, by=user)
            else:
                returning.dismiss_line(found.pk, by=user, reason=said["reason"])
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            notes.success(request, _("Line %(line)s is settled.") % {"line": line})
            return redirect("counters:return_file", public_id)
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return _page(request, public_id, wrong=(line, form), status=status)


def _page(
    request: HttpRequest,
    public_id: UUID,
    *,
    wrong: tuple[int, LineForm] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    user = signed_in(request)
    rows = registers.return_files_visible_to(user).select_related(
        "bank_account", "by", "released_by"
    )
    found = get_object_or_404(rows, public_id=public_id)
    lines = registers.return_lines_visible_to(user).filter(file=found)
    chosen = [code for code in request.GET.getlist("state") if code in ReturnLine.State.values]
    shown = lines.filter(state__in=chosen) if chosen else lines
    if wrong is not None:
        shown = lines.filter(line=wrong[0])  # wherever the list was: it is seen
    page = Paginator(
        shown.select_related("instrument__office", "file__bank_account").order_by("line"),
        PAGE_SIZE,
    ).get_page(request.GET.get("page"))
    context = {
        "file": found,
        "page": page,
        "rows": _rows(found, list(page.object_list), wrong=wrong),
        "sums": _sums(lines),
        "is_mine": has_role(user, *ACT),
        "may_release": has_role(user, *ACT) and found.released_at is None,
        "looks": paper_looks.LINES,
        "papers": paper_looks.PAPERS,
        "filters": [
            {
                "name": "state",
                "label": _("Line"),
                "choices": [
                    {"value": code, "label": look.word} for code, look in paper_looks.LINES.items()
                ],
            }
        ],
        "columns": [
            {"label": _("Line"), "is_end": True, "is_minor": True},
            {"label": _("Cheque")},
            {"label": _("Reason"), "is_minor": True},
            {"label": _("Paper of ours")},
            {"label": _("State")},
            {"label": _("Amount, ₹"), "is_end": True},
        ],
    }
    return render(request, "counters/return_file.html", context, status=status)


def _sums(lines: Any) -> list[dict[str, Any]]:
    counted = {row["state"]: row["n"] for row in lines.values("state").annotate(n=Count("pk"))}
    clear = lines.filter(state=ReturnLine.State.DUE, instrument__isnull=False).count()
    unclear = counted.get(ReturnLine.State.DUE, 0) - clear
    return [
        *([{"label": _("found"), "count": clear, "tone": "wait"}] if clear else []),
        *([{"label": _("unclear"), "count": unclear, "tone": "open"}] if unclear else []),
        *(
            {"label": look.word, "count": counted.get(code, 0), "tone": look.tone}
            for code, look in paper_looks.LINES.items()
            if code != ReturnLine.State.DUE and counted.get(code)
        ),
    ]


def _rows(
    found: ReturnFile, lines: list[ReturnLine], *, wrong: tuple[int, LineForm] | None
) -> list[dict[str, Any]]:
    """Lines with the papers they may mean; only what is open asks for candidates."""
    open_ = [line for line in lines if _is_open(line)]
    fits = dict(
        zip(
            [line.pk for line in open_],
            returning.candidates(open_, account=found.bank_account),
            strict=True,
        )
    )
    return [
        {
            "line": line,
            "why": return_code(line.return_code),
            "words": "" if line.return_words == line.return_code else line.return_words,
            "fits": fits.get(line.pk, []),
            "is_open": line.state == ReturnLine.State.PERSON,
            "form": wrong[1] if wrong and wrong[0] == line.line else LineForm(auto_id=False),
        }
        for line in lines
    ]


def _is_open(line: ReturnLine) -> bool:
    return line.instrument_id is None and line.state in (
        ReturnLine.State.DUE,
        ReturnLine.State.PERSON,
    )
