"""Which errors mean that the database is away, and which that we asked for something wrong."""

import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)

from cspdcl.kernel.database import is_away


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError, DatabaseError])
def test_a_lost_connection_is_away_by_whatever_name(kind):
    assert is_away(kind("server closed the connection unexpectedly"))


@pytest.mark.parametrize("kind", [DataError, IntegrityError, InternalError, ProgrammingError])
def test_what_the_server_refuses_is_a_fault(kind):
    assert not is_away(kind("no such column"))


def test_other_errors_are_not_the_database():
    assert not is_away(ValueError("x"))
