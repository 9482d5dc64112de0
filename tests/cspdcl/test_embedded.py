"""The private servers: real ones, in a directory of their own for every test."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import psycopg2
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cspdcl import embedded
from cspdcl.env import PROJECT, Misconfigured

pytestmark = pytest.mark.servers

ASK = "from cspdcl import embedded; import json; print(json.dumps(embedded.environment()))"


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty var/ whose servers end with the test; root's database user cannot enter it."""
    yield from _lend(tmp_path / "var", monkeypatch)


@pytest.fixture
def open_var(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty var/ that every user of the machine may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        yield from _lend(Path(directory) / "var", monkeypatch)


def test_servers_start_and_take_work(var):
    database, broker = embedded.database_url(), embedded.redis_url()

    assert _ask(database, "SELECT current_database(), current_user") == ("cspdcl", "cspdcl")
    assert redis.Redis.from_url(broker).ping() is True


def test_the_database_promises_what_money_needs(var):
    url = embedded.database_url()
    wanted = {
        "fsync": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "full_page_writes": "on",
        "listen_addresses": "",
        "max_connections": "100",
        "shared_buffers": "1GB",
        "work_mem": "64MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "4GB",
        "TimeZone": "UTC",
        "server_encoding": "UTF8",
    }

    assert {name: _ask(url, f"SHOW {name}")[0] for name in wanted} == wanted
    assert _ask(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == (False,)
    assert _ask(url, "SELECT datlocale FROM pg_database WHERE datname = 'cspdcl'") == ("C.UTF-8",)


def test_redis_refuses_rather_than_forgets_and_wants_its_password(var):
    url = embedded.redis_url()
    port = int(url.rsplit(":", 1)[1].split("/")[0])

    assert redis.Redis.from_url(url).config_get("maxmemory-policy") == {
        "maxmemory-policy": "noeviction"
    }
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=port, retry=Retry(NoBackoff(), 0)).ping()


def test_a_second_process_finds_them_running(var):
    first = embedded.environment()
    pids = embedded.status()

    assert _environment_of_another_process(var) == first
    assert embedded.status() == pids


def test_servers_outlive_the_process_that_started_them(var):
    started = _environment_of_another_process(var)

    assert all(embedded.status().values())
    assert embedded.environment() == started


def test_asking_again_is_cheap(var):
    embedded.environment()

    began = time.perf_counter()
    embedded.environment()

    assert time.perf_counter() - began < 0.1


def test_four_processes_at_once_start_one_server(var):
    children = [_another_process(var) for _ in range(4)]
    answers = [json.loads(child.communicate(timeout=120)[0]) for child in children]

    assert [answer == answers[0] for answer in answers] == [True] * 4
    assert _ask(answers[0]["DATABASE_URL"], "SELECT 1") == (1,)
    log = _cluster().log.read_text()
    assert log.count("database system is ready to accept connections") == 1


def test_killed_servers_come_back_at_the_same_address_with_their_rows(var):
    before = embedded.environment()
    _do(before["DATABASE_URL"], "CREATE TABLE kept AS SELECT 42 AS answer")
    pids = embedded.status()
    for pid in pids.values():
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert embedded._until(partial(_is_gone, pid), seconds=10)

    assert embedded.environment() == before
    assert _ask(before["DATABASE_URL"], "SELECT answer FROM kept") == (42,)
    assert redis.Redis.from_url(before["REDIS_URL"]).ping() is True
    assert not set(embedded.status().values()) & set(pids.values())


def test_a_pid_file_that_names_a_stranger_is_overruled(var):
    url = embedded.database_url()
    embedded.stop()
    # As after a reboot: the number is alive again, as another program.
    pid_file = _cluster().data / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{_cluster().data}\n1\n5432\n\n\n0 0\nready   \n")

    assert not _cluster().is_up()
    assert _ask(embedded.database_url(), "SELECT 1") == (1,)
    assert embedded.database_url() == url


def test_a_start_that_was_killed_half_way_is_made_whole(var):
    home = embedded._postgres(place=True).home
    (home / "data.part").mkdir(parents=True)
    (home / "data.part" / "PG_VERSION").write_text("18\n")

    assert _ask(embedded.database_url(), "SELECT 1") == (1,)


def test_stopping_leaves_nothing_and_the_rows_stay(var):
    url = embedded.environment()["DATABASE_URL"]
    _do(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    pids = [pid for pid in embedded.status().values() if pid]

    embedded.stop()

    assert embedded.status() == {"PostgreSQL": None, "Redis": None}
    assert [_is_gone(pid) for pid in pids] == [True, True]
    assert _ask(embedded.database_url(), "SELECT answer FROM kept") == (42,)


def test_only_who_started_them_stops_them_on_leaving(var):
    _environment_of_another_process(var)
    embedded.environment()

    embedded.stop_started_here()

    assert all(embedded.status().values())


def test_a_path_too_long_for_a_socket_gets_a_short_one(open_var, monkeypatch):
    deep = open_var / ("a-very-deep-checkout/" * 6) / "var"
    monkeypatch.setenv("CSPDCL_VAR", str(deep))
    try:
        assert _ask(embedded.database_url(), "SELECT 1") == (1,)
        assert str(deep) not in str(_cluster().sockets)
        assert _cluster().sockets.stat().st_mode & 0o777 == 0o700
    finally:
        embedded.remove()


def test_everything_stays_under_var_where_that_can_be_entered(open_var):
    url = embedded.database_url()

    assert _ask(url, "SHOW data_directory") == (str(open_var / "postgres" / "data"),) or (
        os.geteuid() != 0
    )
    assert not (open_var / "postgres.path").exists()


def test_another_program_on_the_port_of_redis_is_not_taken_for_ours(var):
    port = int(embedded.redis_url().rsplit(":", 1)[1].split("/")[0])
    embedded.stop()

    with socket.create_server(("127.0.0.1", port)):
        url = embedded.redis_url()

    assert f":{port}/" not in url
    assert redis.Redis.from_url(url).ping() is True


def test_given_addresses_are_taken_and_nothing_starts(var, monkeypatch):
    given = {"DATABASE_URL": "postgresql://db.example/x", "REDIS_URL": "redis://r.example/1"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    assert embedded.environment() == given
    assert not var.exists()


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_production_starts_no_servers_of_its_own(var, monkeypatch, name):
    monkeypatch.setenv("CSPDCL_MODE", "production")
    ask = embedded.database_url if name == "DATABASE_URL" else embedded.redis_url

    with pytest.raises(Misconfigured, match=f"{name}: is required in production"):
        ask()

    assert not var.exists()


def test_the_product_runs_on_an_installed_postgresql_too():
    binaries = _installed_postgresql()
    if binaries is None:
        pytest.skip("this machine has no PostgreSQL of its own")
    with _installed_server(binaries) as url:
        environment = {**os.environ, "DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1/0"}
        environment["DJANGO_SETTINGS_MODULE"] = "cspdcl.settings"
        for command in (["migrate", "-v", "0"], ["check", "--database", "default"]):
            done = subprocess.run(
                [sys.executable, "manage.py", *command],
                cwd=PROJECT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr

        # The laws of the database came along: an append-only table refuses a change.
        assert _ask(url, "SELECT count(*) > 0 FROM django_migrations") == (True,)
        triggers = "SELECT count(*) > 0 FROM pg_trigger WHERE NOT tgisinternal"
        assert _ask(url, triggers) == (True,)


def _lend(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CSPDCL_VAR", str(directory))
    monkeypatch.setenv("CSPDCL_MODE", "test")
    try:
        yield directory
    finally:
        monkeypatch.setenv("CSPDCL_VAR", str(directory))
        if directory.exists():
            embedded.remove()


def _cluster() -> embedded.Postgres:
    return embedded._postgres()


def _is_gone(pid: int) -> bool:
    """A killed process that nobody has collected yet has no command line any more."""
    return not embedded._is_process(pid, marked="/")


def _ask(url: str, sql: str) -> tuple[Any, ...]:
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
    connection.close()
    return cast("tuple[Any, ...]", row)


def _do(url: str, sql: str) -> None:
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
    connection.close()


def _another_process(var: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ASK],
        cwd=PROJECT,
        env={**os.environ, "CSPDCL_VAR": str(var)},
        stdout=subprocess.PIPE,
        text=True,
    )


def _environment_of_another_process(var: Path) -> dict[str, str]:
    with _another_process(var) as child:
        return cast("dict[str, str]", json.loads(child.communicate(timeout=120)[0]))


def _installed_postgresql() -> Path | None:
    """The newest installed server, of the distribution or on PATH."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    on_path = shutil.which("initdb")
    if on_path and not found:
        found.append(Path(on_path).resolve())
    return found[-1].parent if found else None


@contextlib.contextmanager
def _installed_server(binaries: Path) -> Iterator[str]:
    """A throwaway cluster of the machine's own PostgreSQL, on a socket."""
    who = embedded._service_account() if os.geteuid() == 0 else None
    directory = Path(tempfile.mkdtemp(prefix="cspdcl-installed-", dir="/tmp"))
    if who:
        os.chown(directory, who.pw_uid, who.pw_gid)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(binaries / program), *arguments],
            user=who.pw_uid if who else None,
            group=who.pw_gid if who else None,
            extra_groups=[] if who else None,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )

    data, log = str(directory / "data"), str(directory / "log")
    run("initdb", "-U", "cspdcl", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", data)
    options = f"-c listen_addresses= -c unix_socket_directories={directory}"
    run("pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", options)
    try:
        run("createdb", "-h", str(directory), "-U", "cspdcl", "cspdcl")
        yield f"postgresql://cspdcl@/cspdcl?host={directory}"
    finally:
        run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", data)
        shutil.rmtree(directory)
