"""Cashfree, a payment gateway, by its API versions 2023-08-01 and 2025-01-01.

A webhook is signed in ``x-webhook-signature``: base64 of the HMAC-SHA256, with the client secret,
of ``x-webhook-timestamp`` (milliseconds) followed at once by the raw body. The moment may be five
minutes from ours; a repeat (``x-webhook-attempt`` above 1) may carry the moment of its first try
and is taken for a day (unconfirmed, agreed on by settings). ``x-idempotency-key``, where the
version sends it, recognises repeats. No message names the merchant: the secret is his alone.

An order's ``order_id`` is our reference, a refund's ``refund_id`` that of our refund, and tags of
the order carry ``consumer_number`` and ``bill_number``. A payment is its ``cf_payment_id`` in
webhooks, answers and the recon; an order may have several, and a failed attempt may be followed
by a success. UPI's time-outs are unknown until asked. Amounts are rupees everywhere.

Calls carry client id and secret in headers. Refunds name the order, not the payment: an answer
about another payment of the order is not believed. Unconfirmed and configurable: the checkout's
path, how many rows a recon page may have, how a dispute is accepted and contested.
"""

from channels_.adapters.cashfree.calls import (
    CLIENT_ID,
    CLIENT_SECRET,
    DISPUTE,
    HISTORY,
    ORDER,
    REFUND,
    REFUND_STATUS,
    REPORT,
    STATUS,
)
from channels_.adapters.cashfree.notices import (
    ATTEMPT,
    EVENT_KEY,
    SECRET,
    SIGNATURE,
    TIMESTAMP,
    event_key,
    parse,
    verify,
)
from channels_.adapters.cashfree.statement import FORMATS, layouts
from channels_.contract import Adapter

ADAPTER = Adapter(
    code="cashfree",
    title="Cashfree",
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
    layouts=layouts,
    secret_names=(SECRET,),
    call_secret_names=(CLIENT_ID, CLIENT_SECRET),
    single_headers=(SIGNATURE, TIMESTAMP, EVENT_KEY, ATTEMPT),
    settings={
        "tolerance_seconds": "How far the signed moment may be from ours; 300 by default.",
        "retry_tolerance_seconds": "The same for a repeated message; 86400 by default.",
        "api_version": "The version of the API that our calls ask for; 2025-01-01 by default.",
        "checkout_path": "Where a payer's browser posts the payment session to.",
        "phone": "The phone that an order is given when the payer told none.",
        "rows_a_page": "How many rows of the recon are asked for at once; 100 by default.",
        "accept_method": "The HTTP method that accepts a dispute; PUT by default.",
        "evidence_url": "Address of a document that goes with every contested dispute.",
        "report": "Columns and words of a settlement table that was agreed on.",
    },
)
