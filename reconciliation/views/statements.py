"""Statement files: what is due, what came, what was refused and why; and each with its lines."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, Final, ParamSpec

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from channels_.models import StatementFile
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError, Malformed
from cspdcl.ui.templatetags.ui import count
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import AUDITOR, FINANCE, FINANCE_OFFICER, OPERATOR
from reconciliation import looks, selectors
from reconciliation.forms import FilesFilter, UploadForm
from reconciliation.incoming import files, statements
from reconciliation.models import Kind

FILE_READERS: Final = (*FINANCE, AUDITOR, OPERATOR)
FILE_LOADERS: Final = (FINANCE_OFFICER, OPERATOR)

PAGE_SIZE: Final = 50
_FORM_BYTES: Final = 64 * 1024  # what the fields around a file may take

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


@roles(*FILE_READERS)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """The files, the latest first, and what is due for a day."""
    return _show(request, UploadForm())


def not_too_large(view: View[P]) -> View[P]:
    """Refuse by the announced length, before a byte of the body is read.

    The check of the CSRF token reads the whole form, so it stands inside.
    """

    @csrf_exempt
    @wraps(view)
    def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if int(length) > settings.STATEMENT_BYTES_MAX + _FORM_BYTES:
            most = filesizeformat(settings.STATEMENT_BYTES_MAX)
            messages.error(request, _("The file is larger than %(most)s.") % {"most": most})
            return redirect("reconciliation:statements")
        return csrf_protect(view)(request, *args, **kwargs)

    return checked


@roles(*FILE_LOADERS)
@require_POST
def _upload(request: HttpRequest) -> HttpResponse:
    """Load a file, whole or not at all; the same content again is said kindly."""
    user = signed_in(request)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    sent = form.cleaned_data["file"]
    try:
        source = statements.source_of(form.cleaned_data["source"])
        file = statements.load(source, sent, name=sent.name, by=user)
    except statements.AlreadyLoaded as known:
        messages.info(
            request,
            _("This very file is in the books already; nothing was added, nothing is lost."),
        )
        return redirect("reconciliation:statement", sha256=known.file.sha256)
    except statements.AlreadyWaiting as known:
        messages.info(request, _("This very file waits for a second person already."))
        return redirect("reconciliation:statement", sha256=known.file.sha256)
    except (DomainError, Malformed) as refused:
        form.add_error("file", str(refused))
        return _show(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if file.state == StatementFile.State.LOADED:
        words = ngettext("%(n)s line loaded.", "%(n)s lines loaded.", file.line_count)
        messages.success(request, words % {"n": count(file.line_count)})
        _say_set_aside(request, file)
    elif file.state == StatementFile.State.WAITING:
        messages.warning(
            request, _("The file looks unlike the last ones and waits for a second person.")
        )
    else:
        messages.error(request, _("The file was refused; nothing of it is in the books."))
    return redirect("reconciliation:statement", sha256=file.sha256)


upload = not_too_large(_upload)


def _say_set_aside(request: HttpRequest, file: StatementFile) -> None:
    if file.quarantined_count:
        words = ngettext(
            "%(n)s line could not be read and was set aside.",
            "%(n)s lines could not be read and were set aside.",
            file.quarantined_count,
        )
        messages.warning(request, words % {"n": count(file.quarantined_count)})


def context_of(
    request: HttpRequest, file: StatementFile, *, tries: Sequence[StatementFile]
) -> dict[str, Any]:
    """What the page of a file tells of it: its sums, its refusals, its entries."""
    entries = files.entries_of(file)
    by_kind = list(
        entries.order_by()
        .values("kind")
        .annotate(n=Count("pk"), paise=Coalesce(Sum("net_paise"), 0))
        .order_by("-n", "kind")
    )
    paginator = Paginator(entries, PAGE_SIZE)
    paginator.count = sum(row["n"] for row in by_kind)
    return {
        "file": file,
        "tries": tries,
        "looks": looks.FILES,
        "facts": _facts(file),
        "proves": _proves(file),
        "by_kind": [{**row, "label": Kind(row["kind"]).label} for row in by_kind],
        "page": paginator.get_page(request.GET.get("page")),
        "columns": _line_columns(),
        "may_run": has_role(request.user, *FILE_LOADERS),
        "may_undo": file.state == StatementFile.State.LOADED and has_role(request.user, *FINANCE),
    }


def _show(
    request: HttpRequest, form: UploadForm, *, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    user = signed_in(request)
    filter_form = FilesFilter(request.GET)
    chosen = _narrowed(user, filter_form)
    sums = chosen.aggregate(
        count=Count("pk"), lines=Coalesce(Sum("line_count"), 0), new=Coalesce(Sum("added_count"), 0)
    )
    day = _day(filter_form)
    dues = files.dues_of(day)
    if not filter_form.is_valid() and status == HTTPStatus.OK:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    context = {
        "form": form,
        "filter_form": filter_form,
        "page": Paginator(chosen.order_by("-id"), PAGE_SIZE).get_page(request.GET.get("page")),
        "sums": sums,
        "columns": _columns(),
        "filters": _filters(),
        "looks": looks.FILES,
        "day": day,
        "dues": dues,
        "late": [due for due in dues if due.is_late],
        "arrived": sum(due.is_in for due in dues),
        "may_load": has_role(user, *FILE_LOADERS),
        "most": settings.STATEMENT_BYTES_MAX,
    }
    return render(request, "reconciliation/statements.html", context, status=status)


def _narrowed(user: User, form: FilesFilter) -> QuerySet[StatementFile]:
    chosen = files.visible_to(user)
    if not form.is_valid():
        return chosen.none()
    asked = form.cleaned_data
    if asked["day"]:
        chosen = chosen.filter(covers_from__lte=asked["day"], covers_to__gte=asked["day"])
    if asked["state"]:
        chosen = chosen.filter(state__in=asked["state"])
    if asked["source"]:
        chosen = files.of_sources(chosen, asked["source"])
    return chosen


def _day(form: FilesFilter) -> date:
    """The day whose files are looked for: the one asked for, else the latest that was proved."""
    if form.is_valid() and form.cleaned_data["day"]:
        asked: date = form.cleaned_data["day"]
        return asked
    known = selectors.days_with_entries(limit=1)
    return known[0] if known else today() - timedelta(days=1)


def _proves(file: StatementFile) -> bool | None:
    """Whether opening and entries give the closing; None where a file has no balances."""
    if file.opening_paise is None or file.closing_paise is None:
        return None
    return file.opening_paise + file.credit_paise - file.debit_paise == file.closing_paise


def _facts(file: StatementFile) -> list[dict[str, Any]]:
    who = file.loaded_by.username if file.loaded_by else _("the command")
    source = file.source
    is_loaded = file.state == StatementFile.State.LOADED
    return [
        {"label": _("Source"), "text": str(source)},
        {"label": _("Name, version"), "text": f"{file.name}, {file.version}"},
        {"label": _("Layout"), "text": file.format},
        {"label": _("Size"), "text": filesizeformat(file.size)},
        {"label": _("Loaded") if is_loaded else _("Came"), "at": file.loaded_at},
        {"label": _("By"), "text": who},
        {"label": _("First day"), "day": file.covers_from},
        {"label": _("Last day"), "day": file.covers_to},
        {"label": "SHA-256", "text": file.sha256, "is_id": True},
    ]


def _columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Source, file")},
        {"label": _("Days"), "is_minor": True},
        {"label": _("Lines"), "is_end": True, "is_minor": True},
        {"label": _("Credits, ₹"), "is_end": True},
        {"label": _("Debits, ₹"), "is_end": True, "is_minor": True},
        {"label": _("Closing, ₹"), "is_end": True, "is_minor": True},
        {"label": _("State")},
    ]


def _line_columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Line"), "is_end": True},
        {"label": _("Day"), "is_minor": True},
        {"label": _("What"), "is_minor": True},
        {"label": _("Reference")},
        {"label": _("UTR"), "is_minor": True},
        {"label": _("Narration"), "is_minor": True},
        {"label": _("Amount, ₹"), "is_end": True},
        {"label": _("Net, ₹"), "is_end": True, "is_minor": True},
    ]


def _filters() -> list[dict[str, Any]]:
    return [
        {
            "name": "source",
            "label": _("Source"),
            "choices": [{"value": code, "label": name} for code, name in files.source_choices()],
        },
        {
            "name": "state",
            "label": _("State"),
            "choices": [{"value": code, "label": look.word} for code, look in looks.FILES.items()],
        },
        {"name": "day", "label": _("Day"), "kind": "day"},
    ]
