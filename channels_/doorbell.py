"""Rings for the worker when a message was kept. A lost ring costs two seconds, never a message."""

import logging
import time
from functools import cache
from typing import Final

import redis
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

DRAIN: Final = "payments.tasks.drain_inbox"
BELL: Final = "doorbell:inbox"

_RUNG_FOR: Final = 2  # seconds; the beat looks as often
_SILENT_FOR: Final = 5.0  # seconds without trying, after Redis failed

log = logging.getLogger(__name__)


class _Patience:
    """When this process may try Redis again: a dead one must not slow every request."""

    until = 0.0


def ring() -> None:
    """Wake the worker, unless somebody just did. Never raises: the beat finds what we lose."""
    if time.monotonic() < _Patience.until:
        return
    try:
        if _redis().set(BELL, b"1", nx=True, ex=_RUNG_FOR):
            current_app.send_task(DRAIN, expires=60, retry=False)
    except (redis.RedisError, OperationalError, OSError) as error:
        _Patience.until = time.monotonic() + _SILENT_FOR
        log.warning("the doorbell is silent, the beat will find the messages: %s", error)


def tasks_waiting() -> int | None:
    """How many tasks lie in the broker's queue; None when Redis does not answer."""
    try:
        waiting = _redis().llen(current_app.conf.task_default_queue)
    except (redis.RedisError, OSError) as error:
        log.warning("the broker's queue cannot be counted: %s", error)
        return None
    return int(str(waiting))


def hush() -> None:
    """Let the next message ring again: called by the worker before it looks."""
    try:
        _redis().delete(BELL)
    except (redis.RedisError, OSError) as error:
        log.warning("the doorbell cannot be reset, it does so by itself: %s", error)


@cache
def _redis() -> "redis.Redis":
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=1.0, socket_connect_timeout=1.0, health_check_interval=30
    )
