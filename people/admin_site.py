"""The administration's own site: administrators only, behind the one door everybody uses."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

from people.access import has_role
from people.roles import ADMINISTRATOR


class Site(UnfoldAdminSite):  # type: ignore[misc]
    """Administrators come in by the ordinary sign-in, with its locks and its second factor."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Administrators only; being staff is not enough."""
        return has_role(request.user, ADMINISTRATOR)

    def login(
        self, request: HttpRequest, _extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the one door; who is signed in and may not enter is told so."""
        if request.user.is_authenticated:
            return redirect("home")
        return redirect(reverse("people:sign_in", query={"next": resolve_url("admin:index")}))

    def logout(
        self, _request: HttpRequest, _extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Sign out where everybody does."""
        return redirect("people:account")

    def password_change(
        self, _request: HttpRequest, _extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Passwords are changed in one's account."""
        return redirect("people:account")
