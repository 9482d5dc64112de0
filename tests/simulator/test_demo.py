"""The demo, whole: twice with the same figures, then served until it is interrupted."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cspdcl.env import PROJECT

pytestmark = pytest.mark.servers

SERVES = "It serves until Ctrl-C."
START_SECONDS = 180


@pytest.fixture
def surroundings() -> Iterator[dict[str, str]]:
    """A place for database, broker and files of its own; its servers end with the demo."""
    with tempfile.TemporaryDirectory(prefix="cspdcl-demo-", dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        home = Path(directory) / "var"
        home.mkdir()
        vendor = PROJECT / "var" / "vendor"
        if vendor.exists():
            (home / "vendor").symlink_to(vendor)
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in {"DATABASE_URL", "REDIS_URL", "CSPDCL_MODE", "DJANGO_SETTINGS_MODULE"}
        }
        yield {
            **inherited,
            "CSPDCL_VAR": str(home),
            "DEMO_PAYMENTS": "400",
            "DEMO_SEED": "3",
            "DEMO_DATE": "2026-11-20",
            "PORT": "0",
        }


def _start(environment: dict[str, str], **changes: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo"],
        cwd=PROJECT,
        env={**environment, **changes},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _summary(environment):
    path = Path(environment["CSPDCL_VAR"]) / "demo" / "summary.json"
    summary = json.loads(path.read_text())
    assert summary.pop("run")["seconds"] > 0
    return summary


def test_a_second_demo_gives_the_same_figures_and_ctrl_c_stops_all_of_it(surroundings):
    first = _start(surroundings, DEMO_SERVE="0")
    said, _ = first.communicate(timeout=START_SECONDS)
    assert first.returncode == 0, said
    figures = _summary(surroundings)
    assert figures["wrong"] == []
    assert figures["planted"]["found"] == figures["planted"]["planted"] > 30
    assert all(one["arrived"] == one["sent"] for one in figures["channels"])
    assert "invented 0." in said
    assert "clerk may open a shift at rpr1" in said
    assert figures["registers"] == {"over_short": 3, "return_lines": 1}

    second = _start(surroundings)
    try:
        said = _read_until(second, SERVES)
        assert _summary(surroundings) == figures
        url = next(word for word in said.split() if word.startswith("http://127.0.0.1:"))
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert "  clerk  " in said
    finally:
        os.killpg(second.pid, signal.SIGINT)
        rest, _ = second.communicate(timeout=60)
    assert second.returncode == 0, rest
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz")


def _read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    deadline = time.monotonic() + START_SECONDS
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
        assert time.monotonic() < deadline, said
    raise AssertionError(said)
