"""Card terminals at our counters: an acquiring bank's machines, known by their MIS file.

The bank tells nothing while a card is read: the clerk takes the payment with the RRN of the slip,
and the bank's MIS file settles it. So there are no notices and no calls here, only the file.

A payment is its RRN, twelve digits, beside the terminal (TID), the authorisation code and the
card's network; the column of the card number is not read at all. The file lists sales, voids,
refunds and chargebacks with gross, MDR, GST, net, and the UTR of the bank's credit, as CSV, TSV,
pipe or XLSX. Its columns and words are by contract: the setting ``report`` can name them; ours are
in statement.py.
Unconfirmed: every bank's own header names and words, and whether MDR is charged by row or by month.
"""

from channels_.adapters.card_terminal.statement import FORMATS, layouts
from channels_.contract import Adapter

ADAPTER = Adapter(
    code="card_terminal",
    title="Card terminals",
    formats=FORMATS,
    layouts=layouts,
    settings={
        "report": "Columns, words and dates of the MIS file, where they differ from ours.",
    },
)
