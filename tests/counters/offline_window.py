"""A window that works offline, as the browser does it: its key, its queue, its signatures."""

import json
import uuid
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from counters import devices
from counters.models import Device, NumberRange
from counters.offline import Envelope
from cspdcl.kernel.clock import now
from payments import proofs
from payments.models import Counter, Receipt
from people.models import User


class OfflineWindow:
    """A key, the numbers that were reserved, and a queue that only grows."""

    def __init__(self, counter: Counter, *, clerk: User, supervisor: User | None = None) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.device: Device = devices.enrol(counter, public_key=self.public_key, by=clerk)
        if supervisor is not None:
            devices.approve(self.device, by=supervisor)
        self.sequence = 0
        self.previous = ""
        self.queue: list[Envelope] = []

    @property
    def public_key(self) -> bytes:
        """As a browser exports it."""
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def reserve(self, clerk: User) -> NumberRange:
        """Numbers for the clerk's shift."""
        self.numbers = devices.reserve(self.device, clerk=clerk)
        self.used_until = self.numbers.used_until
        return self.numbers

    def take(self, consumer: str, paise: int, **said: Any) -> Envelope:
        """Take money offline: the next number, signed, at the end of the queue."""
        item = {
            "amount_paise": paise,
            "bank_name": "",
            "consumer": consumer,
            "device": str(self.device.public_id),
            "instrument": "",
            "instrument_date": "",
            "method": "cash",
            "micr": "",
            "name": "",
            "number": self.used_until + 1,
            "previous": self.previous,
            "received_paise": paise,
            "sequence": self.sequence + 1,
            "shift": str(self.numbers.shift.public_id),
            "submit_key": str(uuid.uuid4()),
            "taken_at": (now() + timedelta(milliseconds=1)).isoformat(),
            "v": 1,
            "year": self.numbers.year,
            **said,
        }
        made = self.signed(item)
        self.sequence, self.previous = item["sequence"], made.content_hash
        self.used_until = item["number"]
        self.queue.append(made)
        return made

    def back(self, **said: Any) -> Envelope:
        """What it signs to hand its numbers back."""
        item = {
            "device": str(self.device.public_id),
            "previous": self.previous,
            "sequence": self.sequence,
            "used_until": self.used_until,
            "v": 1,
            **said,
        }
        return self.signed(item)

    def code_of(self, number: int) -> str:
        """The code that stood on the paper of a number."""
        year = self.numbers.year
        return proofs.token_of(Receipt(series=self.device.series, year=year, number=number))

    def signed(self, item: dict[str, Any]) -> Envelope:
        """Canonical bytes and r and s over them."""
        body = json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        der = self.key.sign(body, ec.ECDSA(SHA256()))
        r, s = decode_dss_signature(der)
        return Envelope(body, r.to_bytes(32) + s.to_bytes(32))
