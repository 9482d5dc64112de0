"""The ground a demo stands on: a fresh database, a broker of its own, and nobody else's data.

The command runs twice: the outer process prepares and cleans up, the inner one has the settings of
the demo from its first line on.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import redis
from django.core.management.base import CommandError
from psycopg2 import sql

from cspdcl import embedded
from cspdcl.env import PROJECT, Mode, env_mode, var_dir

DATABASE: Final = "cspdcl_demo"
BROKER: Final = "1"  # the number of the demo's database in our private Redis
INNER: Final = "CSPDCL_DEMO_INNER"  # says that the ground is prepared


def is_prepared() -> bool:
    """Whether this process is the inner one."""
    return os.environ.get(INNER) == "1" and env_mode() is Mode.DEMO


def run_inside(arguments: list[str]) -> int:
    """Prepare the ground, run the demo in a process of its own, and stop what was started."""
    with _alone():
        try:
            environment = _environment()
            return _run([sys.executable, "manage.py", *arguments], environment)
        finally:
            embedded.stop_started_here()


def _environment() -> dict[str, str]:
    addresses = embedded.environment()
    return {
        **os.environ,
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        "CSPDCL_MODE": Mode.DEMO.value,
        "DATABASE_URL": _fresh_database(addresses["DATABASE_URL"]),
        "REDIS_URL": _empty_broker(addresses["REDIS_URL"]),
        INNER: "1",
    }


def _fresh_database(url: str) -> str:
    """Drop the database of the last demo and create an empty one on the same server."""
    try:
        connection = psycopg2.connect(url)
    except psycopg2.OperationalError as error:
        raise CommandError(f"the database does not answer: {error}") from error
    try:
        connection.autocommit = True  # CREATE DATABASE takes no transaction
        name = sql.Identifier(DATABASE)
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(name))
    except psycopg2.Error as error:
        raise CommandError(f"cannot make the database {DATABASE}: {error}") from error
    finally:
        connection.close()
    return urlunsplit(urlsplit(url)._replace(path=f"/{DATABASE}"))


def _empty_broker(url: str) -> str:
    """A number of its own in our private Redis, emptied; a Redis given by URL is used as it is."""
    if os.environ.get("REDIS_URL", "").strip():
        return url
    own = urlunsplit(urlsplit(url)._replace(path=f"/{BROKER}"))
    with contextlib.closing(redis.Redis.from_url(own)) as broker:
        broker.flushdb()
    return own


def _run(command: list[str], environment: Mapping[str, str]) -> int:
    """Run the inner process; a Ctrl-C reaches it by itself, a SIGTERM is passed on."""
    inner = subprocess.Popen(command, cwd=PROJECT, env=environment)  # noqa: S603 - our own command

    def pass_on(number: int, _frame: FrameType | None) -> None:
        inner.send_signal(number)

    before = signal.signal(signal.SIGTERM, pass_on)
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return inner.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, ignored)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One demo at a time: a second one would drop the first one's database."""
    path = var_dir() / "demo" / "demo.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError("a demo runs already; stop it with Ctrl-C first") from None
        yield
