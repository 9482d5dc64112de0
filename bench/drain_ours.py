"""The parts of the drain's measurement that run as processes of their own: fill, drain, count."""

import hashlib
import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cspdcl.settings")
django.setup()

from bench.capture import _messages  # noqa: E402 - after the set-up
from channels_ import inbox  # noqa: E402
from channels_.contract import Inbound  # noqa: E402
from payments.inbox import drain  # noqa: E402
from payments.models import Receipt  # noqa: E402


def fill(key: str, count: int) -> None:
    """Put so many notices through the door, and let nobody look."""
    here = inbox.door("razorpay")
    for body, signature in _messages(count, key, start=0):
        event = hashlib.sha256(body).hexdigest()[:20]
        headers = {"x-razorpay-signature": signature, "x-razorpay-event-id": f"evt_{event}"}
        inbox.keep(here, inbound=Inbound(body, headers))


if sys.argv[1] == "fill":
    fill(sys.argv[2], int(sys.argv[3]))
elif sys.argv[1] == "drain":
    drain()
print(json.dumps({"receipts": Receipt.objects.count()}))
