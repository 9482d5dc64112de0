"""The same money told in another way gives the same matches: real files, cut and mixed anew."""

import io
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

import pytest
from django.db import transaction

from reconciliation.incoming import statements
from tests.reconciliation.small_days import Key, live_matches, open_breaks
from tests.worked_examples.accounts import HEADER, Desk, Line, adjusted, mt940, paid, refunded

MON, TUE, WED, THU = (date(2026, 8, n) for n in range(10, 14))
SEEDS: Final = (1, 2)
NOISE: Final = "noise"  # stands in every word of what has nothing to do with the day

T = TypeVar("T")
Found = tuple[set[tuple[str, frozenset[Key]]], set[tuple[str, str, frozenset[Key]]]]


@pytest.fixture
def desk(db: None, settings, tmp_path: Path) -> Desk:
    settings.STATEMENTS_DIR = tmp_path / "statements"
    return Desk.open()


class _Told:
    """Two days of a gateway, a counter and transfers, by chance; the receipts are held already."""

    def __init__(self, desk: Desk, chance: random.Random) -> None:
        self.chance = chance
        self.rows: list[str] = []
        sums = {"S1": 0, "S2": 0, "S3": 0}
        for number in range(12):
            rupees = chance.choice((100, 200, 300))
            listed = rupees + chance.choice((0, 0, 0, 0, 7))
            settlement = chance.choice(list(sums))
            if chance.random() < 0.85:
                desk.receipt("razorpay", rupees, on=MON, channel_ref=f"pay_{number}")
            if chance.random() < 0.85:
                sums[settlement] += listed
                self.rows.append(paid(f"pay_{number}", listed, paid_on=MON, **_of(settlement)))
        first = desk.receipt("razorpay", 500, on=MON, channel_ref="pay_x")
        desk.refund(first, 40, ref="rfnd_1", on=TUE)
        sums["S1"] += 460
        self.rows += [
            paid("pay_x", 500, paid_on=MON, **_of("S1")),
            refunded("rfnd_1", 40, payment="pay_x", **_of("S1")),
            adjusted("adj_1", 60, settlement="S0", settled_on=TUE),  # carried into S1
        ]
        sums["S1"] -= 60
        desk.slip("DS-0001", [desk.receipt("cash", n, on=TUE) for n in (100, 250)], on=TUE)
        desk.receipt("neft", 700, on=TUE, utr="SBIN526224000001")
        self.lines = {
            TUE: [
                Line(350, "CASH DEP DS-0001"),
                Line(700, "NEFT CR-SBIN526224000001-A PAYER"),
                Line(-118, "CHARGES QUARTERLY"),
            ],
            WED: [
                Line(net + chance.choice((0, 0, 0, -5)), f"NEFT CR RAZORPAY UTR000{name[1]}")
                for name, net in sums.items()
                if net > 5
            ],
        }
        self.lines[WED].append(Line(41, "WHO IS IT"))


def _of(settlement: str) -> dict[str, object]:
    return {"settlement": settlement, "utr": f"UTR000{settlement[1]}", "settled_on": WED}


# ---- the same told otherwise


def _as_it_is(desk: Desk, told: _Told) -> None:
    _report(desk, told.rows)
    _statements(desk, [(TUE, told.lines[TUE]), (WED, told.lines[WED])])


def _shuffled(desk: Desk, told: _Told) -> None:
    _statements(desk, [(day, _mixed(told, lines)) for day, lines in told.lines.items()])
    _report(desk, _mixed(told, told.rows))


def _split(desk: Desk, told: _Told) -> None:
    for part in (0, 1, 2):
        _report(desk, told.rows[part::3])
    cut = [(day, [line]) for day, lines in told.lines.items() for line in lines]
    for piece in cut:
        _statements(desk, [piece])


def _merged(desk: Desk, told: _Told) -> None:
    """One file of the bank that holds both days; the report is one already."""
    _report(desk, told.rows)
    _load(desk, "bank", b"".join(_pages(desk, list(told.lines.items()))))


def _other_columns(desk: Desk, told: _Told) -> None:
    """Columns that nobody reads, under new names, and the others in another order."""
    names = [*HEADER.split(","), "posted_at", "some_new_column"]
    order = told.chance.sample(range(len(names)), len(names))
    cells = [[*row.split(","), "x", "y;z"] for row in told.rows]
    table = [names, *cells]
    text = "\n".join(",".join(row[place] for place in order) for row in table)
    _load(desk, "razorpay", f"{text}\n".encode())
    _statements(desk, list(told.lines.items()))


def _with_noise(desk: Desk, told: _Told) -> None:
    """Other merchants, other slips, other senders: the same amounts on the same days."""
    desk.receipt("razorpay-two", 100, on=MON, channel_ref=f"pay_{NOISE}")
    desk.receipt("razorpay", 200, on=MON, channel_ref=f"pay_{NOISE}9")
    desk.receipt("cash", 350, on=TUE)
    row = paid(f"pay_{NOISE}", 100, paid_on=MON, settlement=NOISE, utr="", settled_on=WED)
    desk.report(row, channel="razorpay-two")
    _report(desk, told.rows)
    noise = [Line(100, f"RAZORPAY {NOISE.upper()}"), Line(350, f"CASH DEP {NOISE}"),
             Line(700, f"NEFT CR-{NOISE.upper()}-A PAYER")]  # fmt: skip
    _statements(desk, [(day, _mixed(told, [*lines, *noise])) for day, lines in told.lines.items()])


def _reloaded(desk: Desk, told: _Told) -> None:
    """Every file again, the same and in another order, before and after a run."""
    _as_it_is(desk, told)
    desk.reconcile(WED)
    text = "\n".join([HEADER, *told.rows, ""]).encode()
    with pytest.raises(statements.AlreadyLoaded):
        _load(desk, "razorpay", text)
    _report(desk, told.rows[::-1])
    again = list(told.lines.items())
    desk.balances.clear()
    with pytest.raises(statements.AlreadyLoaded):
        _statements(desk, again)
    desk.balances.clear()
    _statements(desk, [(day, lines[::-1]) for day, lines in again])


def _in_steps(desk: Desk, told: _Told) -> None:
    """A run after every file."""
    for part in (1, 0):
        _report(desk, told.rows[part::2])
        desk.reconcile(WED)
    for piece in told.lines.items():
        _statements(desk, [piece])
        desk.reconcile(TUE)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_money_told_otherwise_gives_the_same_matches(desk: Desk, seed: int) -> None:
    told = _Told(desk, random.Random(seed))
    matches, breaks = _found(desk, told, _as_it_is)
    told_of = {key for *_, keys in (*matches, *breaks) for key in keys}
    assert (len(matches) > 8, len(breaks) > 3) == (True, True)

    for otherwise in OTHERWISE:
        other_matches, other_breaks = _found(desk, told, otherwise)
        name = otherwise.__name__
        assert {one for one in other_matches if one[1] & told_of} == matches, name
        assert {one for one in other_breaks if one[2] & told_of} == breaks, name


OTHERWISE: Final = (
    _shuffled, _split, _merged, _other_columns, _with_noise, _reloaded, _in_steps,
)  # fmt: skip

# ---- tools of these tests


def _found(desk: Desk, told: _Told, tell: Callable[[Desk, _Told], None]) -> Found:
    """The matches and breaks when it is told like this; afterwards nothing was told."""
    with _undone(desk):
        tell(desk, told)
        desk.reconcile(THU)
        return set(live_matches()), set(open_breaks())


@contextmanager
def _undone(desk: Desk) -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    desk.balances.clear()


def _mixed(told: _Told, some: Sequence[T]) -> list[T]:
    return told.chance.sample(some, len(some))


def _report(desk: Desk, rows: Sequence[str]) -> None:
    _load(desk, "razorpay", "\n".join([HEADER, *rows, ""]).encode())


def _statements(desk: Desk, days: Sequence[tuple[date, Sequence[Line]]]) -> None:
    for page in _pages(desk, days):
        _load(desk, "bank", page)


def _pages(desk: Desk, days: Sequence[tuple[date, Sequence[Line]]]) -> Iterator[bytes]:
    for day, lines in days:
        opening = desk.balances.get("bank", 0)
        desk.balances["bank"] = opening + sum(line.rupees * 100 for line in lines)
        yield mt940(desk.account, lines, on=day, opening=opening)


def _load(desk: Desk, source: str, content: bytes) -> None:
    desk.files += 1
    file = statements.load(
        statements.source_of(source), io.BytesIO(content), name=f"{desk.files}.txt"
    )
    assert file.state == "loaded", file.problem
