"""Starts web server, worker, beat and drain together, keeps them running, stops them in order."""

import argparse
import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Any, Final, NamedTuple, Self

from celery import Celery
from kombu.exceptions import OperationalError

from cspdcl import embedded
from cspdcl.env import PROJECT, env_int, var_dir

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 90
STOP_SECONDS: Final = 15
RESTARTS: Final = 5  # of one process within a minute; then it is broken and we say so
MARK: Final = "CSPDCL_PROCESS"  # in the environment of our children: how leftovers are recognised


class ProcessFailed(SystemExit):
    """A process did not become healthy or died too often; the message ends with its log."""


@dataclass
class Child:
    """One process, its log, and how to know that it works."""

    name: str
    command: list[str]
    log: Path
    is_healthy: Callable[[], bool]
    popen: subprocess.Popen[bytes] | None = None
    deaths: list[float] = field(default_factory=list)

    @property
    def is_alive(self) -> bool:
        return self.popen is not None and self.popen.poll() is None


class Other(NamedTuple):
    """One more process to run beside ours; it works when its address answers with 200."""

    name: str
    command: list[str]
    url: str


class Processes:
    """Web server, worker, beat and drain of one installation, and others that were asked for.

    Drain looks into the inbox without Redis: money is posted while the doorbell is broken.

    `with Processes() as processes: ...; processes.wait()`, or start(), wait() and stop() by hand.
    Only one set runs in a directory at a time; what a killed set left behind is ended first.
    """

    def __init__(
        self,
        *,
        port: int = 8000,
        web_workers: int = 2,
        web_threads: int = 4,
        task_processes: int = 2,
        home: Path | None = None,
        environment: Mapping[str, str] | None = None,
        others: Sequence[Other] = (),
        announce: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.home = home or var_dir()
        self.port = usable_port(port)
        self.url = f"http://{HOST}:{self.port}"
        self._announce = announce
        self._environment = {**os.environ, **embedded.environment(), **(environment or {})}
        self._environment.setdefault("DJANGO_SETTINGS_MODULE", "cspdcl.settings")
        self._environment["PYTHONUNBUFFERED"] = "1"
        self._ending = threading.Event()
        self._lock: IO[str] | None = None
        self._handler: signal.Handlers | Callable[[int, FrameType | None], Any] | int | None = None
        self._node = f"cspdcl-{self.port}@localhost"
        self.children = [
            *(
                Child(o.name, o.command, self._log_of(o.name), partial(_answers, o.url))
                for o in others
            ),
            *self._describe(web_workers, web_threads, task_processes),
        ]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start them all and return when each of them does its work."""
        self._take_lock()
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGTERM, _leave)
        try:
            self._end_leftovers()
            for child in self.children:
                self._launch(child)
            for child in self.children:
                self._await(child)
        except BaseException:
            self.stop()
            raise

    def wait(self) -> int:
        """Keep them running until Ctrl-C or SIGTERM; exit code 1 if one would not stay up."""
        with self._signals():
            while not self._ending.wait(0.5):
                for child in self.children:
                    if not child.is_alive and not self._revive(child):
                        sys.stderr.write(f"{child.name} keeps ending.\n{_tail(child.log)}\n")
                        return 1
        return 0

    def stop(self) -> None:
        """Stop web, beat, drain, the worker, then others; who stays on in vain is killed."""
        order = ("web", "beat", "drain", "worker")
        for child in sorted(
            self.children,
            key=lambda one: order.index(one.name) if one.name in order else len(order),
        ):
            self._end(child)
        if self._handler is not None:
            signal.signal(signal.SIGTERM, self._handler)
            self._handler = None
        if self._lock:
            self._lock.close()
            self._lock = None

    def _describe(self, workers: int, threads: int, processes: int) -> list[Child]:
        python, run = sys.executable, self.home / "run"
        run.mkdir(parents=True, exist_ok=True)
        beat_pid = run / "beat.own.pid"
        web = [
            *(python, "-m", "gunicorn", "cspdcl.wsgi:application", "--bind", f"{HOST}:{self.port}"),
            *("--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads)),
            *("--graceful-timeout", "10", "--no-control-socket"),
        ]
        celery = [python, "-m", "celery", "-A", "cspdcl"]
        worker = [
            *(*celery, "worker", "-c", str(processes), "-n", self._node, "--loglevel", "INFO"),
            *("--without-gossip", "--without-mingle"),
        ]
        schedule = str(run / "beat-schedule")
        beat = [*celery, "beat", "-s", schedule, "--pidfile", str(beat_pid), "--loglevel", "INFO"]
        drain_pid = run / "drain.own.pid"
        drain = [python, "manage.py", "drain", "--forever", "--pidfile", str(drain_pid)]
        return [
            Child("web", web, self._log_of("web"), partial(_answers, f"{self.url}/healthz")),
            Child("worker", worker, self._log_of("worker"), self._worker_answers),
            Child("beat", beat, self._log_of("beat"), beat_pid.exists),
            Child("drain", drain, self._log_of("drain"), drain_pid.exists),
        ]

    def _log_of(self, name: str) -> Path:
        directory = self.home / "log"
        directory.mkdir(parents=True, exist_ok=True)
        return directory / f"{name}.log"

    def _launch(self, child: Child) -> None:
        (self.home / "run" / f"{child.name}.own.pid").unlink(missing_ok=True)
        with child.log.open("ab") as log:
            child.popen = subprocess.Popen(  # noqa: S603 - our own commands, no shell
                child.command,
                cwd=PROJECT,
                env={**self._environment, MARK: self._mark(child)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone: we stop them in order
            )
        (self.home / "run" / f"{child.name}.pid").write_text(str(child.popen.pid))

    def _await(self, child: Child) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not child.is_healthy():
            if not child.is_alive or time.monotonic() > deadline:
                raise ProcessFailed(f"{child.name} did not start.\n{_tail(child.log)}")
            time.sleep(0.1)
        self._announce(f"{child.name} runs, its log is {child.log}")

    def _revive(self, child: Child) -> bool:
        """Start a process again that ended by itself, unless it ended too often."""
        now = time.monotonic()
        child.deaths = [at for at in child.deaths if now - at < 60] + [now]
        if len(child.deaths) > RESTARTS:
            return False
        self._announce(f"{child.name} ended and is started again")
        _signal_group(child, signal.SIGKILL)  # its orphans hold the port or the queue
        self._launch(child)
        return True

    def _end(self, child: Child) -> None:
        if child.popen is None:
            return
        if child.is_alive:
            child.popen.terminate()
            try:
                child.popen.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._announce(f"{child.name} did not end in {STOP_SECONDS} s and is killed")
        _signal_group(child, signal.SIGKILL)
        child.popen.wait()
        (self.home / "run" / f"{child.name}.pid").unlink(missing_ok=True)
        child.popen = None

    def _take_lock(self) -> None:
        path = self.home / "run" / "processes.lock"
        lock = path.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with lock:
                lock.seek(0)
                raise ProcessFailed(f"already running here: {lock.read().strip()}") from None
        lock.truncate(0)
        lock.write(f"{self.url}, process {os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def _end_leftovers(self) -> None:
        """End what a killed set left behind; a number that now is another process is left alone."""
        for child in self.children:
            with contextlib.suppress(OSError, ValueError):
                pid = int((self.home / "run" / f"{child.name}.pid").read_text())
                environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                if f"{MARK}={self._mark(child)}".encode() in environment:
                    os.killpg(pid, signal.SIGKILL)

    def _mark(self, child: Child) -> str:
        return f"{child.name}@{self.home}"

    def _worker_answers(self) -> bool:
        broker = self._environment["REDIS_URL"].replace("unix://", "redis+socket://")
        # An app of its own: the project's would ring at the broker of this process, not of its.
        with Celery(broker=broker, set_as_current=False) as probe:
            try:
                return bool(probe.control.ping(destination=[self._node], timeout=0.5))
            except OperationalError:
                return False

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def end(_number: int, _frame: FrameType | None) -> None:
            self._ending.set()

        before = {n: signal.signal(n, end) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _signal_group(child: Child, number: signal.Signals) -> None:
    if child.popen is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.popen.pid, number)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End by an exception, so that whoever started processes also stops them."""
    raise SystemExit(128 + signal.SIGTERM)


def _answers(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def usable_port(port: int) -> int:
    """The port, or any free one when somebody has it."""
    for candidate in (port, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, candidate))
            return int(probe.getsockname()[1])
    raise ProcessFailed(f"no free port on {HOST}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-100:])


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C: migrations first, then web server, worker, beat and drain."""
    parser = argparse.ArgumentParser(prog="python -m cspdcl.processes", description=main.__doc__)
    parser.add_argument("--port", type=int, default=env_int("PORT", 8000))
    port = parser.parse_args(arguments).port
    try:
        environment = {**os.environ, **embedded.environment()}
        for command in (["migrate", "-v", "0"], ["collectstatic", "--no-input", "-v", "0"]):
            subprocess.run(  # noqa: S603 - our own command, no shell
                [sys.executable, "manage.py", *command], cwd=PROJECT, env=environment, check=True
            )
        with Processes(port=port, announce=_say) as processes:
            _say(f"Serving on {processes.url}, Ctrl-C stops.")
            return processes.wait()
    except subprocess.CalledProcessError as error:
        return error.returncode
    finally:
        embedded.stop_started_here()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
