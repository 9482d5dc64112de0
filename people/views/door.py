"""Signing in and out, and the second factor."""

import base64
from http import HTTPStatus

import segno
from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django_otp import login as show_device

from people import actions, audit
from people import second_factor as second_factor_codes
from people.access import signed_in
from people.auth import has_shown_factor, is_enrolled, needs_second_factor
from people.context import start_page
from people.forms import CodeForm, SignInForm
from people.models import User

FORM_REFUSED = HTTPStatus.UNPROCESSABLE_ENTITY


@login_not_required
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Name and password; then the code, where a role asks for it."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(_next_of(request))
    form = SignInForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid() and form.user is not None:
        login(request, form.user)
        audit.record(form.user, "user.signed_in", form.user)
        return _with_language(HttpResponseRedirect(_next_of(request)), form.user)
    context = {"form": form, "step": "password", "next": _asked_next(request)}
    return render(request, "people/login.html", context, status=_status_of(form))


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session; asking again is no error."""
    if isinstance(request.user, User):
        audit.record(request.user, "user.signed_out", request.user)
    logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


@never_cache
@require_http_methods(["GET", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    """Ask for the code; who has no device yet is led to make one."""
    user = signed_in(request)
    if not is_enrolled(user):
        return redirect(_with_next("people:enrol", request))
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        device = actions.device_with(user, code=form.cleaned_data["code"])
        if device is not None:
            show_device(request, device)
            return HttpResponseRedirect(_next_of(request))
        form.add_error("code", _("This code is not right now. Wait for the next one."))
    context = {"form": form, "step": "code", "next": _asked_next(request)}
    return render(request, "people/login.html", context, status=_status_of(form))


@never_cache
@require_http_methods(["GET", "POST"])
def enrol(request: HttpRequest) -> HttpResponse:
    """Show a secret once as a picture and as text; its first right code takes it into use.

    Who has a device already must have shown it: else a stolen password could bring its own.
    """
    user = signed_in(request)
    if is_enrolled(user) and not has_shown_factor(request):
        return redirect(_with_next("people:second_factor", request))
    device = actions.device_to_enrol(user)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if device.verify_token(form.cleaned_data["code"]):
            actions.confirm_device(user, device)
            show_device(request, device)
            return HttpResponseRedirect(_next_of(request))
        form.add_error("code", _("This code does not fit. Is the phone's clock right?"))
    context = {
        "form": form,
        "next": _asked_next(request),
        "picture": segno.make(
            second_factor_codes.address(device.seed, name=user.username), error="m"
        ).svg_data_uri(scale=5, border=2, light="#fff"),
        "secret": _grouped(base64.b32encode(device.seed).decode()),
        "is_required": needs_second_factor(user),
    }
    return render(request, "people/enrol.html", context, status=_status_of(form))


def home(request: HttpRequest) -> HttpResponse:
    """The page a person's day begins with."""
    return redirect(start_page(signed_in(request)))


def _asked_next(request: HttpRequest) -> str:
    asked = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return asked if is_ours else ""


def _next_of(request: HttpRequest) -> str:
    return _asked_next(request) or resolve_url(settings.LOGIN_REDIRECT_URL)


def _with_next(view: str, request: HttpRequest) -> str:
    asked = _asked_next(request)
    return reverse(view, query={"next": asked} if asked else None)


def _with_language(response: HttpResponseRedirect, user: User) -> HttpResponseRedirect:
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        user.language,
        max_age=365 * 24 * 3600,
        samesite="Lax",
        secure=settings.IS_HTTPS,
    )
    return response


def _status_of(form: SignInForm | CodeForm) -> HTTPStatus:
    return FORM_REFUSED if form.is_bound else HTTPStatus.OK


def _grouped(secret: str) -> str:
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
