"""Agencies that collect for us: ATP machines, Pay-point, CSC, and others of their kind.

Their payments come by our own partner API below /partner/v1/ (docs/partner-api.md): JSON, signed
by X-Agency-Key, X-Timestamp, X-Nonce and X-Signature, the hex HMAC-SHA256 of method, path with
query, timestamp, nonce and SHA-256 of the body. Keys, limits and float belong to the app agencies,
so this adapter takes no notices at /in/ and has no secrets of its own.

A payment is the agency's ``txn_id``, the same in its requests and in its daily file. The daily file
is the settlement: one row per payment with commission, GST, net and the UTR of the remittance, as
CSV, TSV, pipe or XLSX. Its columns and words are by contract, so the setting ``report`` can name
them all; ours are in statement.py. What may be paid (``category``, ``amount``,
``recharge_min_paise``, ``recharge_max_paise``) is agreed as with every partner that asks us.
Unconfirmed: every agency's own layout, and whether a reversed payment is listed at all.
"""

from typing import Final

from channels_.adapters.agency.statement import FORMATS, layouts
from channels_.asking import AGREED
from channels_.contract import Adapter

_TERMS: Final = ("category", "amount", "recharge_min_paise", "recharge_max_paise")

ADAPTER = Adapter(
    code="agency",
    title="Agency",
    formats=FORMATS,
    layouts=layouts,
    settings={
        **{name: AGREED[name] for name in _TERMS},
        "report": "Columns, words and dates of the daily file, where they differ from ours.",
    },
)
