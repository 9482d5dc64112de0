"""How card terminals look from outside: a MIS file. Their payments are taken at our counters."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from channels_.adapters.card_terminal.statement import HEADER
from channels_.contract import Method, Setup
from channels_.formats.table import write_csv
from channels_.simulation import Envelope, Listed, News, ReportRow, Simulation, Subject
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.money import rupees_from_paise

_WORDS: Final[Mapping[str, str]] = {"payment": "SALE", "refund": "REFUND"}


def tell(news: News, _subject: Subject, _at: datetime, _event_id: str) -> Envelope:
    """A terminal tells us nothing."""
    raise ValueError(f"a card terminal tells nothing of {news}")


def sign(envelope: Envelope, _setup: Setup) -> Mapping[str, str]:
    """Nothing is sent, so nothing is signed."""
    return envelope.headers


def report(rows: Sequence[ReportRow]) -> Mapping[str, bytes]:
    """The MIS file of a day."""
    return {"csv": write_csv(HEADER, map(_cells, rows))}


def _cells(row: ReportRow) -> Sequence[str]:
    return (
        "SAMPLE0000001",
        "SAMPLE01",
        row.settlement_ref,
        _WORDS.get(row.word, row.word.upper()),
        row.created_at.astimezone(INDIA).isoformat(),
        "XXXXXXXXXXXX0000",
        row.network,
        row.channel_ref,
        row.channel_ref[-6:],
        rupees_from_paise(row.net_paise + row.fee_paise + row.tax_paise),
        rupees_from_paise(row.fee_paise),
        rupees_from_paise(row.tax_paise),
        rupees_from_paise(row.net_paise),
        row.settled_at.astimezone(INDIA).isoformat(),
        row.settlement_ref,
        row.utr,
        row.payment_ref,
        "SETTLED",
    )


SIMULATION: Final = Simulation(
    tell=tell,
    sign=sign,
    report=report,
    news=frozenset(),
    methods=((Method.CARD, 100),),
    refs={"payment": "rrn", "refund": "############", "settlement": "B######"},
    lists=frozenset({Listed.REFUND, Listed.CHARGEBACK, Listed.OTHER, Listed.FEE}),
    is_ordered=False,
    share=0,
)
