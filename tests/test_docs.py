"""docs/interfaces.md is true: its example prints what it says, its lists are complete."""

import doctest
import hmac
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.db import connection
from drf_spectacular.generators import SchemaGenerator

from channels_ import inbox
from tests import played

ROOT: Final = Path(__file__).parents[1]
INTERFACES: Final = ROOT / "docs" / "interfaces.md"
HEADING: Final = "## A day by hand"
ADDRESS: Final = "http://127.0.0.1:8000"  # where the document believes the server

_BLOCK: Final = re.compile(r"```(sh|console)\n(.*?)```", re.DOTALL)
_STEP: Final = re.compile(r"^\$ (.*(?:\\\n.*)*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_LINK: Final = re.compile(r"(?<!!)\[[^\]\n]*\]\((?!https?:)([^)\s]+)\)")  # pictures apart
_AS_WRITTEN: Final = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(section: str) -> Iterator[tuple[str, str]]:
    """The kind and the text of each block of commands below a heading."""
    text = INTERFACES.read_text(encoding="utf-8").split(f"{section}\n", 1)[1]
    yield from _BLOCK.findall(text.split("\n## ", 1)[0])


def steps(section: str) -> list[tuple[str, str]]:
    """The commands below a heading, each with what it is said to print."""
    return [
        step for kind, text in blocks(section) if kind == "console" for step in _STEP.findall(text)
    ]


def environment(address: str, home: Path) -> Mapping[str, str]:
    """What the commands run in: the database of this test, and its keys."""
    database = connection.settings_dict
    query = urlencode({"host": database["HOST"], "port": database["PORT"]})
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "CSPDCL_MODE": "test",
        "CSPDCL_VAR": str(home),
        "DATABASE_URL": f"postgresql://{database['USER']}:{database['PASSWORD']}@/{database['NAME']}?{query}",
        "REDIS_URL": settings.REDIS_URL,
        "FIELD_KEYS": settings.FIELD_KEYS,
        "INDEX_KEY": settings.INDEX_KEY,
        "BASE": address,
    }


@pytest.mark.django_db(transaction=True)
def test_a_day_by_hand_prints_what_is_written(live_server, tmp_path) -> None:
    played.install_rules()
    inbox.forget()
    given = "\n".join(text for kind, text in blocks(HEADING) if kind == "sh")
    given = given.replace(ADDRESS, live_server.url)
    around = environment(live_server.url, tmp_path)
    told = steps(HEADING)
    assert len(told) > 10

    for command, wanted in told:
        done = subprocess.run(
            ["bash", "-c", f"{given}\n{command}"],
            cwd=ROOT, env=around, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        printed = done.stdout
        is_as_written = doctest.OutputChecker().check_output(wanted, printed, _AS_WRITTEN)
        assert is_as_written, (
            f"$ {command}\nis said to print\n{wanted}\nand printed\n{printed}{done.stderr}"
        )


def test_every_operation_of_the_api_is_described() -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    offered = {
        f"`{method.upper()} {path}`"
        for path, methods in schema["paths"].items()
        for method in methods
    }

    text = INTERFACES.read_text(encoding="utf-8")
    assert sorted(one for one in offered if one not in text) == []


def test_the_signature_that_is_worked_out_is_right() -> None:
    body = (ROOT / "docs/examples/day/webhook-1.json").read_bytes()
    signature = hmac.new(b"example-webhook-secret", body, "sha256").hexdigest()

    assert f"`{signature}`" in INTERFACES.read_text(encoding="utf-8")


def test_every_link_leads_somewhere() -> None:
    dead = []
    for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")):
        for target in _LINK.findall(page.read_text(encoding="utf-8")):
            path, _hash, part = target.partition("#")
            there = page.parent / path if path else page
            if not there.exists():
                dead.append(f"{page.name}: {target}")
            elif part and part not in _anchors(there):
                dead.append(f"{page.name}: {target} has no such heading")

    assert dead == []


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one).strip().lower().replace(" ", "-") for one in headings}
