"""A bank's virtual-account service: NEFT, RTGS, IMPS and UPI credits, told as they arrive."""

from channels_.adapters.bank_transfer.notices import SECRET, event_key, parse, verify
from channels_.contract import Adapter

ADAPTER = Adapter(
    code="bank_transfer",
    title="Bank transfer",
    verify=verify,
    parse=parse,
    event_key=event_key,
    secret_names=(SECRET,),
)
