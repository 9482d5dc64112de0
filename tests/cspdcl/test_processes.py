"""Web server, worker, beat and drain as real processes of the real application."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from cspdcl import embedded
from cspdcl.env import PROJECT
from cspdcl.processes import Processes, ProcessFailed
from tests import template

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def house() -> Iterator[tuple[Path, dict[str, str]]]:
    """A migrated database and a Redis of their own, and what a child must know of them."""
    with tempfile.TemporaryDirectory(prefix="cspdcl-house-", dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        home = Path(directory) / "var"
        environment = {"CSPDCL_VAR": str(home), "DJANGO_SETTINGS_MODULE": "cspdcl.settings"}
        with pytest.MonkeyPatch.context() as patch:
            for name in ("DATABASE_URL", "REDIS_URL"):
                patch.delenv(name, raising=False)
            patch.setenv("CSPDCL_VAR", str(home))
            environment |= embedded.environment()
            template.pour(embedded._postgres())
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "-v", "0"],
                cwd=PROJECT,
                env={**os.environ, **environment},
                check=True,
            )
            yield home, environment
            embedded.remove()


def test_processes_serve_come_back_after_a_kill_and_stop(house):
    home, environment = house
    processes = Processes(port=0, home=home, environment=environment)

    with processes:
        assert httpx.get(f"{processes.url}/healthz").status_code == 200
        with pytest.raises(ProcessFailed, match=f"already running here: {processes.url}"):
            Processes(port=0, home=home, environment=environment).start()

        worker = next(child for child in processes.children if child.name == "worker")
        assert worker.popen is not None
        killed = worker.popen
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert processes._revive(worker)
        processes._await(worker)
        alive = [child.popen.pid for child in processes.children if child.popen]

    assert killed.pid not in alive
    assert [_is_gone(pid) for pid in alive] == [True] * 4


def test_what_a_killed_set_left_behind_is_ended_first(house):
    home, environment = house
    ask = (
        "import os, signal; from pathlib import Path; from cspdcl.processes import Processes;"
        f"p = Processes(port=0, home=Path({str(home)!r})); p.start();"
        "print(*(c.popen.pid for c in p.children), flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    first = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=PROJECT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    left = [int(pid) for pid in first.stdout.split()]
    assert [_is_gone(pid) for pid in left] == [False] * 4

    with Processes(port=0, home=home, environment=environment):
        gone = [embedded._until(partial(_is_gone, pid), seconds=10) for pid in left]

    assert gone == [True] * 4


def test_a_process_that_cannot_start_says_why(house):
    home, environment = house
    broken = {**environment, "DJANGO_SETTINGS_MODULE": "absent"}

    with pytest.raises(ProcessFailed, match=r"web did not start(.|\n)*No module named 'absent'"):
        Processes(port=0, home=home, environment=broken).start()


def _is_gone(pid: int) -> bool:
    return not embedded._is_process(pid, marked="python")
