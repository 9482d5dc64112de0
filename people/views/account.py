"""A person's own account."""

from http import HTTPStatus

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from people import actions
from people.access import offices_of, roles_of, sees_everything, signed_in
from people.auth import is_enrolled, needs_second_factor
from people.forms import LanguageForm, PasswordForm
from people.models import User
from people.roles import ROLES


@sensitive_post_parameters("current", "new")
@never_cache
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Language, password and second factor of the person who asks."""
    user = signed_in(request)
    part = request.POST.get("part")
    language_form = LanguageForm(
        request.POST if part == "language" else None, initial={"language": user.language}
    )
    password_form = PasswordForm(request.POST if part == "password" else None, user=user)
    if language_form.is_bound and language_form.is_valid():
        return _language_changed(request, user, language_form.cleaned_data["language"])
    if password_form.is_bound and password_form.is_valid():
        return _password_changed(request, user, password_form.cleaned_data["new"])
    is_refused = language_form.is_bound or password_form.is_bound
    context = {
        "person": user,
        "language_form": language_form,
        "password_form": password_form,
        "roles": [ROLES[code] for code in ROLES if code in roles_of(user)],
        "offices": [] if sees_everything(user) else offices_of(user).order_by("path")[:50],
        "sees_everything": sees_everything(user),
        "is_enrolled": is_enrolled(user),
        "needs_second_factor": needs_second_factor(user),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_refused else HTTPStatus.OK
    return render(request, "people/account.html", context, status=status)


def _language_changed(request: HttpRequest, user: User, language: str) -> HttpResponse:
    actions.change_language(user, language=language)
    with override(language):
        messages.success(request, _("Your language is kept."))
    response = redirect("people:account")
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=365 * 24 * 3600,
        samesite="Lax",
        secure=settings.IS_HTTPS,
    )
    return response


def _password_changed(request: HttpRequest, user: User, password: str) -> HttpResponse:
    actions.change_password(user, password=password)
    update_session_auth_hash(request, user)
    messages.success(request, _("Your password is changed. Other sessions have ended."))
    return redirect("people:account")
