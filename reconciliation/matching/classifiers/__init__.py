"""What the passes could not explain gets its reason here, one statement per reason or two.

Each statement takes what it names out of the open tables, so their order is the order of
precedence. A break belongs to the day its money was paid, settled or credited on, whichever of its
entries is earliest: so it is on the list of that day, however late the other side spoke.
"""

from typing import Final

from reconciliation.matching.classifiers import bank, channel, rest

CLASSIFIERS: Final = (*channel.CLASSIFIERS, *bank.CLASSIFIERS, *rest.CLASSIFIERS)
