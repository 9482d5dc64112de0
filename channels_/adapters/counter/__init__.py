"""Our own counters: money is taken by our own people, so nobody sends notices or reports."""

from channels_.contract import Adapter

ADAPTER = Adapter(
    code="counter",
    title="Counter",
    settings={
        "tenders": "Which tenders go with it: cash, cheque, demand_draft, postal_order. "
        "Without it the channel that is called like the tender takes it; drafts and orders go "
        "with cheques, and a single counter channel takes everything but cards.",
    },
)
