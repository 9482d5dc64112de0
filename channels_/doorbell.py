"""Rings for the worker when a message was kept. A lost ring costs two seconds, never a message."""

import logging
import threading
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
_PAUSE: Final = 0.05  # seconds between two rings of one process; Redis has no need of more
_SILENT_FOR: Final = 5.0  # seconds without trying, after Redis failed

log = logging.getLogger(__name__)


class _Patience:
    """When this process may try Redis again: a dead one must not slow every request."""

    until = 0.0


class _Last:
    """When this process rang, and whether it is about to ring again."""

    lock = threading.Lock()
    rung_at = 0.0
    is_coming = False


def ring() -> None:
    """Wake the worker, now or within a moment. Never raises: the beat finds what we lose.

    Of many messages in one moment the first rings, and one ring after the pause speaks for the
    rest: it comes later than they were committed, so none of them is missed.
    """
    if time.monotonic() < _Patience.until:
        return
    with _Last.lock:
        if _Last.is_coming:
            return
        wait = _Last.rung_at + _PAUSE - time.monotonic()
        if wait > 0:
            _Last.is_coming = True
            later = threading.Timer(wait, _ring_later)
            later.daemon = True
            later.start()
            return
        _Last.rung_at = time.monotonic()
    _ring()


def _ring_later() -> None:
    with _Last.lock:
        _Last.is_coming = False
        _Last.rung_at = time.monotonic()
    _ring()


def _ring() -> None:
    try:
        if _redis().set(BELL, b"1", nx=True, ex=_RUNG_FOR):
            current_app.send_task(DRAIN, expires=60, retry=False)
    except (redis.RedisError, OperationalError, OSError) as error:
        _Patience.until = time.monotonic() + _SILENT_FOR
        log.warning("the doorbell is silent, the beat will find the messages: %s", error)


def ring_for(task: str) -> None:
    """Wake the worker for another task, at most once in two seconds. Never raises."""
    if time.monotonic() < _Patience.until:
        return
    try:
        if _redis().set(f"{BELL}:{task}", b"1", nx=True, ex=_RUNG_FOR):
            current_app.send_task(task, expires=60, retry=False)
    except (redis.RedisError, OperationalError, OSError) as error:
        _Patience.until = time.monotonic() + _SILENT_FOR
        log.warning("the doorbell is silent, the sweep will find the work: %s", error)


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
