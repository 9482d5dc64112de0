"""The pictures themselves, to who may see them, with headers that let them be nothing else."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from attachments import actions
from attachments.models import Attachment
from attachments.selectors import READERS, attachments_visible_to
from people.access import roles, signed_in


@roles(*READERS)
@require_safe
def content(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The picture of a paper; that it was looked at is noted."""
    found = _found(request, public_id)
    return _picture(actions.see(found, by=signed_in(request)))


@roles(*READERS)
@require_safe
def small(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The picture too small to read, for lists."""
    return _picture(actions.see_small(_found(request, public_id)))


def _found(request: HttpRequest, public_id: UUID) -> Attachment:
    rows = attachments_visible_to(request.user).select_related("office")
    return get_object_or_404(rows, public_id=public_id)


def _picture(jpeg: bytes) -> HttpResponse:
    return HttpResponse(
        jpeg,
        content_type="image/jpeg",
        headers={
            "Content-Disposition": 'inline; filename="paper.jpg"',
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        },
    )
