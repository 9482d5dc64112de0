"""What persons say of a file: release or refuse one that waits, mend or dismiss single rows."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.core.validators import slug_re
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from channels_.models import StatementFile
from cspdcl.kernel.errors import DomainError, Malformed
from cspdcl.ui.templatetags.ui import count
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import FINANCE, FINANCE_APPROVER
from reconciliation import looks
from reconciliation.forms import AnswerForm, CorrectionForm, RowsForm
from reconciliation.incoming import files, statements
from reconciliation.views.statements import FILE_LOADERS, FILE_READERS, context_of, not_too_large
from sources import quarantine, strange
from sources.models import Doubt, QuarantinedRow
from sources.selectors import doubts_visible_to, quarantine_visible_to

ROWS_SHOWN: Final = 200
_WAITING_STATES: Final = (QuarantinedRow.State.OPEN, QuarantinedRow.State.PROPOSED)


@roles(*FILE_READERS)
@require_safe
def story(request: HttpRequest, sha256: str) -> HttpResponse:
    """One file by its content: the loaded one, else what came last."""
    tries = list(files.visible_to(signed_in(request)).filter(sha256=sha256).order_by("-id"))
    if not tries:
        raise Http404
    loaded = (one for one in tries if one.state == StatementFile.State.LOADED)
    return show(request, next(loaded, tries[0]))


@roles(FINANCE_APPROVER)
@require_POST
def answer(request: HttpRequest, sha256: str) -> HttpResponse:
    """Release a file that waits, to be loaded as it was, or refuse it."""
    user = signed_in(request)
    file = _file(request, sha256, state=StatementFile.State.WAITING)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return show(request, file, answer_form=form)
    verdict, words = form.cleaned_data["verdict"], form.cleaned_data["answer"]
    try:
        if verdict == "reject":
            statements.refuse(file, checker=user, answer=words)
            messages.success(request, _("The file was refused; nothing of it is in the books."))
            return _back(file)
        done = statements.release(file, checker=user, answer=words)
    except DomainError as refused:
        form.add_error("answer", str(refused))
        return show(request, file, answer_form=form)
    if done.state == StatementFile.State.LOADED:
        messages.success(request, _("The file was released and is in the books."))
    else:
        messages.error(request, _("It was released, but cannot be loaded any more."))
    return _back(file)


@roles(*FINANCE)
@require_POST
def propose(request: HttpRequest, sha256: str) -> HttpResponse:
    """Propose that rows which were set aside are not needed."""
    user = signed_in(request)

    def act(file: StatementFile, asked: dict[str, Any]) -> int:
        return quarantine.propose_dismissal(file, asked["row"], reason=asked["words"], maker=user)

    return _move_rows(request, sha256, act, said=_("A second person decides about %(n)s."))


@roles(FINANCE_APPROVER)
@require_POST
def decide(request: HttpRequest, sha256: str) -> HttpResponse:
    """Dismiss the rows that another person proposed, or set them back."""
    user = signed_in(request)
    approves = request.POST.get("verdict") == "approve"

    def act(file: StatementFile, asked: dict[str, Any]) -> int:
        return quarantine.answer_dismissal(
            file, asked["row"], approves=approves, answer=asked["words"], checker=user
        )

    said = _("%(n)s dismissed.") if approves else _("%(n)s set back.")
    return _move_rows(request, sha256, act, said=said)


def _move_rows(
    request: HttpRequest,
    sha256: str,
    act: Callable[[StatementFile, dict[str, Any]], int],
    *,
    said: str,
) -> HttpResponse:
    file = _file(request, sha256, state=StatementFile.State.LOADED)
    rows = quarantine_visible_to(request.user).filter(file=file)
    positions = list(rows.values_list("position", flat=True))
    form = RowsForm(request.POST, positions=positions)
    if not form.is_valid():
        return show(request, file, rows_form=form)
    try:
        moved = act(file, form.cleaned_data)
    except DomainError as refused:
        form.add_error("words", str(refused))
        return show(request, file, rows_form=form)
    words = ngettext("%(n)s row", "%(n)s rows", moved) % {"n": count(moved)}
    messages.success(request, said % {"n": words})
    return _back(file)


@roles(*FILE_LOADERS)
@require_POST
def _correct(request: HttpRequest, sha256: str) -> HttpResponse:
    """Load a corrected file: it brings the rows that were set aside, and nothing else."""
    user = signed_in(request)
    file = _file(request, sha256, state=StatementFile.State.LOADED)
    form = CorrectionForm(request.POST, request.FILES)
    if not form.is_valid():
        return show(request, file, correction_form=form)
    sent = form.cleaned_data["file"]
    try:
        done = statements.load(
            statements.source_of_file(file), sent, name=sent.name, by=user, corrects=file
        )
    except (DomainError, Malformed) as refused:
        form.add_error("file", str(refused))
        return show(request, file, correction_form=form)
    if done.state == StatementFile.State.REFUSED:
        form.add_error("file", done.problem)
        return show(request, file, correction_form=form)
    messages.success(request, _("The rows that were set aside are in the books."))
    return _back(file)


correct = not_too_large(_correct)


def show(
    request: HttpRequest,
    file: StatementFile,
    *,
    answer_form: AnswerForm | None = None,
    rows_form: RowsForm | None = None,
    correction_form: CorrectionForm | None = None,
) -> HttpResponse:
    """The page of a file; with a form that was refused, as it was typed."""
    user = signed_in(request)
    tries = list(files.visible_to(user).filter(sha256=file.sha256).order_by("-id"))
    context = {
        **context_of(request, file, tries=[one for one in tries if one != file]),
        **_waits(user, file, answer_form),
        **_quarantine(user, file, rows_form, correction_form),
    }
    refused = any(one is not None for one in (answer_form, rows_form, correction_form))
    status = HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK
    return render(request, "reconciliation/statement.html", context, status=status)


def _waits(user: User, file: StatementFile, form: AnswerForm | None) -> dict[str, Any]:
    doubt = doubts_visible_to(user).filter(file=file).first()
    if doubt is None:
        return {}
    waits = doubt.state == Doubt.State.WAITING
    return {
        "doubt": doubt,
        "doubt_reasons": strange.in_words(doubt.reasons),
        "answer_form": form or AnswerForm(),
        "may_answer": waits and has_role(user, FINANCE_APPROVER) and doubt.maker != user,
        "is_mine": waits and doubt.maker == user,
    }


def _quarantine(
    user: User,
    file: StatementFile,
    rows_form: RowsForm | None,
    correction_form: CorrectionForm | None,
) -> dict[str, Any]:
    if not file.quarantined_count:
        return {}
    visible = quarantine_visible_to(user).filter(file=file)
    rows = list(visible.select_related("maker", "checker", "mended_by").order_by("position"))
    waiting = [row for row in rows if row.state in _WAITING_STATES]
    settled = [row for row in rows if row.state not in _WAITING_STATES]
    proposed = [row for row in waiting if row.state == QuarantinedRow.State.PROPOSED]
    positions = [row.position for row in rows]
    form = rows_form or RowsForm(positions=positions)
    may_decide = has_role(user, FINANCE_APPROVER) and any(row.maker != user for row in proposed)
    form.fields["words"].required = not may_decide  # to agree needs no words, all else does
    return {
        "aside": [*waiting, *settled][:ROWS_SHOWN],
        "aside_count": len(rows),
        "aside_waiting": len(waiting),
        "aside_columns": _row_columns(),
        "aside_looks": looks.QUARANTINE,
        "aside_chosen": set(rows_form.chosen) if rows_form else set(),
        "rows_form": form,
        "correction_form": correction_form or CorrectionForm(),
        "may_propose": has_role(user, *FINANCE) and len(proposed) < len(waiting),
        "may_decide": may_decide,
        "may_correct": has_role(user, *FILE_LOADERS) and bool(waiting),
    }


def _row_columns() -> list[dict[str, Any]]:
    return [
        {"label": ""},
        {"label": _("Line"), "is_end": True},
        {"label": _("Row and why")},
        {"label": _("Amount, ₹"), "is_end": True, "is_minor": True},
        {"label": _("State")},
    ]


def _file(request: HttpRequest, sha256: str, *, state: StatementFile.State) -> StatementFile:
    """The file of this content in that state; the same bytes may be of two sources."""
    rows = files.visible_to(signed_in(request)).filter(sha256=sha256, state=state)
    if source := request.POST.get("source"):
        if not slug_re.fullmatch(source):
            raise Http404
        rows = files.of_sources(rows, [source])
    found = rows.order_by("-id").first()
    if found is None:
        raise Http404
    return found


def _back(file: StatementFile) -> HttpResponse:
    return redirect("reconciliation:statement", sha256=file.sha256)
