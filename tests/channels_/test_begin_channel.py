"""A scratch channel, from the command to its first believed message: nothing else is touched."""

import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from channels_ import registry
from channels_.guide import MARK, guide

LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "var", "node_modules", "staticfiles", "__pycache__", ".*_cache", ".hypothesis"
)

MADE_BY_RUNNING = {"__pycache__", ".hypothesis", "var"}

NOTICES = '''"""Scratch: one JSON object a payment, signed over its raw bytes."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from channels_ import json_strict
from channels_.contract import Inbound, Notice, NoticeKind, Outcome, Setup, Unreadable
from cspdcl.kernel.errors import Unverified

SECRET: Final = "notice_key"


def verify(inbound: Inbound, setup: Setup) -> None:
    expected = hmac.new(setup.secrets[SECRET].encode(), inbound.body, hashlib.sha256).hexdigest()
    given = inbound.headers.get("x-scratch-signature", "")
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise Unverified("the signature does not match")


def parse(inbound: Inbound, setup: Setup) -> Sequence[Notice]:
    said = json_strict.object_at(json_strict.loads(inbound.body))
    if "id" not in said:
        raise Unreadable("expected an id")
    return [
        Notice(
            kind=NoticeKind.PAYMENT,
            event="paid",
            outcome=Outcome.SUCCEEDED,
            channel_ref=json_strict.text_at(said, "id"),
            amount_paise=json_strict.paise_at(said, "paise"),
            occurred_at=datetime.fromisoformat("2026-08-18T12:00:00+05:30"),
        )
    ]
'''
BODY = '{"id":"T0001","paise":100}'


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project as a newcomer would have it, to write into."""
    target = tmp_path / "project"
    shutil.copytree(settings.BASE_DIR, target, ignore=LEFT_OUT)
    return target


def run(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *words],
        check=False,
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
    )


def golden(project: Path) -> subprocess.CompletedProcess[str]:
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/channels_/test_read_notices.py")
    return run(project, *words, "-k", "scratch")


def files(project: Path) -> dict[str, bytes]:
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and not MADE_BY_RUNNING & set(path.parts)
    }


def test_a_new_channel_is_red_first_then_green_and_touches_two_folders_only(copy: Path) -> None:
    before = files(copy)
    told = run(copy, "manage.py", "new_channel", "scratch", "--title", "Scratch")
    assert told.returncode == 0, told.stderr
    assert "wrote channels_/adapters/scratch/__init__.py" in told.stdout

    red = golden(copy)
    assert red.returncode == 1
    assert "scratch/first_payment" in red.stdout

    tests = copy / "tests/channels_/scratch"
    (copy / "channels_/adapters/scratch/notices.py").write_text(NOTICES)
    (tests / "first_payment.body").write_text(BODY)
    (tests / "first_payment.headers").write_text(json.dumps(signed(BODY)))
    said = json.loads((tests / "first_payment.expected").read_text())
    said[0]["event"] = "paid"
    (tests / "first_payment.expected").write_text(json.dumps(said))
    (tests / "no_id.body").write_text("{}")
    (tests / "no_id.headers").write_text(json.dumps(signed("{}")))
    (tests / "no_id.expected").write_text('{"unreadable": "expected an id"}')

    green = golden(copy)
    assert green.returncode == 0, green.stdout[-3000:]
    after = files(copy)
    touched = {name for name in after if after[name] != before.get(name)}
    folders = ("channels_/adapters/scratch/", "tests/channels_/scratch/")
    assert {name for name in touched if not name.startswith(folders)} == set()
    assert set(before) <= set(after)


def signed(body: str) -> dict[str, str]:
    signature = hmac.new(b"golden notice key", body.encode(), hashlib.sha256).hexdigest()
    return {"x-scratch-signature": signature}


@pytest.mark.parametrize("code", ["Razorpay", "a", "x-y", "../x", "1st", "x" * 25])
def test_a_wrong_code_says_what_a_code_is(code: str) -> None:
    with pytest.raises(CommandError, match="expected a code"):
        call_command("new_channel", code)


def test_a_channel_that_is_there_is_not_written_over() -> None:
    with pytest.raises(CommandError, match="there already"):
        call_command("new_channel", "razorpay")


def test_the_guide_says_what_the_adapters_say() -> None:
    page = (settings.BASE_DIR / "docs" / "channels.md").read_text(encoding="utf-8")

    assert guide(page, registry.adapters()) == page, "run manage.py channel_guide"


def test_the_guide_keeps_what_was_written_by_hand() -> None:
    made = guide(f"# By hand\n{MARK}\nmade before\n", registry.adapters())

    assert made.startswith(f"# By hand\n{MARK}\n\n## What each adapter can do\n")
    assert "made before" not in made
    with pytest.raises(ValueError, match="expected the line"):
        guide("# nothing", registry.adapters())
