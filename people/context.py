"""What every page shows around its own content: navigation, office, day, theme."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypedDict

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from cspdcl.env import Mode
from cspdcl.kernel import clock
from people.access import has_role, offices_of, roles_of, sees_everything
from people.models import User
from people.roles import NAVIGATION, ROLES, Link

Count = Callable[[User], int | str | None]

# Says to the next few pages of a person that the numbers may have changed: they have just posted.
# A cookie, because several processes serve one person and share no memory.
POSTED: Final = "posted"

_counts: Final[dict[str, Count]] = {}


def count_by(name: str, count: Count) -> None:
    """Let an app say the number beside a line of the navigation; called when the app is ready."""
    _counts[name] = count


class ShownLink(TypedDict):
    """One line of the navigation as the template reads it."""

    url: str
    icon: str
    label: str | Promise
    count: int | str | None
    is_current: bool
    tone: str


class ShownGroup(TypedDict):
    """Lines of the navigation under their title."""

    title: str | Promise
    links: Sequence[ShownLink]


def shell(request: HttpRequest) -> dict[str, Any]:
    """The context of base.html. Nothing is asked of the database for a page without navigation."""
    user = getattr(request, "user", None)
    shown: dict[str, Any] = {
        "theme": "dark" if request.COOKIES.get("theme") == "dark" else "light",
        "is_sample_data": settings.MODE is Mode.DEMO,
        "business_date": clock.today(),
        "version": settings.VERSION,
        "navigation": [],
        "side_foot": [],
    }
    if isinstance(user, User) or (user is not None and user.is_authenticated):
        is_fresh = request.method != "GET" or POSTED in request.COOKIES
        shown["navigation"] = SimpleLazyObject(
            lambda: navigation_of(user, request.path, is_fresh=is_fresh)
        )
        shown["side_foot"] = SimpleLazyObject(lambda: _foot(user))
        shown["office_name"] = SimpleLazyObject(lambda: _offices(user))
    return shown


def navigation_of(user: User, path: str, *, is_fresh: bool = True) -> list[ShownGroup]:
    """The groups and lines that the user's roles open, with their counts.

    The counts may be some seconds old, but for who has just posted (``is_fresh``).
    """
    groups: list[ShownGroup] = []
    counts = _counts_of(user, is_fresh=is_fresh)
    for group in NAVIGATION:
        links = [_shown(link, counts) for link in group.links if has_role(user, *link.roles)]
        present = [link for link in links if link is not None]
        if present:
            groups.append({"title": group.title, "links": present})
    _mark_current([link for group in groups for link in group["links"]], path)
    return groups


def start_page(user: User) -> str:
    """Where a person's day begins: the first line of their navigation, else their account."""
    groups = navigation_of(user, "", is_fresh=False)
    return groups[0]["links"][0]["url"] if groups else reverse("people:account")


def _counts_of(user: User, *, is_fresh: bool) -> dict[str, int | str | None]:
    """Every number beside the lines a user sees, kept for a few seconds a person and language."""
    key = f"navigation:{user.pk}:{get_language()}"
    kept: dict[str, int | str | None] | None = None if is_fresh else cache.get(key)
    if kept is None:
        asked = {
            link.counts
            for group in NAVIGATION
            for link in group.links
            if link.counts in _counts and has_role(user, *link.roles)
        }
        kept = {name: _counts[name](user) for name in sorted(asked)}
        if settings.NAVIGATION_SECONDS:
            cache.set(key, kept, settings.NAVIGATION_SECONDS)
    return kept


def _shown(link: Link, counts: Mapping[str, int | str | None]) -> ShownLink | None:
    try:
        url = reverse(link.view)
    except NoReverseMatch:
        return None  # the app that brings the page is not installed here
    count = counts.get(link.counts)
    return {
        "url": url,
        "icon": link.icon,
        "label": link.label,
        "count": count or None,
        "is_current": False,
        "tone": "bad" if isinstance(count, str) else "",
    }


def _mark_current(links: Sequence[ShownLink], path: str) -> None:
    """The longest address that the page's own begins with; the first page only for itself."""
    fits = [x for x in links if path == x["url"] or (x["url"] != "/" and path.startswith(x["url"]))]
    if fits:
        max(fits, key=lambda link: len(link["url"]))["is_current"] = True


def _foot(user: User) -> list[str]:
    titles = ", ".join(str(ROLES[code].title) for code in ROLES if code in roles_of(user))
    return [line for line in (user.full_name, titles) if line]


def _offices(user: User) -> str:
    if sees_everything(user):
        return _("All offices")
    topmost = list(offices_of(user).order_by("path").values_list("name", flat=True)[:1])
    return topmost[0] if topmost else _("No office yet")
