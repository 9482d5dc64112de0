"""A document as PDF: at most 300 rows, written by a process of its own with limits."""

import logging
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cspdcl.env import Mode
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from cspdcl.ui.templatetags.ui import count
from reports.contract import Column, Document, Kind, Row, Section, Value
from reports.render.words import below, shown

ROWS_MAX: Final = 300  # paper grows slow and heavy past it; longer lists are for Excel
WIDE: Final = 7  # columns that stand on an upright page
SECONDS_MAX: Final = 60
MEMORY_MAX: Final = 1024**3  # of addresses; what is really used stays below half of it

log = logging.getLogger(__name__)


class NotOnPaper(DomainError):
    """The PDF could not be written within its limits."""

    code: ClassVar[str] = "not_on_paper"


@dataclass(frozen=True, slots=True)
class PaperCell:
    """A cell as the template writes it."""

    text: str
    below: str
    look: str


@dataclass(frozen=True, slots=True)
class PaperSection:
    """A section cut to what paper holds."""

    title: str
    unit: str
    head: Sequence[PaperCell]
    rows: Sequence[Sequence[PaperCell]]
    totals: Sequence[PaperCell]
    note: str
    empty: str


def write(document: Document) -> bytes:
    """The PDF; raises NotOnPaper when it would take too long or too much memory."""
    return paper(_page(document), title=str(document.title))


def paper(html: str, *, title: str, memory: int = MEMORY_MAX, seconds: int = SECONDS_MAX) -> bytes:
    """A page as PDF by a child without our secrets; raises NotOnPaper when a limit stops it."""
    folders = [
        f"{entry[0]}={entry[1]}" if isinstance(entry, tuple) else f"={entry}"
        for entry in settings.STATICFILES_DIRS
    ]
    command = [sys.executable, "-m", "reports.render.paper_child", title, str(memory), str(seconds)]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, no shell
            [*command, *folders],
            input=html.encode(),
            capture_output=True,
            timeout=seconds,
            check=False,
            cwd=settings.BASE_DIR,
            env=bare_environment(),
        )
    except subprocess.TimeoutExpired as error:
        raise NotOnPaper(_("The PDF took longer than a minute; take Excel instead.")) from error
    if done.returncode or not done.stdout.startswith(b"%PDF"):
        log.error(
            "PDF of %s failed with %s: %s", title, done.returncode, done.stderr[-2000:].decode()
        )
        raise NotOnPaper(_("The PDF could not be written; take Excel instead."))
    return done.stdout


def bare_environment() -> dict[str, str]:
    """All that the child may know of its surroundings: no secret, no address of a server."""
    return {
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(settings.BASE_DIR),
        "XDG_CACHE_HOME": str(settings.VAR_DIR / "cache"),  # of the fonts
    }


def _page(document: Document) -> str:
    return render_to_string(
        "reports/paper.html",
        {
            "document": document,
            "sections": _sections(document),
            "written_at": now(),
            "is_sample_data": settings.MODE is Mode.DEMO,
            "is_wide": any(len(_columns(section)) > WIDE for section in document.sections),
        },
    )


def _sections(document: Document) -> list[PaperSection]:
    left = ROWS_MAX
    made = []
    for section in document.sections:
        if section.in_files_only:
            continue
        rows = list(section.rows[:left])
        left -= len(rows)
        made.append(_section(section, rows))
    return made


def _section(section: Section, rows: Sequence[Row]) -> PaperSection:
    total = len(section.rows)
    note = str(section.note)
    if len(rows) < total:
        cut = ngettext(
            "The first %(shown)s of %(total)s rows; the Excel file has them all.",
            "The first %(shown)s of %(total)s rows; the Excel file has them all.",
            total,
        ) % {"shown": count(len(rows)), "total": count(total)}
        note = f"{cut} {note}".strip()
    return PaperSection(
        title=str(section.title),
        unit=section.unit,
        head=[
            PaperCell(text=column.heading, below="", look=_look(column))
            for column in _columns(section)
        ],
        rows=[_cells(section, row.cells) for row in rows],
        totals=_cells(section, section.totals) if section.totals else (),
        note=note,
        empty=str(section.empty),
    )


def _columns(section: Section) -> list[Column]:
    return [column for column in section.columns if _is_printed(column)]


def _is_printed(column: Column) -> bool:
    return not column.is_minor and not column.in_files_only


def _look(column: Column) -> str:
    """Figures stand right; of the rest only plain words may run over two lines."""
    if column.is_end:
        return ""
    return "starts wraps" if column.kind is Kind.TEXT else "starts"


def _cells(section: Section, values: Sequence[Value]) -> list[PaperCell]:
    return [
        PaperCell(text=shown(value, column.kind), below=below(value), look=_look(column))
        for column, value in zip(section.columns, values, strict=True)
        if _is_printed(column)
    ]
