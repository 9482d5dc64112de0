"""PhonePe: a payment gateway, in both of its protocols (setting ``version``, v2 unless told).

v1: the callback is base64 of JSON, the header X-VERIFY the SHA-256 of that text and the salt key
with ``###`` and the salt's index; orders, status and refunds by ``/pg/v1``, signed the same way.
v2: the header Authorization is the SHA-256 of ``user:password`` and signs no byte of the body, so
such news only make us ask; with the setting ``webhook`` = hmac the raw body is signed and the
news are believed. Orders, status and refunds by ``/checkout/v2`` and ``/payments/v2``, with a token
that is asked for first. Of v2 the field ``payload.state`` alone says what became of an order.

A payment is identified by the ``transactionId`` of its paying attempt; the merchant's order id is
our reference. Money is whole paise. Refunds of v1 carry ids of ours that begin with R_, because
their callbacks look like payments and do not name the one they are of; they are asked for.

Configurable: version, salt index, the header of the HMAC, the client id and version, the address of
tokens and of refund callbacks, the columns of the report.
Unconfirmed: the header of the HMAC and the columns of the settlement report.
"""

from channels_.adapters.phonepe import calls
from channels_.adapters.phonepe.notices import SECRET, SETTINGS, parse, verify
from channels_.adapters.phonepe.signing import CALL_SECRET, HMAC_HEADER
from channels_.adapters.phonepe.statement import LAYOUT
from channels_.contract import Adapter
from channels_.formats.table import agreed, table_format

ADAPTER = Adapter(
    code="phonepe",
    title="PhonePe",
    verify=verify,
    parse=parse,
    order=calls.ORDER,
    token=calls.PASS,
    status=calls.STATUS,
    refund=calls.REFUND,
    refund_status=calls.REFUND_STATUS,
    layouts=lambda settings: (table_format(agreed(LAYOUT, settings)),),
    secret_names=(SECRET,),
    call_secret_names=(CALL_SECRET,),
    single_headers=("x-verify", "authorization", HMAC_HEADER),
    settings=SETTINGS,
)
