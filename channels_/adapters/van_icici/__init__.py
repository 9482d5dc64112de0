"""Virtual accounts of a bank that speaks as ICICI's eCollections does: encrypted, and it waits.

Two questions come to ``/ask/<channel>/hold`` (may this money be credited?) and
``/ask/<channel>/posting`` (it is credited; the first may have been left out). Both carry the same
object, in either generation of its field names. It is encrypted with AES-CBC under a session key,
which RSA (PKCS#1 v1.5) seals for us; our answers are sealed the same way for the bank.

Nothing is signed: whoever has our public key could write such a message. Hence only ``addresses``
of the bank are let in, and without that list nobody. ``ClientCode`` must be our merchant id.

The UTR identifies a credit, in capitals; the virtual account is one of ``prefixes`` and a consumer
number or business partner. An unknown consumer is rejected at the hold, so that the bank sends the
money back; at the posting the money is ours already and is kept for a person. A UTR that is known
is answered as duplicate and credits nothing.
Unconfirmed, hence agreed: how the day is written (``date_formats``) and the code of a failed
posting (``failure_code``).
"""

from channels_ import van
from channels_.adapters.van_icici.ask import ASK
from channels_.adapters.van_icici.envelope import BANK_KEY, PRIVATE_KEY
from channels_.adapters.van_icici.notices import parse, verify
from channels_.asking import AGREED
from channels_.contract import Adapter

ADAPTER = Adapter(
    code="van_icici",
    title="Virtual accounts, encrypted (ICICI-like)",
    verify=verify,
    parse=parse,
    ask=ASK,
    secret_names=(PRIVATE_KEY, BANK_KEY),
    settings={
        **van.AGREED,
        **AGREED,
        "date_formats": "How the day of a payment is written: a list in the manner of strptime.",
        "failure_code": "The code that says that a posting could not be taken; 12 when absent.",
    },
)
