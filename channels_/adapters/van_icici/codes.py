"""The bank's field names, of both generations, and its answers."""

from collections.abc import Mapping
from typing import Final

from channels_.contract import ReplyCode

# Names are compared by their letters only. "Payee" of the older generation means the payer.
FIELDS: Final[Mapping[str, str]] = {
    "clientcode": "client",
    "customercode": "client",
    "virtualaccountnumber": "account",
    "virtualaccode": "account",
    "mode": "mode",
    "utr": "utr",
    "amount": "amount",
    "amt": "amount",
    "payername": "name",
    "payeename": "name",
    "payeraccnumber": "payer",
    "payeeaccountnumber": "payer",
    "payerbankifsc": "ifsc",
    "payeebankifsc": "ifsc",
    "payerpaymentdate": "day",
    "payeepaymentdate": "day",
    "senderremark": "remark",
}

DATE_FORMATS: Final = ("%Y%m%d", "%m/%d/%Y", "%Y-%m-%d")

ACCEPT: Final[Mapping[str, str]] = {"AcceptOrReject": "Y", "Message": "Accept", "Code": "11"}
REJECT: Final[Mapping[str, str]] = {"AcceptOrReject": "N", "Message": "Reject", "Code": "12"}
POSTED: Final[Mapping[str, str]] = {"Response": "Success", "Code": "11"}
DUPLICATE: Final[Mapping[str, str]] = {"Response": "Duplicate UTR", "Code": "06"}
FAILED: Final = "12"

# A credit that is kept and not decided yet is ours all the same.
TAKEN: Final = frozenset({ReplyCode.OK, ReplyCode.PENDING})
# Nothing was decided: no answer in the bank's words, so that it asks again or takes its default.
TRY_LATER: Final = frozenset({ReplyCode.UNAVAILABLE})
