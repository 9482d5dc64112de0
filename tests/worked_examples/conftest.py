"""Every worked example has a desk of its own."""

from pathlib import Path

import pytest

from tests.worked_examples.accounts import Desk


@pytest.fixture
def desk(db: None, settings, tmp_path: Path) -> Desk:
    """Books with nothing in them, and a folder for the files."""
    settings.STATEMENTS_DIR = tmp_path / "statements"
    return Desk.open()
