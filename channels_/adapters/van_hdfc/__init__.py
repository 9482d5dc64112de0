"""Virtual accounts of a bank that speaks as HDFC's e-collect does: plain JSON and a token.

Two questions come to ``/ask/<channel>/validate`` (may this money be credited?) and
``/ask/<channel>/credit`` (it is credited; the first may have been left out). Both have one record
in the list "Virtual Account Number Verification IN"; the answer repeats it as "... OUT", with
"Status" and "Reject Reason". Names are read in their known spellings ("UTR number" or "UTR").

The secret ``credentials`` comes with every message: "user:password" for Basic authorisation, the
token for Bearer, or the value of a header of the bank's own (``auth``). It proves the sender; what
keeps the body whole is TLS alone, so ``addresses`` should name where the bank sends from.
"Client Code" must be our merchant id.

The UTR identifies a credit, in capitals; the virtual account is one of ``prefixes`` and a consumer
number or business partner. An unknown consumer is rejected at the validation, so that the bank
sends the money back; at the credit the money is ours already and is kept for a person.
Unconfirmed, hence agreed: the words of "Status" (``answers``) and how the day is written.
"""

from channels_ import van
from channels_.adapters.van_hdfc.ask import ASK
from channels_.adapters.van_hdfc.notices import CREDENTIALS, parse, verify
from channels_.asking import AGREED
from channels_.contract import Adapter

ADAPTER = Adapter(
    code="van_hdfc",
    title="Virtual accounts, with a token (HDFC-like)",
    verify=verify,
    parse=parse,
    ask=ASK,
    secret_names=(CREDENTIALS,),
    single_headers=("authorization",),
    settings={
        **van.AGREED,
        **AGREED,
        "auth": "basic (default), bearer, or the header of the token; its name says token or auth.",
        "answers": "The bank's words for Status: accepted, duplicate and rejected.",
        "date_formats": "How the day of a payment is written: a list in the manner of strptime.",
    },
)
