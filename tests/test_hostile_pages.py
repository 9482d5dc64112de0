"""Whatever stands in an address or a form, a page answers; a fault of ours is never the answer."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse

from counters.taking import receipts_given
from people import actions
from people.models import User
from people.roles import CHANNEL, ROLES
from reconciliation.desk import workbench
from reconciliation.desk.decisions import NotDecidable
from reconciliation.models import Book
from tests.factories import CounterFactory
from tests.reconciliation import small_books as books

POLICY: Final[Mapping[str, Mapping[str, Any]]] = tomllib.loads(
    (Path(__file__).parent / "policy.toml").read_text(encoding="utf-8")
)
PAGES: Final = sorted(
    name
    for name in POLICY
    if not name.startswith(
        ("admin:", "payments-api:", "counters-api:", "reconciliation-api:", "agencies-api:", "api_")
    )
    and name != "people:sign_out"
)
# What pages read of an address or a form, by any name.
NAMES: Final = (
    "q", "page", "waiting", "sort", "day", "since", "until", "least", "most", "state", "channel",
    "method", "reason", "stage", "age", "source", "actor", "action", "about", "section", "bill",
    "consumer", "asked", "counter", "slip_number", "amount", "received", "submit_key", "candidate",
    "kind", "why", "verdict", "answer", "code", "next", "username", "password", "language",
    "theme", "part", "current", "new", "tender", "instrument", "instrument_date", "bank_name",
    "micr", "file", "book", "verify", "hours", "utr",
)  # fmt: skip
HOSTILE: Final = (
    "\0",
    "'\"><script>",
    "9" * 40,
    "-1",
    "\u202e\u200f/..",
    "१२३",
    "0001-01-01",
    "9999-12-31",
    "a" * 5000,
    "\r\nX: y",
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def everybody(users: Mapping[str, User], settings: Any) -> User:
    """A person with every role, so that no door hides what is behind it."""
    settings.SECOND_FACTOR_ROLES = []
    actions.set_roles(users["clerk"], set(ROLES) - {CHANNEL})
    return users["clerk"]


@pytest.mark.parametrize("name", PAGES)
def test_a_hostile_word_is_answered(name: str, everybody: User) -> None:
    entry = POLICY[name]
    arguments = {key: str(value) for key, value in entry.get("arguments", {}).items()}

    client = Client()
    for method in sorted(entry.keys() & {"GET", "POST"}):
        for word in HOSTILE:
            client.force_login(everybody, backend="people.auth.PeopleBackend")
            answer = client.generic(
                method,
                f"{reverse(name, kwargs=arguments)}?{_form(word)}",
                _form(word) if method == "POST" else "",
                content_type="application/x-www-form-urlencoded",
            )
            assert answer.status_code < 500, f"{method} {word[:20]!r}"
            answer.getvalue()  # a stream is made as it is read, and must end without an error
            for part in arguments.values():
                odd = reverse(name, kwargs=arguments).replace(part, quote(word, safe=""))
                assert client.generic(method, odd).status_code < 500, f"{method} {odd[:60]}"


def test_a_key_that_no_form_makes_has_given_no_receipt(everybody: User) -> None:
    assert receipts_given(CounterFactory(), clerk=everybody, submit_key="\0") == ()


def test_a_candidate_that_no_list_offers_is_refused() -> None:
    open_break = books.broken(books.entry(Book.RECEIPTS, 100, reference="A"))

    with pytest.raises(NotDecidable, match="is no entry"):
        workbench.chosen_entries(open_break, ["bank:\0"])


def _form(word: str) -> str:
    return "&".join(f"{one}={quote(word, safe='')}" for one in NAMES)
