"""Whatever happens to the books, in any order: what came in is matched, written off or open.

A plain tally says what came in. After every step the database must hold exactly that, by book and
stage, in count and paise; after a run all that is open stands in a break or is expected.
"""

import io
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import ClassVar, Final

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from people import actions
from people.models import User
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER
from reconciliation.desk import decisions, undoing
from reconciliation.incoming import statements
from reconciliation.models import Break, Decision, Entry, Expected, Match, Stage
from tests import factories
from tests.reconciliation.small_days import Key, live_matches, open_breaks
from tests.worked_examples.accounts import HEADER, Desk, Line, adjusted, paid

DAYS: Final = tuple(date(2026, 8, n) for n in range(10, 14))
DAY = st.sampled_from(DAYS)
RUPEES = st.sampled_from((100, 200, 300))
CHANGE = st.sampled_from((0, 0, 0, 7))
PICK = st.integers(0, 20)
STAGES: Final = (Stage.CHANNEL.value, Stage.BANK.value)

Place = tuple[str, str]  # stage and book
Sums = dict[Place, tuple[int, int]]  # count and paise


class Books(RuleBasedStateMachine):
    """Payments are taken, files come and come again, runs and people decide, and undo."""

    happened: ClassVar[Tally[str]] = Tally()  # in all examples together

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()

    def teardown(self) -> None:
        try:
            if hasattr(self, "desk"):
                self.run(DAYS[-1])
                self.nothing_is_lost()
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    @initialize()
    def open(self) -> None:
        self.desk = Desk.open()
        self.maker, self.checker = self.person(FINANCE_OFFICER), self.person(FINANCE_APPROVER)
        self.count = 0
        self.unlisted: list[tuple[str, int]] = []
        self.uncredited: list[tuple[str, int]] = []
        self.files: list[tuple[str, bytes]] = []
        self.unread: list[tuple[Place, int]] = []  # receipts come in with the next run
        self.told: Tally[Place] = Tally()
        self.paise: Tally[Place] = Tally()
        self.is_judged = False  # nothing has come or gone since the last run
        self.decided = 0
        # Something to decide from the first step on: two settlements, and credits without a word.
        for rupees in (100, 200):
            self.take(rupees, DAYS[0])
            self.report(DAYS[0], 1, 0, 0)
        self.statement(DAYS[0], 2, 0, False)
        self.run(DAYS[0])

    def person(self, role: str) -> User:
        user: User = factories.UserFactory.create()
        actions.set_roles(user, {role})
        return user

    def number(self) -> int:
        self.count += 1
        return self.count

    def comes(self, *places: Place, paise: int) -> None:
        for place in places:
            self.told[place] += 1
            self.paise[place] += paise
        self.is_judged = False

    # ---- money comes

    @rule(rupees=RUPEES, day=DAY)
    def take(self, rupees: int, day: date) -> None:
        entity = f"pay_{self.number()}"
        self.desk.receipt("razorpay", rupees, on=day, channel_ref=entity)
        self.unread.append((("channel", "receipts"), rupees * 100))
        self.unlisted.append((entity, rupees))
        self.is_judged = False

    @rule(rupees=RUPEES, day=DAY)
    def take_cash(self, rupees: int, day: date) -> None:
        slip = f"DS-{self.number():04}"
        self.desk.slip(slip, [self.desk.receipt("cash", rupees, on=day)], on=day)
        self.unread.append((("bank", "receipts"), rupees * 100))
        self.uncredited.append((slip, rupees))
        self.is_judged = False

    @rule(day=DAY, most=st.integers(0, 3), change=CHANGE, kept=st.sampled_from((0, 50)))
    def report(self, day: date, most: int, change: int, kept: int) -> None:
        """Some payments are settled, on whatever day; one nobody held, and perhaps a deduction."""
        number = self.number()
        listed = [*self.unlisted[:most], (f"pay_{number}x", 100)]
        del self.unlisted[:most]
        rows = []
        for entity, rupees in listed:
            rows.append(
                paid(entity, rupees + change, fee=2, settled_on=day, paid_on=DAYS[0],
                     settlement=f"S{number}", utr=f"UTR{number:05}")
            )  # fmt: skip
            self.comes(("channel", "channel"), paise=(rupees + change) * 100)
            self.comes(("bank", "channel"), paise=(rupees + change - 2) * 100)
        if kept:
            rows.append(adjusted(f"adj_{number}", kept, settlement=f"S{number}", settled_on=day))
            self.comes(("bank", "channel"), paise=-kept * 100)
        self.load("razorpay", "\n".join([HEADER, *rows, ""]).encode())
        net = sum(rupees + change - 2 for _, rupees in listed) - kept
        self.uncredited.append((f"UTR{number:05}", net))

    @rule(day=DAY, most=st.integers(0, 3), change=CHANGE, is_named=st.booleans())
    def statement(self, day: date, most: int, change: int, is_named: bool) -> None:
        """Some of what is due is credited, with its word or without."""
        lines = [
            Line(rupees - change, f"CREDIT {word if is_named else ''} NO {self.number()}")
            for word, rupees in self.uncredited[:most]
            if rupees > change
        ]
        del self.uncredited[:most]
        for line in lines:
            self.comes(("bank", "bank"), paise=line.rupees * 100)
        lines.append(Line(-1, f"CHARGES NO {self.number()}"))  # no collection: never open
        self.desk.statement(*lines, on=day)
        self.is_judged = False

    def load(self, source: str, content: bytes) -> None:
        file = statements.load(
            statements.source_of(source), io.BytesIO(content), name=f"{self.number()}.txt"
        )
        assert file.state == "loaded", file.problem
        self.files.append((source, content))

    @precondition(lambda self: self.files)
    @rule(pick=PICK, is_turned=st.booleans())
    def reload(self, pick: int, is_turned: bool) -> None:
        """A file comes again, as it was or with its rows in another order: nothing is new."""
        source, content = self.files[pick % len(self.files)]
        head, *rows = content.decode().split()
        turned = "\n".join([head, *rows[::-1], ""]).encode()
        if is_turned and (source, turned) not in self.files:
            self.load(source, turned)
            self.is_judged = False
            self.happened["turned"] += 1
            return
        with pytest.raises(statements.AlreadyLoaded):
            statements.load(statements.source_of(source), io.BytesIO(content), name="again")

    # ---- what is done with it

    @rule(day=DAY)
    def run(self, day: date) -> None:
        for place, paise in self.unread:
            self.comes(place, paise=paise)
        self.unread.clear()
        self.ran = self.desk.reconcile(day)
        self.is_judged = True

    @precondition(lambda self: self.decided < 6)
    @rule(pick=PICK)
    def write_off(self, pick: int) -> None:
        some = [one for one in _undecided() if one.stage != Stage.FEE]
        if some:
            self.decide(some[pick % len(some)], Decision.Kind.WRITE_OFF, [])

    @rule(pick=PICK)
    def match(self, pick: int) -> None:
        """Two breaks of a stage that come to nothing together, where there are any."""
        some = [one for one in _undecided() if one.stage != Stage.FEE]
        pairs = [
            (one, other)
            for one in some
            for other in some
            if one.pk != other.pk and one.stage == other.stage and _differ(one, other) == 0
        ]
        if pairs:
            one, other = pairs[pick % len(pairs)]
            self.decide(one, Decision.Kind.MATCH, _entries(other))

    def decide(self, about: Break, kind: Decision.Kind, candidates: Sequence[Entry]) -> None:
        proposed = decisions.propose(
            about, kind=kind, candidates=candidates, why="A test.", maker=self.maker
        )
        self.nothing_is_lost()
        decisions.approve(proposed, checker=self.checker)
        self.is_judged = False
        self.happened[kind] += 1
        self.decided += 1

    @precondition(lambda self: self.decided)
    @rule(pick=PICK)
    def undo(self, pick: int) -> None:
        some = list(Match.objects.exclude(kind="rule").filter(undone_at=None).order_by("pk"))
        if some:
            target = undoing.of_match(some[pick % len(some)])
            asked = undoing.propose(target, why="A test.", maker=self.maker)
            self.nothing_is_lost()
            undoing.approve(asked, checker=self.checker)
            self.is_judged = False
            self.happened["undone"] += 1
            self.decided -= 1

    # ---- always

    @invariant()
    def nothing_is_lost(self) -> None:
        if not hasattr(self, "desk"):
            return
        entries = {(one.book, one.source_key): one for one in Entry.objects.all()}
        came = {place: (self.told[place], self.paise[place]) for place in self.told}
        assert _sums((stage, one) for one in entries.values() for stage in _stages(one)) == came
        matched = [(stage, key) for stage, keys in live_matches() for key in keys]
        assert len(matched) == len(set(matched))  # once in a stage
        for stage, keys in _agreed():
            assert _difference([entries[key] for key in keys], stage) == 0
        broken = {
            (stage, key) for stage, _, keys in open_breaks() if stage in STAGES for key in keys
        }
        assert broken.isdisjoint(matched)
        if self.is_judged:
            self.all_that_is_open_has_a_reason(entries, set(matched), broken)

    def all_that_is_open_has_a_reason(
        self, entries: dict[Key, Entry], matched: set[tuple[str, Key]], broken: set[tuple[str, Key]]
    ) -> None:
        left = _sums(
            (stage, one)
            for key, one in entries.items()
            for stage in _stages(one)
            if (stage, key) not in matched
        )
        named = _sums((stage, entries[key]) for stage, key in broken)
        for one in Expected.objects.filter(run=self.ran):
            count, paise = named.get((one.stage, one.book), (0, 0))
            named[one.stage, one.book] = (count + one.count, paise + one.paise)
        assert left == named


def _undecided() -> list[Break]:
    return list(Break.objects.filter(state="open").order_by("pk"))


def _entries(one: Break) -> list[Entry]:
    return [line.entry for line in one.lines.select_related("entry").order_by("entry_id")]


def _differ(one: Break, other: Break) -> int:
    return _difference([*_entries(one), *_entries(other)], one.stage)


def _difference(entries: Sequence[Entry], stage: str) -> int:
    """What the two sides of a stage lack to agree; what one book undoes itself agrees too."""
    right = {"channel": "channel", "bank": "bank"}[stage]
    return sum(_paise(one, stage) * (-1 if one.book == right else 1) for one in entries)


def _paise(one: Entry, stage: str) -> int:
    is_net = stage == Stage.BANK and one.book == "channel"
    return one.net_paise if is_net else one.amount_paise


def _stages(one: Entry) -> list[str]:
    return [
        stage
        for stage, counts in (("channel", one.in_channel_stage), ("bank", one.in_bank_stage))
        if counts
    ]


def _sums(told: Iterable[tuple[str, Entry]]) -> Sums:
    sums: Sums = {}
    for stage, one in told:
        count, paise = sums.get((stage, one.book), (0, 0))
        sums[stage, one.book] = (count + 1, paise + _paise(one, stage))
    return sums


def _agreed() -> list[tuple[str, frozenset[Key]]]:
    """The live matches that are no write-off: their sides agree."""
    return live_matches(kinds=("rule", "hand"))


@pytest.mark.django_db
def test_what_came_in_is_matched_written_off_or_open(kept_files: None) -> None:
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=14,
            stateful_step_count=16,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

    assert set(Books.happened) == {"match", "write_off", "undone", "turned"}


@pytest.fixture
def kept_files(settings, tmp_path: Path) -> None:
    """The files of all of it go to a folder of the test."""
    settings.STATEMENTS_DIR = tmp_path / "statements"
