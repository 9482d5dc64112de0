"""A bank's own UPI merchant service: dynamic QR codes, callbacks, status, refunds, its MIS.

No bank publishes one common protocol, so this is the agreement we offer; what a bank does otherwise
is agreed by settings. The QR code is made by us: ``tr`` carries our reference without hyphens and
comes back as ``merchantTranId``; the code printed on a bill carries ``CA``, the consumer number and
``B`` with more letters and digits instead. The RRN (twelve digits) identifies a payment, in the
callback, the status answer and the MIS alike.

A callback is a JSON object. By ``callback`` = "hmac" its raw body is signed: ``X-Signature`` is the
hex HMAC-SHA256 of ``X-Timestamp`` (seconds since 1970), a full stop and the body. By "aes_gcm" or
"aes_cbc" the object travels as ``{"merchantId", "iv", "data"}``, base64, under a shared AES key
(base64 too); AES-CBC proves nothing, so what it says is asked for before it is believed.
Calls are JSON by POST to ``/status``, ``/refund``, ``/refund-status``, ``/history`` and ``/mis``,
signed over ``X-Timestamp``, ``X-Nonce`` and the body; the answer signs ``X-Nonce`` and its body.

Response codes are those of channels_/upi_codes.csv: time-outs and deemed payments stay pending.
Unconfirmed, hence agreed: further codes (``codes``) and the columns of the MIS (``report``).
"""

from channels_.adapters.upi_bank.calls import HISTORY, REFUND, REFUND_STATUS, REPORT, STATUS
from channels_.adapters.upi_bank.notices import KEY, event_key, parse, verify
from channels_.adapters.upi_bank.statement import FORMATS, layouts
from channels_.adapters.upi_bank.wire import API_KEY
from channels_.contract import Adapter

ADAPTER = Adapter(
    code="upi_bank",
    title="UPI through a bank",
    verify=verify,
    parse=parse,
    event_key=event_key,
    status=STATUS,
    refund=REFUND,
    refund_status=REFUND_STATUS,
    history=HISTORY,
    report=REPORT,
    formats=FORMATS,
    layouts=layouts,
    secret_names=(KEY,),
    call_secret_names=(API_KEY,),
    single_headers=("x-signature", "x-timestamp"),
    settings={
        "vpa": "Our UPI address at the bank; without it no QR code is offered.",
        "payee_name": "The name a payer sees.",
        "merchant_category": "Four digits; 4900, utilities, when absent.",
        "callback": "How a callback is protected: hmac, aes_gcm or aes_cbc; hmac when absent.",
        "tolerance_seconds": "How far a signed moment may be from now; 300 when absent.",
        "codes": "Response codes that our table lacks: code to family, such as FINAL_FAIL.",
        "report": "Columns, words and dates of the MIS, where they differ from ours.",
    },
)
