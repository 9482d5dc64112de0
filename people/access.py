"""Who may come in and how far they see. Every ``visible_to`` of an app builds on this."""

from collections.abc import Callable, Mapping
from functools import reduce, wraps
from operator import or_
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet, Value
from django.http import HttpRequest, HttpResponseBase
from guardian.models import UserObjectPermission
from guardian.shortcuts import get_objects_for_user
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from people.models import Office, User
from people.roles import ROLES, SEES_ALL_OFFICES

if TYPE_CHECKING:
    # Importing the views at run time would ask for our own authentication before it is there.
    from rest_framework.views import APIView

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)
Somebody = User | AnonymousUser

WORK_IN_OFFICE: Final = "people.work_in_office"


def roles_of(user: Somebody) -> frozenset[str]:
    """The codes of the user's roles; none for who has not signed in or is switched off."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    known: frozenset[str] | None = user.__dict__.get("_role_codes")
    if known is None:
        names = user.groups.values_list("name", flat=True)
        known = frozenset(name for name in names if name in ROLES)
        user.__dict__["_role_codes"] = known  # one query a request, however many ask
    return known


def has_role(user: Somebody, *codes: str) -> bool:
    """Whether the user has any of these roles. No role is implied by another."""
    return not roles_of(user).isdisjoint(codes)


def signed_in(request: HttpRequest) -> User:
    """The user of a page that only signed-in users reach."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def sees_everything(user: Somebody) -> bool:
    """Whether a role of the user reaches every office."""
    return has_role(user, *SEES_ALL_OFFICES)


def offices_of(user: Somebody) -> QuerySet[Office]:
    """The offices whose rows the user may see: all, or the granted ones and what is below them."""
    if not roles_of(user):
        return Office.objects.none()
    if sees_everything(user):
        return Office.objects.all()
    granted = get_objects_for_user(user, WORK_IN_OFFICE, klass=Office, accept_global_perms=False)
    paths = list(granted.values_list("path", flat=True))
    if not paths:
        return Office.objects.none()
    return Office.objects.filter(reduce(or_, (Q(path__startswith=path) for path in paths)))


def who_work_in(office: Office, *codes: str) -> QuerySet[User]:
    """The users with one of these roles who reach an office, however many users there are."""
    above = Office.objects.annotate(below=Value(office.path)).filter(below__startswith=F("path"))
    granted = UserObjectPermission.objects.filter(
        permission__codename=WORK_IN_OFFICE.partition(".")[2],
        permission__content_type__app_label=WORK_IN_OFFICE.partition(".")[0],
        object_pk__in=[str(one.pk) for one in above],
    )
    far = User.objects.filter(groups__name__in=SEES_ALL_OFFICES)
    return User.objects.filter(
        Q(pk__in=granted.values("user")) | Q(pk__in=far.values("pk")),
        pk__in=User.objects.filter(groups__name__in=codes).values("pk"),
        is_active=True,
    )


def roles(
    *codes: str,
) -> Callable[[Callable[Concatenate[HttpRequest, P], R]], Callable[Concatenate[HttpRequest, P], R]]:
    """Let only users with one of these roles into a view; others get the page that says so."""
    unknown = set(codes) - set(ROLES)
    if unknown or not codes:
        raise ValueError(f"expected role codes, got {sorted(unknown) or 'none'}")

    def guard(
        view: Callable[Concatenate[HttpRequest, P], R],
    ) -> Callable[Concatenate[HttpRequest, P], R]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if not has_role(request.user, *codes):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        guarded.roles = codes  # type: ignore[attr-defined]  # read by whoever lists the addresses
        return guarded

    return guard


class ApiRolePermission(BasePermission):
    """Reads ``view.roles``: action or method -> role codes. What is not listed is refused."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Whether a role of the caller is listed for what they ask."""
        listed: Mapping[str, tuple[str, ...]] = getattr(view, "roles", {})
        wanted = getattr(view, "action", None) or str(request.method)
        return has_role(request.user, *listed.get(wanted, listed.get(str(request.method), ())))

    def has_object_permission(self, request: Request, view: "APIView", _obj: Any) -> bool:
        """The same answer: objects come from ``visible_to`` only."""
        return self.has_permission(request, view)
