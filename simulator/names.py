"""Names as a channel gives them, made up from its patterns."""

from random import Random

from channels_.simulation import REFS, Simulation
from simulator.chance import patterned

RRN = "rrn"


def name_of(
    rng: Random, partner: Simulation, what: str, *, rrn: str = "", consumer: str = ""
) -> str:
    """A payment's, order's, refund's ... name at a partner; perhaps one that is there already."""
    pattern = partner.refs.get(what, REFS[what])
    if pattern == RRN:
        return rrn
    return patterned(rng, pattern).replace("{consumer}", consumer)
