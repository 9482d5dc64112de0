"""The bank's side of pay-in slips: a credit for each, and what goes wrong with some of them."""

from collections.abc import Sequence
from datetime import date, datetime
from random import Random
from typing import Final, NamedTuple

from reconciliation.models import Reason
from simulator.bank import BankLine
from simulator.chance import seconds
from simulator.consumers import RUPEE
from simulator.kinds import Kind
from simulator.scene import CASH
from simulator.truth import Part

_MONTHS: Final = "ABCDEFGHJKLM"  # as in our references: August is H
_CODE_LENGTH: Final = 13  # of a place's code that fits on a slip
_SLIPS_FOR_TWICE: Final = 8  # so many are there before one is credited twice
_SLIPS_FOR_A_PAIR: Final = 10


class PaidIn(NamedTuple):
    """A slip as the bank gets it."""

    at: datetime
    number: str
    channel: str
    amount_paise: int


class Credited(NamedTuple):
    """What the bank made of the slips of a day."""

    lines: list[BankLine]
    missing: set[str]  # slips that never got there
    amiss: set[str]  # these, and all that are credited otherwise than they say


def slip_number(code: str, place: int, *, day: date, end: str) -> str:
    """Such as ``DS26H18-RPR1-C1``; a place with a long code goes by its number."""
    name = code.upper() if len(code) <= _CODE_LENGTH else f"{place:02d}"
    return f"DS{day:%y}{_MONTHS[day.month - 1]}{day:%d}-{name}-{end}"


def credit(rng: Random, slip: PaidIn, amount_paise: int) -> BankLine:
    """The bank's line for a slip, within the hour."""
    words = "CASH DEP SELF" if slip.channel == CASH else "CLG DEP"
    code = "NMSC" if slip.channel == CASH else "NCLR"
    at = slip.at + seconds(rng, 1_200, 3_600)
    return BankLine(at, amount_paise, code, f"{words} {slip.number}")


def pay_in(rng: Random, slips: Sequence[PaidIn], part: Part) -> Credited:
    """The credits of a day's slips: some are missing, some differ, one is there twice."""
    amiss = list(slips)
    rng.shuffle(amiss)
    each = min(2, len(amiss) // 4)
    missing = {slip.number for slip in amiss[:each]}
    differing = [slip.number for slip in amiss[each : 2 * each]]
    is_enough = len(amiss) >= _SLIPS_FOR_TWICE
    twice = {slip.number for slip in amiss[2 * each : 2 * each + 1]} if is_enough else set()
    pair = amiss[2 * each + 1 : 2 * each + 3] if len(amiss) >= _SLIPS_FOR_A_PAIR else []
    lines = _together(rng, pair, part)
    for slip in slips:
        if slip in pair:
            continue
        if slip.number in missing:
            part.plant(
                Reason.DEPOSIT_MISSING,
                slip.number,
                amount_paise=slip.amount_paise,
                kind=Kind.SLIP_MISSING,
                channel=slip.channel,
            )
            continue
        amount = slip.amount_paise
        if slip.number in differing:
            amount = _another(rng, slip, part, is_typed=slip.number == differing[-1])
        lines.append(credit(rng, slip, amount))
        if slip.number in twice:
            part.plant(
                Reason.AMBIGUOUS,
                slip.number,
                amount_paise=slip.amount_paise,
                kind=Kind.SLIP_TWICE,
                channel=slip.channel,
            )
            lines.append(credit(rng, slip, amount))
    return Credited(lines, missing, missing | set(differing) | twice | {one.number for one in pair})


def _together(rng: Random, slips: Sequence[PaidIn], part: Part) -> list[BankLine]:
    """One credit of several slips, which names them all."""
    if not slips:
        return []
    for slip in slips:
        part.plant(
            Reason.AMBIGUOUS,
            slip.number,
            amount_paise=slip.amount_paise,
            kind=Kind.TWO_SLIPS,
            channel=slip.channel,
        )
    last = max(slips, key=lambda slip: slip.at)
    line = credit(rng, last, sum(slip.amount_paise for slip in slips))
    others = " ".join(slip.number for slip in slips if slip is not last)
    return [line._replace(narration=f"{line.narration} {others}")]


def _another(rng: Random, slip: PaidIn, part: Part, *, is_typed: bool) -> int:
    """What the bank credits instead: another count of the cash, or two digits exchanged."""
    amount, kind = slip.amount_paise, Kind.SLIP_COUNTED
    if is_typed:
        amount, kind = exchanged(amount), Kind.SLIP_MISTYPED
    if amount == slip.amount_paise:
        kind = Kind.SLIP_COUNTED
        difference = rng.choice([-1, 1]) * rng.choice([10, 50, 100, 200, 500]) * RUPEE
        amount += difference if amount + difference > 0 else abs(difference)
    part.plant(
        Reason.DEPOSIT_DIFFERS,
        slip.number,
        amount_paise=abs(amount - slip.amount_paise),
        kind=kind,
        channel=slip.channel,
    )
    return amount


def exchanged(amount_paise: int) -> int:
    """The amount with its last two different neighbours among the rupees exchanged; or itself."""
    rupees = str(amount_paise // RUPEE)
    for place in range(len(rupees) - 1, 0, -1):
        left, right = rupees[place - 1], rupees[place]
        if left != right and (place > 1 or right != "0"):
            typed = f"{rupees[: place - 1]}{right}{left}{rupees[place + 1 :]}"
            return int(typed) * RUPEE + amount_paise % RUPEE
    return amount_paise
