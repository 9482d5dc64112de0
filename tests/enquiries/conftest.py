"""A partner to ask, for the tests of questions."""

from collections.abc import Iterator

import pytest

from tests.enquiries.partner import Partner, running


@pytest.fixture
def partner() -> Iterator[Partner]:
    with running() as found:
        yield found
