"""The certificate of a closed day as PDF; its figures are read from what was signed."""

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from people.access import roles
from people.roles import OPERATOR, READERS
from reconciliation.dayend.leaf import leaf_of
from reconciliation.models import DayClose
from reconciliation.views.days import signed_close
from reports.render import pdf


@roles(*READERS, OPERATOR)
@require_safe
def certificate(request: HttpRequest, day: date, version: int) -> HttpResponse:
    """A signed version as PDF; raises NotOnPaper when it could not be written."""
    close = signed_close(request, day, version)
    return HttpResponse(
        as_pdf(close),
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{close.number}.pdf"'},
    )


def as_pdf(close: DayClose) -> bytes:
    """The certificate on A4."""
    page = render_to_string("reconciliation/certificate_pdf.html", leaf_of(close))
    return pdf.paper(page, title=close.number)
