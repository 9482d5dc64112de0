"""Razorpay, a payment gateway, by its API v1 and its webhooks.

A webhook is signed in ``X-Razorpay-Signature``: hex HMAC-SHA256 of the raw body with the webhook
secret, which is not the API key's secret. No time is signed, so ``x-razorpay-event-id``, equal on
every redelivery, recognises repeats. With a merchant id on the channel, the ``account_id`` of
every message must be that one.

Calls go by HTTP Basic with key id and key secret. A payment is its ``pay_...`` id in webhooks,
answers and the settlement recon alike; our reference travels as the order's receipt and in the
notes, beside ``consumer_number`` and ``bill_number``. Refunds carry our reference as receipt and
as idempotency key. Payments to virtual accounts, UPI ids, QR codes and links are payments too;
the notes of the virtual account, or its agreed prefix, name the consumer.

A return from the checkout (``checkout.py``) is signed with the key secret and proves authorisation
only. Unconfirmed: that ``unique_receipt`` is offered, and the dashboard's column names.
"""

from channels_.adapters.razorpay.calls import (
    DISPUTE,
    HISTORY,
    KEY_ID,
    KEY_SECRET,
    ORDER,
    REFUND,
    REFUND_STATUS,
    REPORT,
    STATUS,
)
from channels_.adapters.razorpay.notices import (
    EVENT_ID,
    SECRET,
    SIGNATURE,
    event_key,
    parse,
    verify,
)
from channels_.adapters.razorpay.statement import FORMATS
from channels_.contract import Adapter

ADAPTER = Adapter(
    code="razorpay",
    title="Razorpay",
    verify=verify,
    parse=parse,
    event_key=event_key,
    order=ORDER,
    status=STATUS,
    refund=REFUND,
    refund_status=REFUND_STATUS,
    history=HISTORY,
    report=REPORT,
    dispute=DISPUTE,
    formats=FORMATS,
    secret_names=(SECRET,),
    call_secret_names=(KEY_ID, KEY_SECRET),
    single_headers=(SIGNATURE, EVENT_ID),
    settings={
        "virtual_account_prefix": "What stands before the consumer number in a virtual account.",
        "unique_receipt": "True: the gateway refuses a second order with the same receipt.",
        "display_name": "Our name on the checkout page.",
        "explanation_letter": "Id of a document there that goes with every contested dispute.",
    },
)
