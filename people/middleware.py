"""Around every page: the idle session ends, the second factor is asked for, refusals are said."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from people.auth import has_shown_factor, needs_second_factor
from people.context import POSTED

Answer = Callable[[HttpRequest], HttpResponse]

_BEGAN: Final = "began_at"
_SEEN: Final = "seen_at"
_SEEN_EVERY: Final = 60  # seconds; an idle clock need not be written at every click

# What a person may open before the second factor: the way to it, and the way out.
_BEFORE_SECOND_FACTOR: Final = frozenset(
    {"people:sign_in", "people:sign_out", "people:second_factor", "people:enrol", "ui:theme"}
    | {"set_language", "healthz"}
)


class IdleSessionMiddleware:
    """Signs out who has not been seen for SESSION_IDLE_MINUTES, or who came SESSION_COOKIE_AGE ago.

    The cookie's own age begins anew with every write: alone it would never end a busy session.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """End the session if it was left alone or is old, else note that its owner is here."""
        if request.user.is_authenticated:
            moment = int(now().timestamp())
            began = request.session.get(_BEGAN, moment)
            seen = request.session.get(_SEEN)
            is_left = seen is not None and moment - seen > settings.SESSION_IDLE_MINUTES * 60
            if is_left or moment - began > settings.SESSION_COOKIE_AGE:
                logout(request)
            elif seen is None or (moment - seen >= _SEEN_EVERY and not _is_unattended(request)):
                request.session[_BEGAN], request.session[_SEEN] = began, moment
        return self.get_response(request)


def _is_unattended(request: HttpRequest) -> bool:
    """A page that looks again by itself keeps nobody signed in."""
    return "X-Unattended" in request.headers


class SecondFactorMiddleware:
    """Leads users of SECOND_FACTOR_ROLES to their code before anything else. Keys are exempt."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Nothing yet: only the resolved address tells whether the code is needed."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        """Stop the request of a signed-in user who has not shown the code."""
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name in _BEFORE_SECOND_FACTOR or not request.user.is_authenticated:
            return None
        if has_shown_factor(request) or not needs_second_factor(request.user):
            return None
        if request.path.startswith("/api/"):
            problem = {"code": "second_factor_needed", "message": _("Give the code first.")}
            return JsonResponse(problem, status=HTTPStatus.FORBIDDEN)
        page = request.get_full_path() if request.method == "GET" else "/"
        return go_to(request, f"{resolve_url('people:second_factor')}?{urlencode({'next': page})}")


class PostedMiddleware:
    """Lets a person who has posted see the numbers of the navigation as they are now."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Mark the answer to a post; the mark ends with the age of what is kept."""
        response = self.get_response(request)
        if request.method == "POST" and settings.NAVIGATION_SECONDS:
            response.set_cookie(
                POSTED,
                "1",
                max_age=settings.NAVIGATION_SECONDS,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response


class DomainErrorMiddleware:
    """Turns a refusal of the business into a message on the page the person came from."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Nothing to add to an answer that came."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Say what was refused; other errors are not ours to explain."""
        if not isinstance(error, DomainError):
            return None
        back = request.headers.get("Referer", "")
        if request.method == "POST" and _is_page_of_ours(request, back):
            messages.error(request, str(error))
            return go_to(request, back)
        context = {"problem": str(error)}
        return render(request, "people/refused.html", context, status=HTTPStatus.CONFLICT)


def go_to(request: HttpRequest, address: str) -> HttpResponse:
    """Send the browser to a page, also when a part of a page was asked for."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def _is_page_of_ours(request: HttpRequest, address: str) -> bool:
    return bool(address) and url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
