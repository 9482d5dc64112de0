"""What the passes could not explain gets its reason here, one statement per reason or two.

Each statement takes what it names out of the open tables, so their order is the order of
precedence. A break belongs to the day its money was paid, settled or credited on, whichever of its
entries is earliest: so it is on the list of that day, however late the other side spoke.
"""

from collections.abc import Sequence

from reconciliation.matching.classifiers import bank, channel, postings, rest
from reconciliation.matching.ledger import Ledger


def classifiers_for(erp: Ledger | None) -> Sequence[str]:
    """The statements in their order; those of postings only where there is an ERP."""
    posted = postings.CLASSIFIERS if erp is not None else ()
    return (*channel.CLASSIFIERS, *bank.CLASSIFIERS, *posted, *rest.CLASSIFIERS)
