"""How the bank looks from outside: its postings, encrypted for us; it tells nothing but credits."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from channels_.adapters.van_icici.envelope import BANK_KEY, PRIVATE_KEY, sealed
from channels_.adapters.van_icici.notices import POSTING
from channels_.contract import Method, Setup
from channels_.simulation import (
    Envelope,
    Listed,
    News,
    SampleKeys,
    SamplePayment,
    Simulation,
    Subject,
)
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.money import rupees_from_paise

CLIENT: Final = "CSPS"
PREFIX: Final = "CSPS"

_BITS: Final = 2048  # the real ones have 4096; making such a pair takes a person's patience


def tell(news: News, subject: Subject, at: datetime, event_id: str) -> Envelope:
    """One posting, not yet encrypted."""
    if news is not News.PAID or not isinstance(subject, SamplePayment):
        raise ValueError(f"a bank tells nothing of {news}")
    said = {
        "ClientCode": CLIENT,
        "VirtualAccountNumber": f"{PREFIX}{subject.consumer_number}",
        "Mode": subject.method.value.upper(),
        "UTR": subject.utr or subject.rrn,
        "SenderRemark": f"Bill {subject.bill_number}",
        "ClientAccountNo": "000000000001",
        "Amount": rupees_from_paise(subject.amount_paise),
        "PayerName": f"Sample payer {subject.consumer_number[-6:]}",
        "PayerAccNumber": subject.payer,
        "PayerBankIFSC": f"{subject.issuer}0000001",
        "PayerPaymentDate": f"{at.astimezone(INDIA):%Y%m%d}",
        "BankInternalTransactionNumber": event_id,
    }
    body = json.dumps(said, separators=(",", ":")).encode()
    return Envelope(body, {"Content-Type": "application/json"}, POSTING)


def seal(envelope: Envelope, setup: Setup) -> Envelope:
    """The posting as it travels."""
    said = json.loads(envelope.body)
    body = sealed(
        said,
        key=setup.secrets[PRIVATE_KEY],
        nonce=setup.nonce,
        request_id=said["BankInternalTransactionNumber"],
        service="eCollections",
    )
    return envelope._replace(body=body)


def sign(envelope: Envelope, _setup: Setup) -> Mapping[str, str]:
    """Nothing is signed."""
    return envelope.headers


def make_keys() -> SampleKeys:
    """A pair for each side; the bank holds the public half of ours, and we that of the bank."""
    ours, theirs = _pair(), _pair()
    return SampleKeys(
        ours={PRIVATE_KEY: ours[0], BANK_KEY: theirs[1]},
        theirs={PRIVATE_KEY: ours[1], BANK_KEY: theirs[0]},
    )


def _pair() -> tuple[str, str]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    secret = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return secret.decode(), public.decode()


SIMULATION: Final = Simulation(
    tell=tell,
    sign=sign,
    seal=seal,
    news=frozenset({News.PAID}),
    methods=((Method.NEFT, 50), (Method.IMPS, 25), (Method.RTGS, 15), (Method.UPI, 10)),
    door="/ask/{code}/{path}",
    settings={"prefixes": [PREFIX], "addresses": ["127.0.0.1", "::1"]},
    merchant_id=CLIENT,
    make_keys=make_keys,
    lists=frozenset[Listed](),
    is_ordered=False,
    share=5,
)
