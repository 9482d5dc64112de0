"""How the bank looks from outside: its credits with their token; it tells nothing else."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from channels_.adapters.van_hdfc.codes import IN, OUT, STATUS, WORDS
from channels_.adapters.van_hdfc.notices import CREDIT, headers_of
from channels_.contract import Method, Setup, Wire
from channels_.simulation import (
    Envelope,
    Listed,
    News,
    SamplePayment,
    Simulation,
    Subject,
)
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.money import rupees_from_paise

CLIENT: Final = "CSPSAMPLE"
PREFIX: Final = "CSPH"

_MODES: Final[Mapping[Method, str]] = {
    Method.NEFT: "N",
    Method.RTGS: "R",
    Method.IMPS: "I",
    Method.UPI: "U",
}


def tell(news: News, subject: Subject, at: datetime, _event_id: str) -> Envelope:
    """One credit; a bank tells nothing but credits."""
    if news is not News.PAID or not isinstance(subject, SamplePayment):
        raise ValueError(f"a bank tells nothing of {news}")
    record = {
        "Client Code": CLIENT,
        "Virtual Account Number": f"{PREFIX}{subject.consumer_number}",
        "Transaction Amount": rupees_from_paise(subject.amount_paise),
        "UTR number": subject.utr or subject.rrn,
        "Sender Name": f"Sample payer {subject.consumer_number[-6:]}",
        "Date": f"{at.astimezone(INDIA):%Y-%m-%d}",
        "Sender IFSC_Code": f"{subject.issuer}0000001",
        "Remitter Account Number": subject.payer,
        "Mode": _MODES.get(subject.method, "O"),
        "Status": "",
        "sender to receiver information": f"Bill {subject.bill_number}",
    }
    body = json.dumps({IN: [record]}, separators=(",", ":")).encode()
    return Envelope(body, {"Content-Type": "application/json"}, CREDIT)


def sign(envelope: Envelope, setup: Setup) -> Mapping[str, str]:
    """The headers with the token."""
    return {**envelope.headers, **headers_of(setup)}


def is_accepted(answer: Wire) -> bool:
    """Whether we took the credit, now or before."""
    said = json.loads(answer.body) if answer.status == 200 else {}
    return bool(said) and said[OUT][0][STATUS] in (WORDS["accepted"], WORDS["duplicate"])


SIMULATION: Final = Simulation(
    tell=tell,
    sign=sign,
    news=frozenset({News.PAID}),
    methods=((Method.NEFT, 50), (Method.IMPS, 25), (Method.RTGS, 15), (Method.UPI, 10)),
    door="/ask/{code}/{path}",
    settings={"prefixes": [PREFIX], "addresses": ["127.0.0.1", "::1"]},
    merchant_id=CLIENT,
    lists=frozenset[Listed](),
    is_ordered=False,
    share=5,
    is_accepted=is_accepted,
)
