"""What is late, by the role that hears of it and by who cares for it: the escalation list."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cspdcl.kernel.clock import today
from people.access import roles, signed_in
from reconciliation import selectors
from reconciliation.desk import listing, terms
from reconciliation.views.breaks import BREAK_READERS


@roles(*BREAK_READERS)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """Every late break counted once: a part for each role, in it a line for owner and reason."""
    user = signed_in(request)
    found = selectors.late_breaks(user, as_of=today())
    context: dict[str, Any] = {
        "groups": [_group(list(rows)) for _role, rows in groupby(found, key=attrgetter("role"))],
        "total": _sums(found),
        "unowned": _sums([one for one in found if not one.owner]),
        "unowned_url": _url(owner=listing.NOBODY),
        "mine": _sums([one for one in found if one.owner == user.username]),
        "mine_url": _url(owner=user.username),
        "columns": _columns(),
    }
    return render(request, "reconciliation/late.html", context)


def _group(rows: Sequence[terms.Late]) -> dict[str, Any]:
    return {
        "title": rows[0].role_title,
        "code": rows[0].role,
        "sums": _sums(rows),
        "rows": [
            {
                "late": one,
                "url": _url(owner=one.owner or listing.NOBODY, reason=one.reason),
                "days": (today() - one.since).days,
            }
            for one in rows
        ],
    }


def _sums(rows: Sequence[terms.Late]) -> dict[str, int]:
    return {"count": sum(one.count for one in rows), "paise": sum(one.paise for one in rows)}


def _url(**narrowed: str) -> str:
    """The list of breaks, narrowed to what is late."""
    query = QueryDict(mutable=True)
    query.update({"late": "1", **narrowed})
    return f"{reverse('reconciliation:breaks')}?{query.urlencode()}"


def _columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Owner")},
        {"label": _("Reason")},
        {"label": _("To be explained by"), "is_minor": True},
        {"label": _("Late")},
        {"label": _("Oldest"), "is_minor": True},
        {"label": _("Breaks"), "is_end": True},
        {"label": _("Amount, ₹"), "is_end": True},
    ]
