"""The words of the agreement beside the response codes, which channels_/upi.py holds."""

from collections.abc import Mapping
from typing import Final

from channels_.contract import NoticeKind

KINDS: Final[Mapping[str, NoticeKind]] = {
    "PAY": NoticeKind.PAYMENT,
    "REFUND": NoticeKind.REFUND,
}
