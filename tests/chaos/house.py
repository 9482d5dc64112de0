"""A whole installation that may be killed: servers of its own, web server, worker and beat.

Nothing in it is shared with the other tests. A keeper stands in for the machine's service manager:
it starts again whatever died, the database and Redis too.
"""

import contextlib
import functools
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import redis
from psycopg2 import sql

from cspdcl import embedded, processes
from cspdcl.env import PROJECT, random_key
from cspdcl.processes import Child, Processes
from tests import template

CONFIGURATION: Final = PROJECT / "configuration" / "demo.toml"
T = TypeVar("T")

OTHER_POSTGRES: Final = "CHAOS_POSTGRES"  # a directory of PostgreSQL programs to test with instead
BARE: Final = "bare"  # a database with our tables and nothing in them
PATIENCE: Final = 120  # seconds that any one condition may take on a busy machine

_PREPARE: Final = f"""
import sys, django, psycopg2
django.setup()
from django.core.management import call_command
from django.db import connection
call_command("migrate", verbosity=0)
connection.close()
admin = psycopg2.connect(sys.argv[1])
admin.autocommit = True
admin.cursor().execute("CREATE DATABASE {BARE} TEMPLATE {embedded.NAME}")
admin.close()
call_command("configure", sys.argv[2])
call_command("load_consumers", sys.argv[3])
"""


class OtherPostgres(embedded.Postgres):
    """The private server, run by the programs of another PostgreSQL."""

    @functools.cached_property
    def _binaries(self) -> Path:
        return Path(os.environ[OTHER_POSTGRES])

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        known = [one for one in arguments if one != "--locale-provider=builtin"]  # since 17
        return super()._run(program, *known)


class House:
    """The installation: its servers, its processes, its secrets, and a way to ask its database."""

    def __init__(self, home: Path) -> None:
        self.home = home
        kind = OtherPostgres if os.environ.get(OTHER_POSTGRES) else embedded.Postgres
        self.postgres = kind(home / "postgres")
        self.redis = embedded.Redis(home / "redis")
        document = tomllib.loads(CONFIGURATION.read_text())
        self.secrets = {name: _secret(name) for name in _names(document)}
        self.keys = {
            name: random_key() for name in ("SECRET_KEY", "INDEX_KEY", "AUDIT_SIGNING_KEY")
        }
        self.keys["FIELD_KEYS"] = f"1:{random_key()}"
        self.processes: Processes | None = None
        self.revived: list[str] = []
        self.is_without_redis = False  # the keeper leaves it dead
        self.problem: BaseException | None = None  # why nothing is revived any more
        self._keeper: threading.Thread | None = None
        self._ending = threading.Event()

    @property
    def url(self) -> str:
        """Where the web server listens."""
        assert self.processes
        return self.processes.url

    @property
    def webhook_secret(self) -> str:
        return self.secrets["DEMO_RAZORPAY_WEBHOOK_SECRET"]

    @property
    def api_key(self) -> str:
        return self.secrets["DEMO_KEY_INTEGRATOR"]

    def environment(self, *, database: str = embedded.NAME) -> dict[str, str]:
        """What a process of this installation must know."""
        return {
            **self.keys,
            "CSPDCL_VAR": str(self.home),
            "CSPDCL_MODE": "demo",
            "DATABASE_URL": _renamed(self.postgres.url(), database),
            "REDIS_URL": self.redis.url(),
            "DJANGO_SETTINGS_MODULE": "cspdcl.settings",
            "LOG_LEVEL": "WARNING",
            "PYTHONWARNINGS": "ignore",
        }

    def prepare(self, consumers: Sequence[str]) -> None:
        """Start the servers; make the tables, the demo's configuration and these consumers."""
        self.postgres.start()
        self.redis.start()
        if OTHER_POSTGRES not in os.environ:
            template.pour(self.postgres)
        file = self.home / "consumers.csv"
        rows = [f"{1_000_000_000 + n},{one},A consumer,RPR-Z1" for n, one in enumerate(consumers)]
        file.write_text("\n".join(["business_partner,consumer_number,name,office", *rows]) + "\n")
        admin = _renamed(self.postgres.url(), "postgres")
        self.run("-c", _PREPARE, admin, str(CONFIGURATION), str(file), more=self.secrets)

    def open(self) -> None:
        """Start web server, worker and beat, and the keeper that starts them again."""
        self.processes = self.make_processes()
        self.processes.start()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def make_processes(
        self, *, home: Path | None = None, database: str = embedded.NAME, broker: str = ""
    ) -> Processes:
        """A set of processes of this installation; the database knows them by their names."""
        environment = self.environment(database=database)
        environment["REDIS_URL"] = broker or environment["REDIS_URL"]
        made = Processes(port=0, home=home or self.home, environment=environment)
        for child in made.children:
            child.command = ["env", f"PGAPPNAME={child.name}", *child.command]
        return made

    def child(self, name: str) -> Child:
        """One of web, worker, beat and drain."""
        assert self.processes
        return next(one for one in self.processes.children if one.name == name)

    def replace(self, name: str, command: Sequence[str]) -> None:
        """Run another command in the place of web or worker; the keeper starts it."""
        child = self.child(name)
        child.command = list(command)
        assert child.popen
        processes._signal_group(child, signal.SIGKILL)
        before = child.popen
        try:
            until(lambda: child.popen is not before and child.is_healthy(), what=f"another {name}")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.log(name)}") from late

    def close(self) -> None:
        """Stop everything and remove what it wrote."""
        self._ending.set()
        if self._keeper:
            self._keeper.join(PATIENCE)
        if self.processes:
            self.processes.stop()
        self.redis.stop()
        self.postgres.stop()

    def run(
        self,
        *arguments: str,
        more: Mapping[str, str] | None = None,
        database: str = embedded.NAME,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run Python in the installation, from the project's directory."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env={**os.environ, **self.environment(database=database), **(more or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    @contextlib.contextmanager
    def database(self, name: str = embedded.NAME, *, user: str = "") -> Iterator[Any]:
        """A connection of the test's own; waits while the server recovers."""
        url = _renamed(self.postgres.url(), name, user=user)
        connection = until(lambda: _connected(url), what="the database to answer")
        try:
            yield connection
        finally:
            connection.close()

    def ask(self, query: str, *values: object, database: str = embedded.NAME) -> list[Any]:
        """The rows of a query."""
        with self.database(database) as connection, connection.cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())

    def copy_database(self, source: str, *, name: str) -> None:
        """Make a database equal to another one, which nobody uses at the moment."""
        with self.database("postgres") as connection:
            connection.autocommit = True
            words = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.cursor().execute(words.format(sql.Identifier(name), sql.Identifier(source)))

    def broker(self) -> "redis.Redis":
        """A client of our Redis."""
        return redis.Redis.from_url(self.redis.url(), socket_timeout=5)

    def state(self) -> str:
        """What a failure tells of the house: who was revived, and the end of each log."""
        logs = [f"--- {one}\n{self.log(one)}" for one in ("web", "worker", "beat", "drain")]
        return "\n".join([f"revived: {self.revived}; keeper: {self.problem!r}", *logs])

    def log(self, name: str) -> str:
        """The end of a process's log."""
        return processes._tail(self.home / "log" / f"{name}.log")

    def crashes(self, name: str) -> list[str]:
        """What a process logged of each request that it answered with 500."""
        log = (self.home / "log" / f"{name}.log").read_text(errors="replace")
        entries = re.split(r"\n(?=\[?\d{4}-\d\d-\d\d )", log)
        words = ("Internal Server Error", "Error handling request")  # Django's, and gunicorn's
        return [one[-3000:] for one in entries if any(word in one for word in words)]

    def _keep(self) -> None:
        while not self._ending.wait(0.1):
            try:
                self._revive()
            except psycopg2.OperationalError:
                continue  # struck again at the moment of its return
            except (SystemExit, OSError) as problem:
                self.problem = problem  # a test that waits in vain says so
                return

    def _revive(self) -> None:
        assert self.processes
        if not is_running(self.postgres.pid(), marked=str(self.postgres.data)):
            self.postgres.start()
            self.revived.append("postgres")
        if not self.is_without_redis and not is_running(self.redis.pid(), marked="redis"):
            self.redis.start()
            self.revived.append("redis")
        for child in self.processes.children:
            if not child.is_alive:
                processes._signal_group(child, signal.SIGKILL)
                self.processes._launch(child)
                self.revived.append(child.name)


@contextlib.contextmanager
def made_house(consumers: Sequence[str]) -> Iterator[House]:
    """A house that serves; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="cspdcl-chaos-", dir="/tmp") as directory:
        Path(directory).chmod(0o755)  # the database's own user must reach its files
        home = Path(directory) / "var"
        (home / "vendor").mkdir(parents=True)
        house = House(home)
        try:
            house.prepare(consumers)
            house.open()
            yield house
        finally:
            house.close()
            shutil.rmtree(house.postgres.sockets, ignore_errors=True)


def until(answer: Callable[[], T], *, what: str, seconds: float = PATIENCE) -> T:
    """Wait for a condition and return what it says; fails by name when it does not come."""
    deadline = time.monotonic() + seconds
    while not (found := answer()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.02)
    return found


def is_running(pid: int | None, *, marked: str) -> bool:
    """Whether the process lives and is the one meant."""
    return pid is not None and embedded._is_process(pid, marked=marked)


def _connected(url: str) -> Any:
    try:
        return psycopg2.connect(url, connect_timeout=5)
    except psycopg2.OperationalError:
        return None


def _renamed(url: str, database: str, *, user: str = "") -> str:
    parts = urlsplit(url)
    place = f"{user}@{parts.netloc.rpartition('@')[2]}" if user else parts.netloc
    return urlunsplit(parts._replace(path=f"/{database}", netloc=place))


def _names(value: Any) -> Iterator[str]:
    """The names under which a configuration asks for secrets."""
    if isinstance(value, dict) and set(value) == {"env"}:
        yield value["env"]
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _names(one)


def _secret(name: str) -> str:
    """Keys of the API have a name before their dot."""
    text = secrets.token_hex(24)
    return f"{text[:12]}.{text}" if name.startswith("DEMO_KEY_") else text
