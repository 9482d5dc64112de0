"""Reports on the screen, and the same figures as PDF, Excel and CSV."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from http import HTTPStatus
from typing import Any, ClassVar, Final

from django.core.paginator import Paginator
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    QueryDict,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_safe

from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from cspdcl.ui.templatetags.ui import count
from people.access import roles, signed_in
from people.roles import ADMINISTRATOR, READERS, SUPERVISOR
from reports import charts
from reports.catalogue.day import latest_day
from reports.contract import (
    Ask,
    Column,
    Document,
    Kind,
    QueryRows,
    Report,
    Row,
    Section,
    Value,
)
from reports.forms import DayForm
from reports.registry import reports_of
from reports.render import csv, pdf, xlsx
from reports.render.words import below, shown

PAGE_SIZE: Final = 50
EXCEL_ROWS_MAX: Final = 250_000  # what a browser should wait for; CSV streams without end
_EXCEL_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

View = Callable[[HttpRequest], HttpResponseBase]


class TooLong(DomainError):
    """The list is too long for the kind of file that was asked for."""

    code: ClassVar[str] = "too_long"


@roles(*READERS, ADMINISTRATOR, SUPERVISOR)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The reports of the user, each with the form that it wants."""
    day = latest_day()
    shelf = [
        {
            "report": report,
            "url": reverse(f"reports:{report.code}"),
            "form": report.form(
                initial={"day": _starts(report)},
                auto_id=f"{report.code}_%s",
                reader=signed_in(request),
            ),
        }
        for report in reports_of(request.user)
    ]
    return render(request, "reports/index.html", {"shelf": shelf, "day": day})


def page_of(report: Report) -> View:
    """The view that shows a report; without a day in its address it shows the latest."""

    @roles(*report.roles)
    @require_safe
    def page(request: HttpRequest) -> HttpResponseBase:
        asked = request.GET if "day" in request.GET else _latest(report, request.GET)
        form = report.form(asked, reader=signed_in(request))
        context: dict[str, Any] = {"report": report, "form": form}
        if not form.is_valid():
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            return render(request, "reports/report.html", context, status=status)
        document = report.build(_ask(form, request))
        context |= {
            "document": document,
            "tables": _tables(document, request),
            "charts": [_drawn(chart) for chart in document.charts if chart.bars],
            "downloads": _downloads(report, document, asked),
        }
        return render(request, "reports/report.html", context)

    return page


def file_of(report: Report) -> Callable[[HttpRequest, str], HttpResponseBase]:
    """The view that gives a report as ``pdf``, ``xlsx`` or ``csv``."""

    @roles(*report.roles)
    @require_safe
    def file(request: HttpRequest, kind: str) -> HttpResponseBase:
        form = report.form(request.GET, reader=signed_in(request))
        if not form.is_valid():
            raise Http404
        ask = _ask(form, request)
        return _FILES[kind](report, ask, request.GET)

    return file


def _ask(form: DayForm, request: HttpRequest) -> Ask:
    given: dict[str, Any] = form.cleaned_data
    more = {name: value for name, value in given.items() if name != "day" and value}
    return Ask(day=given["day"], user=signed_in(request), more=more)


# ---- files ----


def _pdf(report: Report, ask: Ask, _asked: QueryDict) -> HttpResponseBase:
    content = pdf.write(report.build(ask))
    return HttpResponse(content, content_type="application/pdf", headers=_named(report, ask, "pdf"))


def _xlsx(report: Report, ask: Ask, _asked: QueryDict) -> HttpResponseBase:
    document = report.build(ask)
    longest = max(len(section.rows) for section in document.sections)
    if longest > EXCEL_ROWS_MAX:
        raise TooLong(
            _("%(rows)s rows are too many for one Excel file here; narrow the report or take CSV.")
            % {"rows": count(longest)}
        )
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it when it is sent
    xlsx.write(document, file)
    file.seek(0)
    return FileResponse(file, content_type=_EXCEL_TYPE, headers=_named(report, ask, "xlsx"))


def _csv(report: Report, ask: Ask, asked: QueryDict) -> HttpResponseBase:
    """One section, always in English: programs know its columns by their names."""
    with override("en"):
        document = report.build(ask)
    wanted = asked.get("section", document.sections[0].code)
    section = next((one for one in document.sections if one.code == wanted), None)
    if section is None:
        raise Http404
    named = _named(report, ask, "csv", part="" if section is document.sections[0] else wanted)
    return StreamingHttpResponse(
        _in_english(section), content_type="text/csv; charset=utf-8", headers=named
    )


def _in_english(section: Section) -> Iterator[str]:
    with override("en"):
        yield from csv.lines(section)


_FILES: Final[Mapping[str, Callable[[Report, Ask, QueryDict], HttpResponseBase]]] = {
    "pdf": _pdf,
    "xlsx": _xlsx,
    "csv": _csv,
}
FILE_KINDS: Final = tuple(_FILES)


def _named(report: Report, ask: Ask, kind: str, *, part: str = "") -> dict[str, str]:
    last = ask.more.get("until") or ask.day
    days = ask.day.isoformat() + (f"-to-{last.isoformat()}" if last != ask.day else "")
    stem = "-".join(word for word in (report.code, part, days) if word)
    return {"Content-Disposition": f'attachment; filename="{stem}.{kind}"'}


# ---- the page ----


def _latest(report: Report, given: QueryDict) -> QueryDict:
    asked = given.copy()
    asked["day"] = _starts(report).isoformat()
    return asked


def _starts(report: Report) -> date:
    return today() if report.is_of_today else latest_day()


def _tables(document: Document, request: HttpRequest) -> list[dict[str, Any]]:
    shown_here = [one for one in document.sections if not one.in_files_only]
    return [_table(one, request, is_only=len(shown_here) == 1) for one in shown_here]


def _table(section: Section, request: HttpRequest, *, is_only: bool) -> dict[str, Any]:
    """A section for the screen: by page when it is the only one or a long list, else whole."""
    is_long = is_only or isinstance(section.rows, QueryRows)
    page = Paginator(section.rows, PAGE_SIZE).get_page(request.GET.get("page")) if is_long else None
    rows = page.object_list if page else section.rows[:]
    return {
        "section": section,
        "page": page,
        "columns": [
            {"label": column.heading, "is_end": column.is_end, "is_minor": column.is_minor}
            for column in section.columns
            if not column.in_files_only
        ],
        "rows": [_cells(section.columns, row) for row in rows],
        "foot": [
            _cell(column, value)
            for column, value in zip(section.columns, section.totals, strict=True)
            if not column.in_files_only
        ]
        if section.totals
        else None,
    }


def _cells(columns: Any, row: Row) -> dict[str, Any]:
    cells = [
        _cell(column, value)
        for column, value in zip(columns, row.cells, strict=True)
        if not column.in_files_only
    ]
    return {"first": cells[0], "rest": cells[1:], "url": row.url}


def _cell(column: Column, value: Value) -> dict[str, Any]:
    is_money = column.kind in (Kind.MONEY, Kind.FIGURE)
    return {
        "text": shown(value, column.kind),
        "paise": getattr(value, "paise", value) if is_money else None,
        "below": below(value),
        "is_end": column.is_end,
        "is_minor": column.is_minor,
        "is_id": column.kind is Kind.ID,
        "is_whole": column.kind in (Kind.DAY, Kind.INSTANT),
        "is_long": column.kind is Kind.TEXT and column.width > 50,
    }


def _drawn(chart: Any) -> dict[str, Any]:
    return {
        "code": chart.code,
        "title": chart.title,
        "spec": charts.spec(chart),
        "columns": [chart.title, chart.unit],
        "rows": charts.rows(chart),
    }


def _downloads(report: Report, document: Document, asked: QueryDict) -> list[dict[str, Any]]:
    query = asked.copy()
    query.pop("page", None)
    rows = sum(len(one.rows) for one in document.sections if not one.in_files_only)
    cut = _("its first %(rows)s rows") % {"rows": pdf.ROWS_MAX} if rows > pdf.ROWS_MAX else ""
    notes = {
        "pdf": ("PDF", "file-type-pdf", cut or _("to print and to sign")),
        "xlsx": ("Excel", "file-spreadsheet", _("amounts are numbers")),
        "csv": (
            "CSV",
            "file-type-csv",
            _("for programs; %(what)s") % {"what": document.sections[0].title},
        ),
    }
    return [
        {
            "url": f"{reverse(f'reports:{report.code}_file', args=[kind])}?{query.urlencode()}",
            "label": label,
            "icon": icon,
            "note": note,
        }
        for kind, (label, icon, note) in notes.items()
    ]
