"""A bank's virtual-account service: NEFT, RTGS, IMPS and UPI credits, told as they arrive.

The plain agreement, for a bank without a protocol of its own. One JSON object per credit:
``event_id``, ``credited_at`` (ISO 8601 with offset), ``mode``, ``utr``, ``amount`` (rupees, as
text), ``virtual_account``, ``consumer_number``, ``payer_name``, ``payer_account``, ``payer_ifsc``.
``X-Signature`` is the hex HMAC-SHA256 of the raw body under the secret ``notice_key``;
``X-Event-Id`` repeats ``event_id``.

It comes to ``/in/<channel>/``, or to ``/ask/<channel>/credit`` when the bank wants to hear what
became of it. Before it credits, the bank may ask ``/ask/<channel>/validate`` with the same object,
the ``utr`` perhaps empty: {"decision": "accept"} or {"decision": "reject", "reason"}. A credit is
answered {"status": "credited" or "duplicate", "reference", "receipt"}.

The UTR identifies a credit. The consumer is ``consumer_number``, else what ends the virtual
account: behind one of ``prefixes`` where they are agreed, else ten digits of a business partner.
"""

from channels_ import van
from channels_.adapters.bank_transfer.ask import ASK
from channels_.adapters.bank_transfer.notices import SECRET, event_key, parse, verify
from channels_.asking import AGREED
from channels_.contract import Adapter

ADAPTER = Adapter(
    code="bank_transfer",
    title="Bank transfer",
    verify=verify,
    parse=parse,
    event_key=event_key,
    ask=ASK,
    secret_names=(SECRET,),
    settings={**van.AGREED, **AGREED},
)
