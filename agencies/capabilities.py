"""What a key of an agency may do; a key holds those it needs and no more."""

from enum import StrEnum
from typing import Final


class Capability(StrEnum):
    """One thing a key may be allowed."""

    DUES = "dues"  # ask what a consumer owes
    PAY = "pay"  # take payments, and confirm held ones
    REVERSE = "reverse"  # give back what was taken today
    STATUS = "status"  # read the agency's own payments
    FLOAT = "float"  # read the agency's own float


EVERY: Final = tuple(one.value for one in Capability)
