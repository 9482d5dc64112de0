"""Paytm: a payment gateway.

Spoken are the webhook (JSON with head and body, and the older form), the theia order API v1,
``/v3/order/status``, ``/refund/apply`` and ``/v2/refund/status``. The merchant key is the one
secret: it encrypts the SHA-256 of the signed text and four letters of salt with AES-CBC. Of JSON
the bytes of ``body`` are signed as they were sent, of a form the values in the order of their
names; because the names themselves are not signed, a form may hold only agreed ones (setting
``form_fields``). Answers to our calls are signed the same way, and checked where they are.

A payment is identified by ``txnId`` in the webhook, the status answer and the settlement report;
``orderId`` is our reference. Money is rupees as text. The consumer number travels as the
merchant's unique reference, the bill number as the first free field.

Configurable: the website name, further fields of forms, the columns and words of the report.
Unconfirmed: the columns of the settlement CSV, and whether its refunds are positive or negative;
the sign is therefore taken from the type of the row.
"""

from channels_.adapters.paytm import calls
from channels_.adapters.paytm.notices import SECRET, SETTINGS, parse, verify
from channels_.adapters.paytm.statement import LAYOUT
from channels_.contract import Adapter
from channels_.formats.table import agreed, table_format

ADAPTER = Adapter(
    code="paytm",
    title="Paytm",
    verify=verify,
    parse=parse,
    order=calls.ORDER,
    status=calls.STATUS,
    refund=calls.REFUND,
    refund_status=calls.REFUND_STATUS,
    layouts=lambda settings: (table_format(agreed(LAYOUT, settings)),),
    secret_names=(SECRET,),
    call_secret_names=(SECRET,),
    settings=SETTINGS,
)
