"""The window a person sits at: chosen last in this session, else where their drawer is open."""

from collections.abc import Sequence
from typing import Final

from django.http import HttpRequest

from counters import shifts
from payments.models import Counter
from people.access import signed_in

_REMEMBERED: Final = "counter"  # in the session


def remembered(request: HttpRequest) -> str:
    """The code of that window; empty when there is none."""
    code: str = request.session.get(_REMEMBERED, "")
    return code or of_shift(request)


def of_shift(request: HttpRequest) -> str:
    """Where the person's drawer is open; empty while none is."""
    shift = shifts.shift_of(signed_in(request))
    return shift.counter.code if shift else ""


def chosen(request: HttpRequest, windows: Sequence[Counter]) -> Counter | None:
    """The one of these windows that the request names, else the remembered, else the only one."""
    asked = request.POST.get("counter") or request.GET.get("counter")
    wanted = asked or remembered(request)
    found = next((one for one in windows if one.code == wanted), None)
    if found is None and not asked and len(windows) == 1:
        found = windows[0]
    if found is not None and request.session.get(_REMEMBERED) != found.code:
        request.session[_REMEMBERED] = found.code
    return found
