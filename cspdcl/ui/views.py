"""The theme cookie, and the gallery of components for those who write pages."""

from typing import Final

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from cspdcl.ui import samples

THEMES: Final = frozenset({"light", "dark"})
YEAR_SECONDS: Final = 365 * 24 * 3600


@login_not_required
@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember light or dark in a cookie and go back to where the reader was."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        back = "/"
    answer = HttpResponseRedirect(back)
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        answer.set_cookie(
            "theme", theme, max_age=YEAR_SECONDS, samesite="Lax", secure=settings.IS_HTTPS
        )
    return answer


@login_not_required
@require_GET
def gallery(request: HttpRequest) -> HttpResponse:
    """Every component with made-up values; there is none in production."""
    if settings.IS_PRODUCTION:
        raise Http404
    return render(request, "components/gallery.html", samples.gallery())
