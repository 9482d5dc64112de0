"""A partner to refund at, and the two persons that a refund takes."""

from collections.abc import Iterator

import pytest

from people.models import User
from tests.enquiries.partner import Partner, running


@pytest.fixture
def partner() -> Iterator[Partner]:
    with running() as found:
        yield found


@pytest.fixture
def officer(make_user) -> User:
    user: User = make_user("officer", "finance_officer")
    return user


@pytest.fixture
def approver(make_user) -> User:
    user: User = make_user("approver", "finance_approver")
    return user


@pytest.fixture
def both(make_user) -> User:
    """One person with both roles: still only one person."""
    user: User = make_user("both", "finance_officer", "finance_approver")
    return user
