"""CCAvenue: a payment gateway whose messages are encrypted, and by default not signed.

Spoken are the return and event notification (form field ``encResp``), the order form that the
payer's browser posts, and the API 1.1: orderStatusTracker, orderLookup, refundOrder. The cipher is
AES-128-CBC with the MD5 of the working key and a fixed start, in hex. Such a text has no MAC: who
changes it may change what it says, so its news only make us ask (orderStatusTracker). With the
setting ``cipher`` = aes-256-gcm every byte is proved and the news are believed.

A payment is identified by ``tracking_id``, which the API calls ``reference_no``; ``order_id`` is
our reference. Money is rupees. The consumer number travels as merchant_param1, the bill as 2.
A notice names no merchant: the working key alone tells whose it is. CCAvenue gives refunds no id
and tells nothing of them; ours is their name, and a refund whose call was cut off is known to be
done only when the whole order is Refunded. Fields of the text may be typed by the payer; a name
that stands twice in it is therefore refused.

Configurable: access code, cipher, version of the API, the address of the form, the report.
Unconfirmed: the layout of GCM texts (hex of nonce, text and tag under the key's own 32 bytes) and
the columns of the payout file.
"""

from channels_.adapters.ccavenue import calls
from channels_.adapters.ccavenue.cipher import SECRET
from channels_.adapters.ccavenue.notices import SETTINGS, parse, verify
from channels_.adapters.ccavenue.statement import LAYOUT
from channels_.contract import Adapter
from channels_.formats.table import agreed, table_format

ADAPTER = Adapter(
    code="ccavenue",
    title="CCAvenue",
    verify=verify,
    parse=parse,
    offer=calls.offer,
    status=calls.STATUS,
    refund=calls.REFUND,
    refund_status=calls.REFUND_STATUS,
    history=calls.HISTORY,
    layouts=lambda settings: (table_format(agreed(LAYOUT, settings)),),
    secret_names=(SECRET,),
    call_secret_names=(SECRET,),
    settings=SETTINGS,
)
