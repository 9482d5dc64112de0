"""A browser, a server, and one small day that was played and reconciled for all of these tests."""

import shutil
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import time_machine
from django.conf import settings as real
from django.core.management import call_command
from django.db import connection, connections
from django.test import override_settings
from playwright.sync_api import Browser, sync_playwright
from pytest_django.live_server_helper import LiveServer

from people import actions
from people.models import Office, User
from people.roles import ROLES
from tests import played
from tests.e2e.window import Window

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DAY = date(2026, 11, 20)
MORNING_AFTER = "2026-11-21 11:00:00+05:30"
PASSWORD = "correct horse battery"
PEOPLE = tuple(role.code for role in ROLES.values() if not role.is_machine)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser each of these tests is named as left out, with the reason."""
    for item in items:
        if item.get_closest_marker("browser") and CHROMIUM is None:
            reason = f"{item.name} is left out: it drives Chromium, which is not on PATH"
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="package")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files of the day are."""
    return tmp_path_factory.mktemp("day")


@pytest.fixture(scope="package")
def house(django_db_setup, django_db_blocker, files: Path) -> Iterator[LiveServer]:
    """The served house after its day, and a user of each role; emptied when the tests are done."""
    changed = override_settings(
        SECOND_FACTOR_ROLES=[],
        STATEMENTS_DIR=files / "kept",
        REPORTS_DIR=files / "reports",
        ALLOWED_HOSTS=[*real.ALLOWED_HOSTS, "localhost"],
    )
    with (
        django_db_blocker.unblock(),
        pytest.MonkeyPatch.context() as patched,
        time_machine.travel(MORNING_AFTER, tick=True),
        changed,
    ):
        # The browser's driver runs a loop in this thread; we ask the database beside it.
        patched.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        name = connection.settings_dict["NAME"]
        assert name.startswith("test_"), f"{name} is no test database"
        try:
            clerk = played.install()
            played.play(files, clerk=clerk, day=DAY, payments=240, seed=3)
            played.reconcile(DAY)
            _people()
            server = LiveServer("localhost")
            yield server
            server.stop()
            _wait_for_threads()
        finally:
            call_command("flush", verbosity=0, interactive=False)
            played.install_rules()  # what the migrations had put there; later tests count on it


def _wait_for_threads() -> None:
    """The server's threads end on their own after the last answer; none may keep the database."""
    deadline = time.monotonic() + 20
    while others := _other_sessions():
        assert time.monotonic() < deadline, f"still connected: {others}"
        time.sleep(0.05)


def _other_sessions() -> list[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, query FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return list(cursor.fetchall())


def _people() -> None:
    """One user of each role, named by it; those of the counters work in the whole company."""
    company = Office.objects.get(code="CO")
    for code in PEOPLE:
        user = User.objects.create_user(f"a.{code}", PASSWORD, full_name=str(ROLES[code].title))
        actions.set_roles(user, {code})
        actions.grant_office(user, company)


@pytest.fixture(scope="package")
def browser(house: LiveServer) -> Iterator[Browser]:
    """Chromium with a profile of its own, made for these tests and thrown away."""
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        chromium.close()
        # While the driver's loop runs, this thread's connection is another one than without it.
        connections.close_all()


@pytest.fixture
def window_of(browser: Browser, house: LiveServer) -> Iterator[Callable[[str], Window]]:
    """A signed-in window of a role, ``window_of("clerk")``; its troubles fail the test."""
    opened: list[Window] = []

    def enter(role: str) -> Window:
        window = Window(browser, house.url)
        opened.append(window)
        window.sign_in(f"a.{role}", PASSWORD)
        return window

    yield enter
    for window in opened:
        window.close()
