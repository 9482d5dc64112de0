"""The house style that no linter knows; each rule says in its failure why it is one."""

import ast
import io
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from django.core.management import call_command, get_commands
from django.urls import URLPattern, URLResolver, get_resolver

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = (
    "cspdcl", "people", "channels_", "payments", "reconciliation", "reports", "configuration",
    "simulator", "outgoing", "agencies", "attachments", "counters", "enquiries", "refunds",
    "sources",
)  # fmt: skip

# Who may move a state: one mover for each of these tables.
MOVERS: Final = {
    "agencies/floats.py": "changes of floats",
    "attachments/actions.py": "attachments",
    "channels_/queue.py": "messages",
    "channels_/secrets.py": "secrets",
    "counters/bags.py": "bags to the bank",
    "counters/closing.py": "days of offices",
    "counters/differences.py": "over and short",
    "counters/drawers.py": "moves of cash",
    "counters/overrides.py": "questions to the supervisor",
    "counters/papers.py": "papers",
    "counters/returning.py": "lines of return files",
    "counters/offline_settling.py": "what was receipted offline",
    "counters/shifts.py": "shifts",
    "enquiries/operations.py": "questions",
    "outgoing/queue.py": "what leaves the house",
    "payments/actions.py": "payments",
    "counters/sheets.py": "sheets of bulk payers",
    "payments/disputes.py": "disputes",
    "payments/notices.py": "refunds",
    "payments/owed.py": "owed replies",
    "refunds/actions.py": "requests for refunds",
    "refunds/answering.py": "answers to disputes",
    "reconciliation/matching/backtest.py": "back-tests",
    "reconciliation/desk/bulk.py": "steps for many breaks",
    "reconciliation/dayend/closing.py": "closings of days",
    "reconciliation/desk/letters.py": "letters about breaks",
    "reconciliation/desk/sheets.py": "rows of a sheet before they are stored",
    "reconciliation/desk/decisions.py": "decisions",
    "reconciliation/engine.py": "runs",
    "reconciliation/rulebook/rates.py": "rate cards",
    "reconciliation/incoming/statements.py": "files",
    "reconciliation/desk/versions.py": "versions of rules",
    "reconciliation/desk/undoing.py": "undos, and the files they take out",
    "sources/mappings.py": "mappings",
    "sources/fetching.py": "fetches",
    "sources/doubts.py": "doubts about files",
    "sources/quarantine.py": "rows that were set aside",
}
MONEY: Final = re.compile(r"paise|amount|rupees|balance|fee|tax", re.IGNORECASE)
FINDER: Final = "channels_/registry.py"  # finds how partners look from outside, for the simulator
# Takes an error to the thread that asked, and raises it there.
CARRIERS: Final = frozenset({"reconciliation/incoming/ahead.py"})
HOSTS: Final = re.compile(
    r"/(?:home|root|work|Users)/\w|(?:registry|mirror|proxy)[\w.-]*\.(?:com|org|net|io|local|internal)"
)
ADDRESSES_ALLOWED: Final = frozenset({"tests/test_tidy.py", "package-lock.json"})


@cache
def sources() -> dict[str, ast.Module]:
    """Our modules by their path, parsed."""
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def nodes(*, migrations: bool = False) -> Iterator[tuple[str, ast.AST]]:
    """Every node of our modules, with the path of its module."""
    for path, tree in sources().items():
        if migrations or "/migrations/" not in path:
            for node in ast.walk(tree):
                yield path, node


def at(path: str, node: ast.AST) -> str:
    """Where a person finds it."""
    return f"{path}:{getattr(node, 'lineno', 0)}"


def name_of(node: ast.AST) -> str:
    """The dotted name of an expression, as far as it is one."""
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def test_money_never_meets_a_float() -> None:
    found = []
    for path, node in nodes(migrations=True):
        if isinstance(node, ast.Call) and name_of(node.func) == "float":
            found.append(at(path, node))
        if isinstance(node, ast.BinOp | ast.Assign | ast.AnnAssign | ast.keyword | ast.Compare):
            parts = list(ast.walk(node))
            has_float = any(isinstance(p, ast.Constant) and type(p.value) is float for p in parts)
            if has_float and MONEY.search(ast.unparse(node)):
                found.append(at(path, node))

    assert not found, "money is whole paise: a float loses some of them"


def test_a_state_is_moved_by_its_owner_alone() -> None:
    found = [at(path, node) for path, node in nodes() if path not in MOVERS and _moves(node)]

    assert not found, "a state has one mover, which keeps its event and its lock; call that"


def _moves(node: ast.AST) -> bool:
    """Whether it writes a state: ``x.state = ...`` or ``rows.update(state=...)``."""
    if isinstance(node, ast.Call):
        is_update = isinstance(node.func, ast.Attribute) and node.func.attr == "update"
        return is_update and any(keyword.arg == "state" for keyword in node.keywords)
    targets = node.targets if isinstance(node, ast.Assign) else []
    written = [part for target in targets for part in ast.walk(target)]
    return any(isinstance(part, ast.Attribute) and part.attr == "state" for part in written)


def test_nothing_happens_by_signal() -> None:
    found = [at(path, node) for path, node in nodes() if _is_signal(node)]

    assert not found, "who reads an action must see all it does: no signals"


def _is_signal(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.ImportFrom)
        and "django" in (node.module or "")
        and ("signals" in (node.module or "") or any(one.name == "receiver" for one in node.names))
    )


def test_nobody_swallows_what_they_cannot_name() -> None:
    found = [
        at(path, node)
        for path, node in nodes()
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or name_of(node.type) in ("Exception", "BaseException"))
        and not any(isinstance(one, ast.Raise) for one in ast.walk(node))
        and path not in CARRIERS
    ]

    assert not found, "catch what you can act on; everything else crashes and is logged"


def test_nothing_is_printed() -> None:
    found = [
        at(path, node)
        for path, node in nodes()
        if isinstance(node, ast.Call) and name_of(node.func) == "print"
    ]

    assert not found, "commands write to self.stdout, everybody else logs: masks stand there"


def test_imports_are_absolute() -> None:
    found = [at(p, n) for p, n in nodes() if isinstance(n, ast.ImportFrom) and n.level]

    assert not found, "a relative import hides which app it reaches into"


def test_the_clock_is_read_in_one_place() -> None:
    readers = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "timezone.now"}
    found = [
        at(path, node)
        for path, node in nodes()
        if isinstance(node, ast.Attribute)
        and ".".join(name_of(node).split(".")[-2:]) in readers
        and path != "cspdcl/kernel/clock.py"
    ]

    assert not found, "cspdcl.kernel.clock reads the time: UTC inside, Indian days outside"


_MADE_UP = re.compile(r"channels_\.(?:simulation|adapters\.\w+\.simulate(?:_\w+)?)$")


def test_only_the_simulator_makes_things_up() -> None:
    found = [
        at(path, node)
        for path, node in nodes()
        if isinstance(node, ast.ImportFrom)
        and _MADE_UP.search(node.module or "")
        and not path.startswith("simulator/")
        and not re.search(r"/simulate(?:_\w+)?\.py$", path)
        and path != FINDER
    ]
    asked = [
        at(path, node)
        for path, node in nodes()
        if name_of(node) == "registry.simulation" and not path.startswith("simulator/")
    ]

    assert not found + asked, "what is made up must not reach what is real"


def test_every_module_says_what_it_is_for() -> None:
    found = [path for path, tree in sources().items() if tree.body and not ast.get_docstring(tree)]

    left = [path for path in found if "/migrations/" not in path]
    assert not left, "a module starts with one sentence that says what it is for"


def test_every_adapter_has_evidence() -> None:
    adapters = ROOT / "channels_" / "adapters"
    silent = [
        folder.name
        for folder in adapters.iterdir()
        if (folder / "notices.py").exists()
        and not list((ROOT / "tests" / "channels_" / folder.name).glob("*.expected"))
    ]

    assert not silent, "an adapter is proved by messages beside their readings"


def test_every_address_has_a_test() -> None:
    tests = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "tests").rglob("*")
        if path.suffix in (".py", ".toml")
    )
    unnamed = [name for name in _names(get_resolver().url_patterns) if name not in tests]

    assert not unnamed, "every address stands in tests/policy.toml or in a test of its own"


def _names(patterns: list[URLPattern | URLResolver], space: str = "") -> Iterator[str]:
    for one in patterns:
        if isinstance(one, URLResolver):
            if one.namespace != "admin":
                yield from _names(one.url_patterns, f"{one.namespace}:" if one.namespace else space)
        else:
            yield f"{space}{one.name}"


def test_every_command_is_described() -> None:
    text = (ROOT / "docs" / "interfaces.md").read_text(encoding="utf-8")
    ours = [name for name, app in get_commands().items() if app in PACKAGES]

    assert len(ours) > 8
    assert [name for name in ours if f"`{name} " not in text and f"`{name}`" not in text] == []


def test_no_machine_of_ours_is_named() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = []
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if not name or name in ADDRESSES_ALLOWED or "corpora/" in name or not path.is_file():
            continue
        content = path.read_bytes()
        if b"\0" not in content:
            text = content.decode(errors="replace")
            found += [f"{name}: {one[0]}" for one in HOSTS.finditer(text)]

    assert not found, "a checkout works anywhere: no path of a machine, no host of a registry"


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0, stdout=io.StringIO())
