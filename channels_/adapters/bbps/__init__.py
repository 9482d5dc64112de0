"""Bharat Connect (BBPS) in XML, as a biller behind its operating unit.

The unit posts BillFetchRequest, BillPaymentRequest, TxnStatusRequest, TxnStatusComplainRequest and
ReqHbt (version 1.0) to ``/ask/<channel>/<Api>/1.0/urn:referenceId:<refId>``. We answer an Ack at
once and post the response to ``<api_url>/<Api>Response/1.0/urn:referenceId:<refId>`` when it is
committed, again and again until the unit acknowledges it. Messages are checked against our XSD;
only the document element is in the namespace.

Both sides sign the whole document: enveloped XML-DSig, rsa-sha256, inclusive c14n, KeyInfo with
KeyValue. The secret ``unit_key`` is the unit's public key or certificate; the key in a message must
be that one. ``signing_key`` is our RSA private key.

A payment is named by its txnReferenceId (20 characters) here, in status answers and in settlement
files; it is credited once, whatever refId, msgId and moment a repeat has. Amounts are paise. A
payment that comes late was told to the payer as paid, and is taken.

Configurable: our unit's id, what may be paid, prepaid or postpaid, names of the customer parameter,
codes of refused payments, fees in raw files, columns of the unit's MIS. Unconfirmed: the
parameter's name, payment codes, names in Acks of status, complaint and heartbeat, the fields of a
complaint, the unit and sign of fees in raw files.
"""

from channels_.adapters.bbps.messages import read
from channels_.adapters.bbps.notices import SECRET, event_key, parse, verify
from channels_.adapters.bbps.replies import (
    SIGNING_SECRET,
    acknowledge,
    refuse,
    reply,
    response_call,
    response_read,
)
from channels_.bharat_connect import AGREED
from channels_.contract import Adapter, Answering, Exchange
from channels_.formats import bbps_raw

ADAPTER = Adapter(
    code="bbps",
    title="Bharat Connect, XML",
    verify=verify,
    parse=parse,
    event_key=event_key,
    ask=Answering(
        parse=read,
        reply=reply,
        refuse=refuse,
        acknowledge=acknowledge,
        deliver=Exchange(call=response_call, read=response_read),
    ),
    layouts=bbps_raw.layouts,
    secret_names=(SECRET,),
    call_secret_names=(SIGNING_SECRET,),
    settings={
        **AGREED,
        **bbps_raw.AGREED,
        "ou_id": "The four characters of the unit we answer for; else those of the asker.",
        "pending_code": "responseCode of a payment that is not decided yet; 100 (unconfirmed).",
    },
)
