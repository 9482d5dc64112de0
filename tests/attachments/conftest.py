"""A scanner that the settings name."""

import socket
from collections.abc import Iterator

import pytest

from tests.attachments.clamd import Clamd, listening


@pytest.fixture
def clamd(settings) -> Iterator[Clamd]:
    """A virus scanner on a port of this machine."""
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as found:
        settings.CLAMD_ADDRESS = f"tcp://127.0.0.1:{found.server.getsockname()[1]}"
        yield found
