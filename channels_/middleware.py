"""Doors of machines are served before everything that pages need: sessions, languages, policies."""

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import Resolver404, resolve
from django.utils import translation

Answer = Callable[[HttpRequest], HttpResponse]

# Their views check who calls, and use nothing of a session.
DOORS: Final = ("/in/", "/ask/", "/partner/")


class DoorMiddleware:
    """Calls the view of a door at once: pages' needs were a third of the time of a notice."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a door here; let everything else pass on."""
        if not request.path_info.startswith(DOORS):
            return self.get_response(request)
        try:
            found = resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        # A page that this thread served before may have left its reader's language behind.
        translation.activate(settings.LANGUAGE_CODE)
        request.resolver_match = found
        answer: HttpResponse = found.func(request, *found.args, **found.kwargs)
        if isinstance(answer, SimpleTemplateResponse):  # of an API: written when it is asked for
            answer.render()
        answer.headers.setdefault("Content-Length", str(len(answer.content)))
        return answer
