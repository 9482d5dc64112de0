"""What Cashfree's own library publishes is read: the answer to a question for the recon."""

from pathlib import Path
from typing import Final

from channels_.adapters.cashfree import ADAPTER
from channels_.contract import Setup, Window, Wire
from tests.channels_.formats.loading import load
from tests.channels_.gateway_world import NOON

PUBLISHED: Final = (
    Path(__file__).parents[1] / "corpora/cashfree__cashfree-pg-sdk-nodejs/pg_recon_response.json"
)
SETUP: Final = Setup(secrets={"client_id": "sample", "client_secret": "sample"})
WINDOW: Final = Window(since=NOON, until=NOON)


def test_a_published_recon_is_a_page_of_the_report() -> None:
    assert ADAPTER.report is not None

    report = ADAPTER.report.read(Wire(PUBLISHED.read_bytes()), SETUP, WINDOW)

    assert report.cursor == "cursor-uid"
    assert report.content == PUBLISHED.read_bytes()
    ((_page, lines),) = load(ADAPTER.formats[1], report.content)
    assert sum(line.amount_paise for line in lines if line.settlement_ref == "45345") == -354
    assert sum(line.amount_paise for line in lines if line.settlement_ref == "45406") == 0


def test_a_published_recon_without_payments_is_no_news() -> None:
    assert ADAPTER.history is not None

    pulled = ADAPTER.history.read(Wire(PUBLISHED.read_bytes()), SETUP, WINDOW)

    assert (list(pulled.notices), pulled.cursor) == ([], "cursor-uid")
