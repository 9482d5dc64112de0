"""PayU: a payment gateway.

Notices are forms, forms in parts or flat JSON, signed inside by ``hash``: SHA-512 over the secret
``salt``, the signed fields from the last to the first and the key, with ``additionalCharges`` in
front when a surcharge was taken. The hash covers status, amount, txnid, product, name, e-mail and
udf1 to udf10, not PayU's own id, the method or the bank's reference; so every notice only makes us
ask ``verify_payment``, as PayU documents the flow. Refund and dispute callbacks carry no hash and
are refused: refunds are followed by ``check_action_status``, chargebacks by the settlement.

A payment is ``mihpayid`` (payuid in the settlement); ``txnid`` is our reference; a txnid that is
not ours is asked for with ``check_payment``. Calls are commands to /merchant/postservice?form=2,
signed with SHA-512 over key, command, var1 and salt; an order is a form for the browser, or where
``order_by`` is ``link`` a page that ``create_invoice`` makes. The settlement comes from
``get_settlement_details`` (version 1 or 2) or /settlement/range, or as a table whose columns the
setting ``report`` can name. Unconfirmed: the retry schedule, the udf fields of an invoice, and the
words of the range API beyond the UTR, payuId and the fee, tax and net of a row.
"""

from channels_.adapters.payu.calls import (
    HISTORY,
    ORDER,
    REFUND,
    REFUND_STATUS,
    REPORT,
    STATUS,
    checkout,
)
from channels_.adapters.payu.notices import SECRET, parse, verify
from channels_.adapters.payu.statement import layouts
from channels_.contract import Adapter

ADAPTER = Adapter(
    code="payu",
    title="PayU",
    verify=verify,
    parse=parse,
    order=ORDER,
    offer=checkout,
    status=STATUS,
    refund=REFUND,
    refund_status=REFUND_STATUS,
    history=HISTORY,
    report=REPORT,
    layouts=layouts,
    secret_names=(SECRET,),
    call_secret_names=(SECRET,),
    settings={
        "order_by": "form (the payer's browser posts it) or link (create_invoice gives a page).",
        "consumer_field": "The signed field that carries the consumer number: udf1 to udf5.",
        "bill_field": "The signed field that carries the bill number: udf1 to udf5.",
        "product": "What the payer is shown as the product; part of the signature.",
        "email": "The address that stands in an order when the payer gave none.",
        "checkout_url": "Where the payer's browser posts the form of an order.",
        "settlement_api": "details (get_settlement_details) or range (/settlement/range).",
        "settlement_version": "The version of get_settlement_details: 1 or 2.",
        "page_size": "How many rows of a settlement are asked for at once.",
        "report": "What the columns and words of the settlement file mean, where they differ.",
    },
)
