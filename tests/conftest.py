"""What every test may ask for: a small tree of offices, and one user of each role."""

import base64
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.utils import translation
from xdist.scheduler import LoadScopeScheduling

from agencies import doors as agency_doors
from channels_ import inbox
from enquiries import tat
from payments.views import check
from people import actions
from people.models import Office, User
from people.roles import ROLES
from sources import calendar
from tests import template

NO_TRUNCATE = """
    SELECT tgrelid::regclass::text, tgname FROM pg_trigger
    WHERE NOT tgisinternal AND tgtype & 32 = 32
"""


# Their tests share a house that takes long to build.
_TOGETHER = ("tests/chaos/", "tests/cspdcl/test_processes.py")


class _Scheduling(LoadScopeScheduling):
    """Any test to any process, but those that share a house to one."""

    def _split_scope(self, nodeid: str) -> str:
        return next((one for one in _TOGETHER if nodeid.startswith(one)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log) -> LoadScopeScheduling:
    return _Scheduling(config, log)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """A test database is a copy: to migrate an empty one takes twenty seconds each time."""
    connection.settings_dict["TEST"]["TEMPLATE"] = template.prepared()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker) -> Iterator[None]:
    """Tests that commit are cleaned by TRUNCATE, which our append-only tables refuse.

    A test of that refusal takes the fixture ``truncate_refused``.
    """
    with django_db_blocker.unblock():
        _switch_truncate_guards("DISABLE")
    yield
    # Dropping a database waits for a checkpoint, and that for the disk.
    connection.settings_dict["OPTIONS"]["options"] += " -c statement_timeout=10min"


@pytest.fixture
def truncate_refused(db: None) -> None:
    """The guards against TRUNCATE stand, as they do outside tests; the rollback takes them off."""
    _switch_truncate_guards("ENABLE")


def _switch_truncate_guards(how: str) -> None:
    # pytest-django makes the test database only if a chosen test is marked to want one.
    name = connection.settings_dict["NAME"]
    assert name.startswith("test_"), f"{name} is no test database; mark the test with django_db"
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # no ALTER TABLE while some wait
        cursor.execute(NO_TRUNCATE)
        for table, trigger in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} {how} TRIGGER "{trigger}"')


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """What a process remembers for seconds is of the test before: rows that are rolled back."""
    agency_doors.forget()
    inbox.forget()
    tat.forget()
    calendar.forget()
    check.WRONG.forget()


@pytest.fixture(autouse=True)
def anchor_file(settings, tmp_path: Path) -> Path:
    """Anchors of a test go to a file of its own, signed by a key that tests alone use."""
    settings.AUDIT_SIGNING_KEY = base64.b64encode(b"t" * 32).decode()
    settings.AUDIT_OLD_PUBLIC_KEYS = []
    settings.AUDIT_ANCHOR_FILE = tmp_path / "anchors.jsonl"
    return tmp_path / "anchors.jsonl"


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """A page in Hindi leaves its language to the thread, and so to whatever test comes next."""
    with translation.override("en"):
        yield


@pytest.fixture
def offices(db: None) -> Mapping[str, Office]:
    """Company > two regions, the first with a circle and two zones."""
    made: dict[str, Office] = {}
    for code, kind, parent in (
        ("CO", "company", ""),
        ("R1", "region", "CO"),
        ("R2", "region", "CO"),
        ("C1", "circle", "R1"),
        ("Z1", "zone", "C1"),
        ("Z2", "zone", "C1"),
        ("Z3", "zone", "R2"),
    ):
        above = made.get(parent)
        made[code] = Office.objects.create(
            code=code,
            name=f"Office {code}",
            kind=kind,
            parent=above,
            path=f"{above.path if above else '/'}{code}/",
        )
    return made


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    """Make a user with roles and offices: ``make_user("asha", "clerk", offices=[zone])``."""

    def make(name: str, *codes: str, offices: tuple[Office, ...] = (), **fields: object) -> User:
        user = User.objects.create_user(name, "correct horse battery", full_name=name, **fields)
        actions.set_roles(user, set(codes))
        for office in offices:
            actions.grant_office(user, office)
        return user

    return make


@pytest.fixture
def users(make_user, offices: Mapping[str, Office]) -> Mapping[str, User]:
    """One user of each role by its code; clerk and supervisor work in zone Z1."""
    return {code: make_user(code, code, offices=(offices["Z1"],)) for code in ROLES}


@pytest.fixture
def as_role(users: Mapping[str, User], settings) -> Callable[[str], Client]:
    """A browser signed in as a role; the second factor is off but where a test turns it on."""
    settings.SECOND_FACTOR_ROLES = []

    def sign_in(code: str) -> Client:
        client = Client()
        client.force_login(users[code], backend="people.auth.PeopleBackend")
        return client

    return sign_in
