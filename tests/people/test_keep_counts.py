"""The numbers of the navigation: kept for a person who looks, asked anew for one who has posted."""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from reconciliation.models import Book
from tests.reconciliation import small_books as books

pytestmark = pytest.mark.django_db

AsRole = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _kept(settings) -> None:
    settings.NAVIGATION_SECONDS = 60
    cache.clear()


def breaks_beside(client: Client) -> object:
    page = client.get("/account/")
    links = [link for group in page.context["navigation"] for link in group["links"]]
    return next(link["count"] for link in links if link["url"] == "/breaks/")


def test_a_person_who_looks_sees_what_was_counted_a_moment_ago(as_role: AsRole) -> None:
    officer, other = as_role("finance_officer"), as_role("finance_approver")
    assert breaks_beside(officer) is None
    books.broken(books.entry(Book.RECEIPTS, 100))

    assert breaks_beside(officer) is None
    assert breaks_beside(other) == 1  # the numbers of another are others


def test_who_has_posted_sees_them_as_they_are(as_role: AsRole) -> None:
    officer = as_role("finance_officer")
    assert breaks_beside(officer) is None
    books.broken(books.entry(Book.RECEIPTS, 100))

    answer = officer.post("/breaks/filters/", {"name": "Mine", "query": ""})

    assert answer.cookies["posted"]["max-age"] == 60
    assert breaks_beside(officer) == 1


def test_a_kept_page_asks_the_database_much_less(as_role: AsRole) -> None:
    officer = as_role("finance_officer")
    with CaptureQueriesContext(connection) as first:
        officer.get("/account/")
    with CaptureQueriesContext(connection) as second:
        officer.get("/account/")

    assert len(first) - len(second) >= 10
