"""BillDesk: a payment gateway with two protocols, told apart by the shape of a notice.

The API v1.2 (/payments/ve1_2) speaks JOSE: every body is a compact JWS with ``clientid`` in its
header, HS256 with the secret ``signing_key``; where the setting ``jwe_enc`` says so, a JWE with
the direct key ``encryption_key`` is inside. Algorithms come from the settings, never from a header.
Notices are such a token, bare or as the form field ``transaction_response``. The older protocol is
a pipe message in ``msg`` whose last field is the upper-case HMAC-SHA256 of all before it, by the
same secret; our calls speak it where ``protocol`` is ``pipe``.

Every byte read is signed, so a notice is proof; there is no signed moment, so nothing goes stale.
A payment is ``transactionid`` (TxnReferenceNo, "PGI Ref. No."); ``orderid`` (CustomerID) is our
reference without its dashes. Only auth_status 0300 is paid; 0002 and 0001 are asked for again.
The MIS is a table whose columns ``report`` can name. Unconfirmed: 0398, the words of refunds, the
MIS columns, the pipe refund (0400), the encryption of a kit and the retry schedule.
"""

from channels_.adapters.billdesk.calls import ORDER, REFUND, REFUND_STATUS, STATUS, checkout
from channels_.adapters.billdesk.notices import parse, verify
from channels_.adapters.billdesk.statement import layouts
from channels_.adapters.billdesk.wires import ENCRYPTION_KEY, SIGNING_KEY
from channels_.contract import Adapter

ADAPTER = Adapter(
    code="billdesk",
    title="BillDesk",
    verify=verify,
    parse=parse,
    order=ORDER,
    offer=checkout,
    status=STATUS,
    refund=REFUND,
    refund_status=REFUND_STATUS,
    layouts=layouts,
    secret_names=(SIGNING_KEY, ENCRYPTION_KEY),
    call_secret_names=(SIGNING_KEY, ENCRYPTION_KEY),
    spare_secret_names=(ENCRYPTION_KEY,),
    settings={
        "protocol": "What our calls speak: jose (the API v1.2) or pipe.",
        "client_id": "The clientid in the header of every token.",
        "key_id": "The name of the encryption key, where the kit gives one.",
        "jws_alg": "The algorithm of the signatures: HS256, HS384 or HS512.",
        "jwe_enc": "How the objects are encrypted; empty: they are not.",
        "timestamp": "How BD-Timestamp is written: seconds, milliseconds or clock.",
        "itemcode": "The item code of an order.",
        "device": "The fields that describe the payer's device in an order.",
        "security_id": "The SecurityID of a pipe message.",
        "checkout_url": "Where the payer's browser posts a pipe message.",
        "consumer_field": "The free field that carries the consumer number: additional_info1 ...",
        "bill_field": "The free field that carries the bill number: additional_info1 ...",
        "auth_statuses": "More words of auth_status: word to failed or pending, never succeeded.",
        "refund_statuses": "More words of refund_status: word to succeeded, failed or pending.",
        "report": "What the columns and words of the MIS mean.",
    },
)
