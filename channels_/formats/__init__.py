"""Statement layouts that several sources share. A channel's own layout lives in its folder."""

from collections.abc import Iterable, Mapping
from typing import Final

from channels_.contract import StatementFormat
from channels_.formats.bai2 import BAI2
from channels_.formats.camt import CAMT052, CAMT053, CAMT054
from channels_.formats.mt940 import MT940
from channels_.formats.ofx import OFX
from channels_.formats.proof import prove
from cspdcl.kernel.errors import Malformed

FORMATS: Final[Mapping[str, StatementFormat]] = {
    known.code: known for known in (MT940, CAMT053, CAMT052, CAMT054, BAI2, OFX)
}


def sniff(head: bytes, *, among: Iterable[StatementFormat] = FORMATS.values()) -> StatementFormat:
    """The format whose first bytes these are; a stranger's file names what would be known."""
    formats = tuple(among)
    for known in formats:
        if known.sniff(head):
            return known
    titles = ", ".join(f"{known.title} ({known.code})" for known in formats)
    raise Malformed(f"the file is none of the known formats: {titles}")


__all__ = ["FORMATS", "prove", "sniff"]
