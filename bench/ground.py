"""What every measurement stands on: a database of its own, child processes, figures kept."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from cspdcl import embedded
from cspdcl.env import var_dir

TEMPLATE: Final = "cspdcl_bench_template"
PEERS: Final = Path(__file__).resolve().parent.parent / "requirements-bench.txt"


def figures_dir() -> Path:
    """Where figures and data of the measurements go."""
    folder = var_dir() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def url_of(database: str) -> str:
    """The address of another database on the same server."""
    parts = urlsplit(embedded.database_url())
    return urlunsplit(parts._replace(path=f"/{database}"))


def environment(database: str) -> dict[str, str]:
    """The environment of a child that works on a database of its own."""
    return {
        **os.environ,
        "DATABASE_URL": url_of(database),
        "REDIS_URL": embedded.redis_url(),
        "LOG_LEVEL": "WARNING",
    }


def prepare_template() -> None:
    """A migrated, empty database that each round is copied from."""
    _recreate(TEMPLATE)
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        check=True,
        env=environment(TEMPLATE),
    )


@contextmanager
def database(name: str, *, template: str = "template0") -> Iterator[str]:
    """A fresh database for one round; dropped at its end."""
    _recreate(name, template=template)
    try:
        yield name
    finally:
        _execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def peers() -> str:
    """The Python of the peers, which have packages of their own; made when it is not there."""
    home = figures_dir() / "peers"
    wanted = PEERS.read_text(encoding="utf-8")
    stamp = home / "installed.txt"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--disable-pip-version-check", "-r", str(PEERS)], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return str(home / "bin" / "python")


def child(module: str, *arguments: str, name: str, python: str = sys.executable) -> dict[str, Any]:
    """Run a module in a process of its own; it answers with one line of JSON."""
    done = subprocess.run(
        [python, "-m", module, *arguments],
        check=True, env=environment(name), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def write(name: str, result: Mapping[str, Any]) -> None:
    """Keep the figures of a measurement, with the machine they were taken on."""
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "postgresql": _server_version(),
    }
    path = figures_dir() / f"{name}.json"
    path.write_text(json.dumps({"machine": machine, **result}, indent=2) + "\n", encoding="utf-8")
    print(
        f"  written to {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}"
    )


def cpu_seconds() -> float:
    """What the private database server has used of the processors, the exited backends included.

    On a machine that others use too, this says more than the clock. Zero where it is not ours.
    """
    server = embedded.status().get("PostgreSQL")
    if server is None:
        return 0.0
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        user, system, exited_user, exited_system = (int(one) for one in fields[11:15])
        if stat.parent.name == str(server):
            total += user + system + exited_user + exited_system
        elif fields[1] == str(server):
            total += user + system
    return total / os.sysconf("SC_CLK_TCK")


def middle(values: list[float]) -> float:
    """The median, to three digits."""
    return round(median(values), 3)


def _recreate(name: str, *, template: str = "template0") -> None:
    _execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    _execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )


def _execute(statement: sql.Composable) -> None:
    connection = psycopg2.connect(embedded.database_url())
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


def _server_version() -> str:
    connection = psycopg2.connect(embedded.database_url())
    try:
        return str(connection.server_version // 10_000)
    finally:
        connection.close()
