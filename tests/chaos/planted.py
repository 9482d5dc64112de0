"""Faults planted on purpose, each a classic: the harness must find every one of them.

Only a test starts these in the place of our web server or worker; no product code knows them.
"""

import io
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cspdcl.settings")

WINDOW = 0.5  # seconds in which a kill finds the fault open; in life it is a moment

Answer = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[dict[str, Any], Answer], Iterable[bytes]]


def ack_early(environ: dict[str, Any], answer: Answer) -> Iterable[bytes]:
    """Says yes to a channel's message, and keeps it a moment later."""
    if not environ["PATH_INFO"].startswith("/in/"):
        return _ours()(environ, answer)
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    later = {**environ, "wsgi.input": io.BytesIO(body)}
    threading.Timer(WINDOW, _keep, (later,)).start()
    answer("200 OK", [("Content-Type", "application/json")])
    return [b"{}"]


def forget_keys(environ: dict[str, Any], answer: Answer) -> Iterable[bytes]:
    """Takes each request for a new one, whatever id or key its sender gave it."""
    fresh = uuid.uuid4().hex
    if "HTTP_X_RAZORPAY_EVENT_ID" in environ:
        environ["HTTP_X_RAZORPAY_EVENT_ID"] += f"_{fresh}"
    if environ["PATH_INFO"].endswith("/receipts/"):
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        body = body.replace(b'"submit_key": "', f'"submit_key": "{fresh[:8]}'.encode())
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    return _ours()(environ, answer)


@cache
def _ours() -> Application:
    from cspdcl.wsgi import application

    return cast("Application", application)


def _keep(environ: dict[str, Any]) -> None:
    list(_ours()(environ, lambda _status, _headers, *_rest: None))


def mark_done_first() -> None:
    """Let this worker write that messages are done, commit, and only then do them."""
    from django.db import connection

    from channels_ import queue
    from channels_.models import InboundMessage
    from payments import inbox

    apply = inbox._apply

    def locked(ids: Sequence[int]) -> list[InboundMessage]:
        chosen = InboundMessage.objects.filter(pk__in=ids).select_related("channel")
        return list(chosen.order_by("id"))

    def marked(ids: Sequence[int]) -> None:
        InboundMessage.objects.filter(pk__in=ids).update(state="done")
        with connection.cursor() as cursor:
            cursor.execute("SET application_name = 'flagged'")
        time.sleep(WINDOW)
        apply(ids)
        with connection.cursor() as cursor:
            cursor.execute("SET application_name = 'worker'")

    queue.locked = locked
    inbox._apply = marked
