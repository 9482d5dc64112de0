"""Writing reports to files: whole or not at all, under names that say what they are."""

import io
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from reports.catalogue.day import REPORT as DAY
from reports.contract import Ask
from reports.render import pdf, xlsx


class DayReportFiles(NamedTuple):
    """Where a day's report was written."""

    pdf: Path
    xlsx: Path


def day_report_files(day: date) -> DayReportFiles:
    """Where a day's report stands when nobody names another place."""
    stem = settings.REPORTS_DIR / f"day-{day.isoformat()}"
    return DayReportFiles(pdf=stem.with_suffix(".pdf"), xlsx=stem.with_suffix(".xlsx"))


def is_stale(day: date, *, proved_at: datetime) -> bool:
    """Whether a file of the day's report is missing, or older than the run that proved the day."""
    return any(
        not file.exists() or datetime.fromtimestamp(file.stat().st_mtime, UTC) < proved_at
        for file in day_report_files(day)
    )


def write_day_report(
    day: date, *, pdf_file: Path | None = None, xlsx_file: Path | None = None
) -> DayReportFiles:
    """Write the report of a day as PDF and Excel; a report that is there is replaced."""
    usual = day_report_files(day)
    files = DayReportFiles(pdf=pdf_file or usual.pdf, xlsx=xlsx_file or usual.xlsx)
    document = DAY.build(Ask(day=day))
    sheets = io.BytesIO()
    xlsx.write(document, sheets)
    _put(files.xlsx, sheets.getvalue())
    _put(files.pdf, pdf.write(document))
    return files


def _put(target: Path, content: bytes) -> None:
    """A reader sees the old file or the new one, never half of one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as file:
        file.write(content)
    Path(file.name).chmod(0o640)
    Path(file.name).replace(target)
