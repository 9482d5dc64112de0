"""Proving who calls: people by password and a code from their phone, machines by key."""

import hashlib
import hmac
import re
import secrets
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django_otp import user_has_device
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from cspdcl.kernel.clock import now
from people import audit
from people.access import roles_of
from people.models import ApiKey, SignInTally, User

_NAME_MAX: Final = 64
_KEY_USE_NOTED_EVERY: Final = timedelta(minutes=1)


def may_sign_in(user: AbstractBaseUser | AnonymousUser | None) -> bool:
    """Whether this user may come in here at all: active, and no demo user in production."""
    if not isinstance(user, User) or not user.is_active:
        return False
    return not (user.is_demo and settings.IS_PRODUCTION)


class PeopleBackend(ModelBackend):
    """Passwords, with a count of failures that parallel guesses cannot outrun."""

    def authenticate(  # type: ignore[override]
        self,
        request: HttpRequest | None,  # noqa: ARG002 - part of Django's interface
        username: str | None = None,
        password: str | None = None,
    ) -> User | None:
        """The user with this name and password, or None, in about the same time."""
        if username is None or password is None or len(username) > _NAME_MAX:
            return None
        user = User.objects.filter(username=username).first()
        if user is None or not take_attempt(username):
            User().set_password(password)  # as slow as a real check, so that names stay secret
            return None
        if not user.check_password(password) or not may_sign_in(user):
            return None
        forgive(username)
        return user

    def user_can_authenticate(self, user: AbstractBaseUser | AnonymousUser | None) -> bool:
        """Asked for every request of a session too, so a user switched off is out at once."""
        return may_sign_in(user)


def take_attempt(username: str) -> bool:
    """Count a try before it is made; false when the name is locked.

    Counting first and committing means that a hundred guesses at once get no more tries than a
    hundred in turn. A right password forgives the count.
    """
    with transaction.atomic():
        SignInTally.objects.get_or_create(username=username)
        tally = SignInTally.objects.select_for_update().get(username=username)
        if tally.locked_until and tally.locked_until > now():
            return False
        if tally.locked_until:
            tally.failures, tally.locked_until = 0, None
        tally.failures += 1
        if tally.failures >= settings.SIGN_IN_FAILURES_MAX:
            tally.locked_until = now() + timedelta(minutes=settings.SIGN_IN_LOCK_MINUTES)
            audit.record("system", "sign_in.locked", ("user", username))
        tally.save(update_fields=["failures", "locked_until"])
    return True


def forgive(username: str) -> None:
    """Forget the failures of a name."""
    SignInTally.objects.filter(username=username).update(failures=0, locked_until=None)


def needs_second_factor(user: User | AnonymousUser) -> bool:
    """Whether a role of the user asks for a code from their phone."""
    return not roles_of(user).isdisjoint(settings.SECOND_FACTOR_ROLES)


def has_shown_factor(request: HttpRequest) -> bool:
    """Whether this session has given its code."""
    return bool(request.user.is_verified())  # type: ignore[union-attr]  # of OTPMiddleware


def is_enrolled(user: User) -> bool:
    """Whether the user has a confirmed second factor."""
    return bool(user_has_device(user, confirmed=True))


def new_api_key() -> str:
    """A fresh key: twelve signs that name it, a dot, and 256 random bits."""
    return f"{secrets.token_hex(6)}.{secrets.token_urlsafe(32)}"


def is_api_key(text: str) -> bool:
    """Whether the text has the shape of a key and enough in it."""
    return re.fullmatch(r"[0-9A-Za-z]{12}\.[!-~]{32,}", text) is not None


def digest_of_key(key: str) -> str:
    """What is kept of a key; its 256 random bits need no salt."""
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()


@transaction.atomic
def make_api_key(user: User, name: str, *, actor: User | str = "system") -> str:
    """Make a key for a machine and return it, this once; only its digest is kept."""
    key = new_api_key()
    prefix = key.partition(".")[0]
    ApiKey.objects.create(user=user, name=name, prefix=prefix, digest=digest_of_key(key))
    audit.record(actor, "api_key.made", ("api_key", prefix), after={"user": user.username})
    return key


@transaction.atomic
def revoke_api_key(key: ApiKey, *, actor: User | str) -> None:
    """End a key; calling again changes nothing."""
    ended = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now())
    if ended:
        audit.record(actor, "api_key.revoked", ("api_key", key.prefix))


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer <prefix>.<secret>``."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """The machine a key belongs to; None when the request brings no key."""
        scheme, _space, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return _holder(key.strip())

    def authenticate_header(self, _request: Request) -> str:
        """What a refused caller should bring."""
        return "Bearer"


def _holder(key: str) -> tuple[User, ApiKey]:
    prefix = key.partition(".")[0]
    found = None
    if prefix.isascii() and prefix.isalnum() and key.isascii():
        found = ApiKey.objects.select_related("user").filter(prefix=prefix).first()
    # One comparison also when there is no such prefix: an answer's time tells nothing.
    is_right = hmac.compare_digest(digest_of_key(key), found.digest if found else digest_of_key(""))
    if found is None or not is_right or found.revoked_at or not may_sign_in(found.user):
        raise AuthenticationFailed("the key is unknown or was ended")
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now() - _KEY_USE_NOTED_EVERY)
    ApiKey.objects.filter(stale, pk=found.pk).update(last_used_at=now())
    return found.user, found
