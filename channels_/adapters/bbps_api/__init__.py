"""Bharat Connect (BBPS) through a biller operating unit's JSON calls; we are the biller.

The unit calls ``POST /ask/<channel>/<word>`` with JSON in UTF-8 and waits for our answer. Words:
``fetch`` (the bill), ``pay``, ``status``, ``complaint``, ``heartbeat``; docs/bbps.md has fields. It
signs with ``X-Signature``: hex HMAC-SHA256, by the secret ``api_key``, of X-Timestamp, the word
and the raw body, joined by newlines; so a fetch cannot be replayed as a payment, nor anything after
``tolerance_seconds``. Our answers are signed alike, over X-Timestamp, the word and the body.

A payment is named by its txnReferenceId (20 characters) here, in status answers and in settlement
files; it is credited once, whatever refId, msgId and moment a repeat has. Amounts are whole paise.
``deemed: true`` says that the payer was already told it is paid: such a payment is taken even for a
consumer we do not know.

Configurable: what may be paid, prepaid or postpaid, names of the customer parameter, codes for
refused payments, columns of the unit's MIS. Unconfirmed: the parameter's name for this biller, the
payment codes, the word for a payment that is not decided yet, the unit's MIS columns. The raw
settlement file of Bharat Connect is read too.
"""

from channels_.adapters.bbps_api.notices import SECRET, event_key, parse, verify
from channels_.adapters.bbps_api.questions import read
from channels_.adapters.bbps_api.replies import refuse, reply
from channels_.bharat_connect import AGREED
from channels_.contract import Adapter, Answering
from channels_.formats import bbps_raw

ADAPTER = Adapter(
    code="bbps_api",
    title="Bharat Connect, JSON of a biller unit",
    verify=verify,
    parse=parse,
    event_key=event_key,
    ask=Answering(parse=read, reply=reply, refuse=refuse),
    layouts=bbps_raw.layouts,
    secret_names=(SECRET,),
    single_headers=("x-signature", "x-timestamp"),
    settings={
        **AGREED,
        **bbps_raw.AGREED,
        "pending_code": "responseCode of a payment that is not decided yet; 100 (unconfirmed).",
    },
)
