"""Reading what leaves the house: ``outgoing_visible_to(user)`` is the only door to a row."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.db import connection
from django.db.models import Count, Model, Q, QuerySet

from cspdcl.kernel import crypto
from cspdcl.kernel.clock import day_bounds, today
from cspdcl.kernel.csvsafe import csv_lines, safe_text
from outgoing import queue
from outgoing.models import Connection, Outgoing
from outgoing.states import Channel, State
from outgoing.wording import Written
from people.access import Somebody, has_role, offices_of, sees_everything
from people.audit import name_of
from people.models import User
from people.roles import ADMINISTRATOR, AUDITOR, FINANCE, OPERATOR, SUPERVISOR

READERS: Final = (OPERATOR, ADMINISTRATOR, SUPERVISOR, *FINANCE, AUDITOR)
BODY_READERS: Final = (SUPERVISOR, *FINANCE, AUDITOR)
BY_HAND: Final = (SUPERVISOR, *FINANCE)  # who may say that a letter was posted
_CHUNK: Final = 1_000


def outgoing_visible_to(user: Somebody) -> QuerySet[Outgoing]:
    """What the user may see: of their offices, or all of it; what is of no office, all or none."""
    if not has_role(user, *READERS):
        return Outgoing.objects.none()
    if sees_everything(user):
        return Outgoing.objects.all()
    return Outgoing.objects.filter(office__in=offices_of(user))


def about_visible_to(user: Somebody, about: Model | tuple[str, str]) -> QuerySet[Outgoing]:
    """What was told about one thing, the latest first; for the pages of other apps."""
    object_type, object_id = name_of(about)
    rows = outgoing_visible_to(user).filter(object_type=object_type, object_id=object_id)
    return rows.order_by("-id")


def narrowed(rows: QuerySet[Outgoing], said: Mapping[str, Any]) -> QuerySet[Outgoing]:
    """The rows that the filters ask for."""
    for name in ("channel", "state", "kind"):
        if said.get(name):
            rows = rows.filter(**{f"{name}__in": said[name]})
    if said.get("unclear"):
        rows = rows.filter(is_unclear=True)
    if said.get("since"):
        rows = rows.filter(made_at__gte=day_bounds(said["since"])[0])
    if said.get("until"):
        rows = rows.filter(made_at__lt=day_bounds(said["until"])[1])
    words = said.get("q", "").strip()
    if words:
        rows = rows.filter(Q(key=words) | Q(object_id=words))
    return rows


def counted(rows: QuerySet[Outgoing]) -> Mapping[tuple[str, str], int]:
    """How many are not over, and how many of today were sent, by channel and state."""
    is_open = Q(state__in=[State.WAITING, State.DUE, State.GIVEN_UP])
    of_today = Q(state=State.SENT, made_at__gte=day_bounds(today())[0])
    found = (
        rows.filter(is_open | of_today).order_by().values("channel", "state").annotate(n=Count("*"))
    )
    return {(row["channel"], row["state"]): row["n"] for row in found}


def connections() -> Mapping[str, Connection]:
    """How each connection does, by its channel; one that never failed has no row."""
    return {one.channel: one for one in Connection.objects.all()}


def text_of(user: Somebody, row: Outgoing) -> Written | None:
    """The text of a row that the user was shown, if they may read it and it is still there."""
    if not has_role(user, *BODY_READERS) or row.body is None:
        return None
    try:
        return queue.opened(row)[1]
    except crypto.Undecipherable:
        return None


def address_of(user: Somebody, row: Outgoing) -> str:
    """Where a letter goes, for who posts it; other addresses are shown to nobody."""
    if row.channel != Channel.LETTER or not has_role(user, *BY_HAND) or row.recipient is None:
        return ""
    try:
        return queue.opened(row)[0]
    except crypto.Undecipherable:
        return ""


def given_up_count(user: User) -> int | None:
    """What waits for a person: given up, and letters that nobody has posted."""
    if not has_role(user, OPERATOR, SUPERVISOR, *FINANCE):
        return None
    letters = Q(channel=Channel.LETTER, state=State.WAITING)
    rows = outgoing_visible_to(user)
    if has_role(user, OPERATOR):
        return rows.filter(state=State.GIVEN_UP).count()
    return rows.filter(letters).count()


def erp_csv(rows: QuerySet[Outgoing]) -> Iterator[str]:
    """Postings that wait for the ERP, a column for each fact any of them has."""
    waiting = rows.filter(channel=Channel.ERP, state=State.WAITING)
    names = _fact_names(waiting)
    yield from csv_lines([["posting", "kind", "key", "made_at", "office", "about", *names]])
    lines = waiting.select_related("office").order_by("id").iterator(chunk_size=_CHUNK)
    yield from csv_lines(
        [
            str(row.public_id),
            row.kind,
            safe_text(row.key),
            row.made_at.isoformat(),
            safe_text(row.office.code if row.office else ""),
            safe_text(f"{row.object_type} {row.object_id}"),
            *(_cell(row.facts.get(name)) for name in names),
        ]
        for row in lines
    )


def _fact_names(rows: QuerySet[Outgoing]) -> list[str]:
    query, params = rows.order_by().values("facts").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT jsonb_object_keys(facts) FROM ({query}) AS waiting ORDER BY 1",  # noqa: S608 - Django's own SQL
            params,
        )
        return [row[0] for row in cursor.fetchall()]


def _cell(value: Any) -> object:
    if value is None or isinstance(value, int):
        return "" if value is None else value
    return safe_text(str(value))
