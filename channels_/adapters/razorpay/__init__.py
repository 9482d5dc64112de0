"""Razorpay: a payment gateway."""

from channels_.adapters.razorpay.notices import SECRET, event_key, parse, verify
from channels_.adapters.razorpay.statement import FORMATS
from channels_.contract import Adapter

ADAPTER = Adapter(
    code="razorpay",
    title="Razorpay",
    verify=verify,
    parse=parse,
    event_key=event_key,
    formats=FORMATS,
    secret_names=(SECRET,),
)
