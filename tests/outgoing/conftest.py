"""A gateway of SMS and a mail server, both real, on this machine."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from aiosmtpd.controller import Controller

from tests.enquiries.partner import Partner, free_port, running
from tests.outgoing.telling import described


@pytest.fixture
def gateway(settings) -> Iterator[Partner]:
    """It takes everything and says so."""
    with running() as found:
        described(settings, found.url)
        found.says({"status": "success", "data": [{"id": "SM1"}]})
        yield found


@dataclass
class Post:
    """What the mail server got, and what it says to the next recipient."""

    taken: list[bytes] = field(default_factory=list)
    to: list[str] = field(default_factory=list)
    to_recipient: str = "250 OK"
    to_data: str = "250 OK"

    async def handle_RCPT(self, _server, _session, envelope, address, _options) -> str:  # noqa: N802
        if self.to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802
        self.taken.append(envelope.content)
        self.to += envelope.rcpt_tos
        return self.to_data


@pytest.fixture
def post(settings) -> Iterator[Post]:
    """A mail server without TLS, as it may stand on the same machine."""
    found = Post()
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.DEFAULT_FROM_EMAIL = "CSPDCL <receipts@cspdcl.example>"
    controller = Controller(found, hostname="127.0.0.1", port=settings.EMAIL_PORT)
    controller.start()
    try:
        yield found
    finally:
        controller.stop()
