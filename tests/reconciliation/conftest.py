"""What tests of the books share."""

import pytest

from tests import played


@pytest.fixture
def starting_rules(db: None) -> None:
    """The rules that the migrations put there."""
    played.install_rules()
