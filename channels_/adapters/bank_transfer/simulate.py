"""How a bank's virtual-account service looks from outside: a signed credit notice."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from channels_.contract import Method, Setup
from channels_.simulation import Envelope, News, SamplePayment, Simulation, Subject
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.money import rupees_from_paise


def virtual_account(consumer_number: str) -> str:
    """The account a consumer pays into: our prefix and the consumer number."""
    return f"CSPD{consumer_number}"


def tell(news: News, subject: Subject, at: datetime, event_id: str) -> Envelope:
    """One credit notice; a bank tells nothing but credits."""
    if news is not News.PAID or not isinstance(subject, SamplePayment):
        raise ValueError(f"a bank sends no notice of {news}")
    document = {
        "event_id": event_id,
        "credited_at": at.astimezone(INDIA).isoformat(),
        "mode": subject.method.value.upper(),
        "utr": subject.utr or subject.rrn,
        "amount": rupees_from_paise(subject.amount_paise),
        "virtual_account": virtual_account(subject.consumer_number),
        "consumer_number": subject.consumer_number,
        "payer_name": f"Sample payer {subject.consumer_number[-6:]}",
        "payer_account": subject.payer,
        "payer_ifsc": f"{subject.issuer}0000001",
    }
    body = json.dumps(document, separators=(",", ":")).encode()
    return Envelope(body, {"Content-Type": "application/json", "X-Event-Id": event_id})


def sign(envelope: Envelope, setup: Setup) -> Mapping[str, str]:
    """The headers with the HMAC of the raw body, by the notice key."""
    key = setup.secrets["notice_key"].encode()
    signature = hmac.new(key, envelope.body, hashlib.sha256).hexdigest()
    return {**envelope.headers, "X-Signature": signature}


SIMULATION: Final = Simulation(
    tell=tell,
    sign=sign,
    news=frozenset({News.PAID}),
    methods=((Method.NEFT, 55), (Method.IMPS, 30), (Method.RTGS, 15)),
)
