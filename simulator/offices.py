"""Offices whose counters keep shifts: an eve and a day, told as the steps of their people.

What the drawers, the safe and the slips must hold is summed up here, apart from the house: each
step says its sum, and ``simulator.staff`` ends the play when the house has another.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple

from channels_.contract import Method
from counters.paper.return_files import ReturnLine
from counters.paper.returns import return_code
from simulator.bank import BankLine
from simulator.chance import chance, instant, moments
from simulator.consumers import RUPEE, SampleConsumer
from simulator.deposits import PaidIn, credit, slip_number
from simulator.handovers import HandOver, Payers, Tender
from simulator.returned import Fate, Fates
from simulator.scene import CASH, CHEQUE, Staff
from simulator.truth import Part

BATCH: Final = 200  # hand-overs that are taken in one transaction of the play
FLOAT_PAISE: Final = 2_000 * RUPEE
OPENING_PAISE: Final = 100_000 * RUPEE  # what lies in a safe that is counted for the first time
TRANSFER_PAISE: Final = 1_000 * RUPEE
VOUCHER_PAISE: Final = 250 * RUPEE
BUNDLE_PAISE: Final = 5_000 * RUPEE  # cash is handed in by whole bundles
BULK: Final = 8  # consumers that one cheque pays
CANCELLED_ONE_IN: Final = 150  # hand-overs
EVE_CASH: Final = 2
EVE_PAPERS: Final = 14

# How busy each hour is at a window that closes at two, so that the bank has the money today.
WINDOW: Final = (*(0,) * 10, 70, 100, 95, 60, *(0,) * 10)

# Over and short of the first offices: in rupees, and why. The last is for finance to accept.
DIFFERENCES: Final = ((-20, "change"), (50, "count"), (-200, "lost"))


class Step(NamedTuple):
    """One thing that a person of an office does."""

    at: datetime
    office: str  # empty: finance, for all offices
    what: str
    by: str
    told: Mapping[str, Any]


@dataclass(slots=True)
class Drawer:
    """A drawer by the simulator's own sum."""

    cash_paise: int = FLOAT_PAISE
    papers: dict[str, list[int]] = field(default_factory=dict)

    def take(self, one: HandOver) -> None:
        """Put a hand-over into it."""
        self.cash_paise += one.cash_paise
        for paper in one.papers:
            held = self.papers.setdefault(paper.method, [0, 0])
            held[0] += 1
            held[1] += paper.amount_paise

    def give_back(self, one: HandOver) -> None:
        """Take out what was put into it."""
        self.cash_paise -= one.cash_paise
        for paper in one.papers:
            self.papers[paper.method][0] -= 1
            self.papers[paper.method][1] -= paper.amount_paise


@dataclass(slots=True)
class OfficesDay:
    """What the offices leave behind."""

    steps: list[Step] = field(default_factory=list)
    slips: list[PaidIn] = field(default_factory=list)  # of the day
    eve_slips: list[PaidIn] = field(default_factory=list)
    eve_lines: list[BankLine] = field(default_factory=list)
    debits: list[BankLine] = field(default_factory=list)
    returned: list[ReturnLine] = field(default_factory=list)
    cards: list[tuple[HandOver, Tender]] = field(default_factory=list)
    over_short: list[dict[str, Any]] = field(default_factory=list)


class OfficePlay:
    """Plays one office over two days."""

    def __init__(
        self,
        staff: Staff,
        *,
        place: int,
        day: date,
        seed: int,
        payers: Payers,
        part: Part,
        cards: str,
        out: OfficesDay,
    ) -> None:
        self.staff = staff
        self._place = place
        self._day = day
        self._eve = day - timedelta(days=1)
        self._rng = chance(seed, day, "office", staff.office)
        self._payers = payers
        self._part = part
        self._cards = cards
        self._out = out
        self._safe_paise = 0
        self._drawers: dict[str, Drawer] = {}
        self._on_slip: Counter[str] = Counter()  # by channel what waits for the bank

    # ---- the eve

    def play_eve(self, spare: Sequence[SampleConsumer]) -> Fates:
        """The day before: a few receipts and the cheques of which some come back."""
        day, counter = self._eve, next(iter(self.staff.clerks))
        small = [one for one in spare if one.amount_paise <= BUNDLE_PAISE][:EVE_CASH]
        others = [one for one in spare if one not in small][:EVE_PAPERS]
        cash = [self._in_cash(one, instant(day, hour=11)) for one in small]
        cheques = [
            self._payers.with_one_cheque(some, instant(day, hour=11, minute=30))
            for some in _singles_and_one_bulk(others[1:])
        ]
        held = [
            self._payers.with_one_cheque([one], instant(day, hour=12), dated=self._day)
            for one in others[:1]
        ]
        self._safe_paise += OPENING_PAISE
        second = {"paise": OPENING_PAISE, "second": self.staff.finance}
        self._step(day, 10, 0, "open_safe", second)
        self._open(day, [counter])
        self._take(counter, [*cash, *cheques], is_counted=False)
        if held:
            self._taking(counter, held, instant(day, hour=14, minute=30))
        self._close(counter, instant(day, hour=15), shift=f"{counter}/{day}")
        self._to_bank(day)
        self._end(day, counter)
        fates = Fates.dealt(cheques, plants=self._place < 2)
        self._part.not_breaks["cheques_of_the_eve"] += len(cheques)
        return fates._replace(held=held[0] if held else None)

    # ---- the day

    def play_day(
        self, cash: Sequence[SampleConsumer], papers: Sequence[SampleConsumer], fates: Fates
    ) -> None:
        """The day itself: floats, receipts, moves, what became of yesterday's cheques, the bank."""
        counters = list(self.staff.clerks)
        self._open(self._day, counters)
        dealt = self._dealt(cash, papers)
        first = counters[0]
        self._returns(fates)
        instead = self._instead(fates)
        for counter in counters:
            extra = list(instead.values()) if counter == first else []
            self._window(counter, [*dealt[counter], *extra])
        self._made_good(fates, instead)
        for counter in counters:
            self._close(counter, instant(self._day, hour=15), shift=f"{counter}/{self._day}")
        self._to_bank(self._day, again=fates.of(Fate.AGAIN))
        self._end(self._day, first)

    def _dealt(
        self, cash: Sequence[SampleConsumer], papers: Sequence[SampleConsumer]
    ) -> dict[str, list[HandOver]]:
        """The hand-overs of each counter, in the order of the day."""
        bulk, single = (papers[:BULK], papers[BULK:]) if len(papers) > 3 * BULK else ((), papers)
        made = [
            *self._at_moments(cash, self._payers.with_cash),
            *self._at_moments(single, self._payers.with_paper),
        ]
        if bulk:
            at = instant(self._day, hour=11, minute=20)
            made.append(self._payers.with_one_cheque(bulk, at))
            self._part.not_breaks["cheques_for_many"] += 1
        dealt: dict[str, list[HandOver]] = defaultdict(list)
        for one in sorted(made, key=lambda one: (one.at, one.submit_key)):
            dealt[self._rng.choice(list(self.staff.clerks))].append(one)
        return dealt

    def _at_moments(self, payers: Sequence[SampleConsumer], make: Any) -> Iterator[HandOver]:
        at = moments(self._rng, day=self._day, count=len(payers), weights=WINDOW)
        yield from (make(payer, moment) for payer, moment in zip(payers, at, strict=True))

    def _window(self, counter: str, hand_overs: Sequence[HandOver]) -> None:
        """A counter's day: receipts, and between them what its clerk and the supervisor do."""
        day = self._day
        hours = [instant(day), instant(day, hour=12), instant(day, hour=13), instant(day, hour=15)]
        between = (self._drop, self._move, None)
        for (since, until), act in zip(pairwise(hours), between, strict=True):
            self._take(counter, [one for one in hand_overs if since <= one.at < until])
            if act is not None:
                act(counter, until)
        self._cancel(counter, hand_overs)

    def _drop(self, counter: str, at: datetime) -> None:
        drawer = self._drawers[counter]
        paise = (drawer.cash_paise - FLOAT_PAISE) // BUNDLE_PAISE * BUNDLE_PAISE
        if paise <= 0:
            return
        drawer.cash_paise -= paise
        self._safe_paise += paise
        self._at_counter(counter, at, "drop", {"paise": paise, "second": self.staff.supervisor})

    def _move(self, counter: str, at: datetime) -> None:
        """The first clerk gives the second some cash, and pays a voucher."""
        first, *others = self.staff.clerks
        drawer = self._drawers[first]
        if counter != first or drawer.cash_paise < TRANSFER_PAISE + VOUCHER_PAISE:
            return
        for other in others[:1]:
            drawer.cash_paise -= TRANSFER_PAISE
            self._drawers[other].cash_paise += TRANSFER_PAISE
            told = {"paise": TRANSFER_PAISE, "to": other, "second": self.staff.clerks[other]}
            self._at_counter(counter, at, "transfer", told)
        drawer.cash_paise -= VOUCHER_PAISE
        told = {
            "paise": VOUCHER_PAISE,
            "voucher": f"V{at:%d%m}-{self._place + 1}",
            "reason": "Sample: stationery",
            "second": self.staff.supervisor,
        }
        self._at_counter(counter, at + timedelta(minutes=10), "paid_out", told)

    def _cancel(self, counter: str, hand_overs: Sequence[HandOver]) -> None:
        """Some receipts are cancelled: cash is given back, and at the first counter a cheque."""
        late = [one for one in hand_overs if one.at.hour == 13 and len(one.tenders) == 1]
        cash = [one for one in late if one.cash_paise]
        count = min(len(cash) // 4, 1 + len(hand_overs) // CANCELLED_ONE_IN)
        chosen = self._rng.sample(cash, count)
        if counter == next(iter(self.staff.clerks)):
            cheques = [one for one in late if one.tenders[0].method == Method.CHEQUE]
            chosen += self._rng.sample(cheques, min(1, len(cheques) // 4))
        for one in chosen:
            self._drawers[counter].give_back(one)
            for channel, paise in one.payments(cards=self._cards):
                self._on_slip[channel] -= paise
            self._part.not_breaks["cancelled_receipts"] += 1
            told = {
                "submit_key": one.submit_key,
                "reason": "Sample: typed for another consumer",
            }
            self._step(self._day, 14, 30, "cancel", told)

    # ---- yesterday's cheques

    def _returns(self, fates: Fates) -> None:
        """What the bank has sent back, what is done with it, and what the statement says."""
        for fate, one in fates.dealt_to:
            (paper,) = one.papers
            if fate.is_in_file:
                self._out.returned.append(_line_of(paper, fate, day=self._day))
            elif fate is not Fate.BANK_ONLY:
                told = {"number": paper.number, "code": fate.code}
                self._step(self._day, 11, 0, "return", told)
            if fate is Fate.GIVEN_UP:
                told = {"number": paper.number, "reason": "Sample: the drawer does not answer"}
                self._step(self._day, 11, 30, "dishonour", told)
            if fate is not Fate.BOOKS_ONLY:
                self._out.debits.append(_debit(paper, fate, day=self._day))
        fates.plant(self._part)
        if fates.held is not None:
            (paper,) = fates.held.papers
            self._step(self._day, 11, 15, "take_held", {"number": paper.number})
            self._received([fates.held], is_counted=True)

    def _instead(self, fates: Fates) -> dict[Fate, HandOver]:
        """Who pays after all, for a cheque that was given up: in cash, or by a draft."""
        found = {}
        at = instant(self._day, hour=14, minute=20)
        for fate in (Fate.PAID_IN_CASH, Fate.REPLACED):
            for one in fates.of(fate):
                (share,) = one.shares
                paise = share.amount_paise
                is_cash = fate is Fate.PAID_IN_CASH and paise <= BUNDLE_PAISE * 10
                tender = (
                    Tender(Method.CASH.value, paise)
                    if is_cash
                    else self._payers.paper(paise, self._day, Method.DEMAND_DRAFT)
                )
                key = self._payers.made(at, [], [tender], [])
                found[fate] = key._replace(shares=(share,))
        return found

    def _made_good(self, fates: Fates, instead: Mapping[Fate, HandOver]) -> None:
        for fate, one in instead.items():
            for fallen in fates.of(fate):
                told = {"number": fallen.papers[0].number, "submit_key": one.submit_key}
                self._step(self._day, 14, 40, "make_good", told)
        for fallen in fates.of(Fate.PURSUED):
            told = {"number": fallen.papers[0].number, "reason": "Sample: the days have run out"}
            self._step(self._day, 14, 40, "pursue", told)

    # ---- drawers, slips, the safe

    def _open(self, day: date, counters: Iterable[str]) -> None:
        for counter in counters:
            self._drawers[counter] = Drawer()
            self._safe_paise -= FLOAT_PAISE
            told = {
                "counter": counter,
                "shift": f"{counter}/{day}",
                "clerk": self.staff.clerks[counter],
                "paise": FLOAT_PAISE,
            }
            self._step(day, 10, 0, "open_shift", told)

    def _take(
        self, counter: str, hand_overs: Sequence[HandOver], *, is_counted: bool = True
    ) -> None:
        for one in hand_overs:
            self._drawers[counter].take(one)
        self._received(hand_overs, is_counted=is_counted)
        for start in range(0, len(hand_overs), BATCH):
            some = hand_overs[start : start + BATCH]
            self._taking(counter, some, some[-1].at)

    def _taking(self, counter: str, hand_overs: Sequence[HandOver], at: datetime) -> None:
        told = {"counter": counter, "hand_overs": [one.as_data() for one in hand_overs]}
        self._out.steps.append(
            Step(at, self.staff.office, "take", self.staff.clerks[counter], told)
        )

    def _received(self, hand_overs: Iterable[HandOver], *, is_counted: bool) -> None:
        """What waits for a slip now; and what our books must hold of the day, if it is of it."""
        for one in hand_overs:
            for channel, paise in one.payments(cards=self._cards):
                self._on_slip[channel] += paise
                if is_counted:
                    self._part.received(channel, paise)
            self._out.cards += [(one, paper) for paper in one.papers if paper.method == Method.CARD]

    def _close(self, counter: str, at: datetime, *, shift: str) -> None:
        """Count the drawer, with what is planted; the supervisor accepts, or finance too."""
        drawer = self._drawers[counter]
        differs, why = self._difference(counter, at)
        counted = drawer.cash_paise + differs
        told = {
            "shift": shift,
            "paise": counted,
            "papers": drawer.papers,
            "differs_paise": differs,
            "why": why,
            "second": self.staff.supervisor,
            "third": self.staff.finance,
        }
        self._at_counter(counter, at, "close_shift", told)
        self._safe_paise += counted
        self._on_slip[CASH] += differs
        if differs:
            self._out.over_short.append(
                {"clerk": self.staff.clerks[counter], "paise": differs, "why": why}
            )

    def _difference(self, counter: str, at: datetime) -> tuple[int, str]:
        is_planted = (
            at.date() == self._day
            and counter == next(iter(self.staff.clerks))
            and self._place < len(DIFFERENCES)
            and self._on_slip[CASH] > BUNDLE_PAISE
        )
        rupees, why = DIFFERENCES[self._place] if is_planted else (0, "")
        return rupees * RUPEE, why

    def _to_bank(self, day: date, *, again: Sequence[HandOver] = ()) -> None:
        """A slip of the office for its cash and one for its papers, in a bag."""
        presented = [one.papers[0] for one in again]
        self._on_slip[CHEQUE] += sum(paper.amount_paise for paper in presented)
        self._part.not_breaks["cheques_presented_again"] += len(presented)
        numbers = []
        for channel, end in ((CASH, "C1"), (CHEQUE, "Q1")):
            paise = self._on_slip.pop(channel, 0)
            if paise <= 0:
                continue
            at = instant(day, hour=15, minute=30)
            number = slip_number(self.staff.office, self._place, day=day, end=end)
            told = {
                "slip": number,
                "channel": channel,
                "paise": paise,
                "again": [paper.number for paper in presented] if channel == CHEQUE else [],
            }
            self._step(day, 15, 30, "slip", told)
            paid_in = PaidIn(at, number, channel, paise)
            (self._out.slips if day == self._day else self._out.eve_slips).append(paid_in)
            numbers.append(number)
            if channel == CASH:
                self._safe_paise -= paise
            if day == self._eve:
                self._out.eve_lines.append(credit(self._rng, paid_in, paise))
        if numbers:
            seal = f"SEAL-{day:%d%m}-{self._place + 1:02d}"
            told = {"seal": seal, "slips": numbers, "carrier": "Sample carrier"}
            self._step(day, 15, 45, "bag", told)

    def _end(self, day: date, counter: str) -> None:
        told = {"paise": self._safe_paise}
        self._step(day, 17, 0, "count_safe", told, by=self.staff.clerks[counter])
        self._step(day, 17, 30, "close_day", {})

    # ---- steps

    def _at_counter(self, counter: str, at: datetime, what: str, told: Mapping[str, Any]) -> None:
        said = {"counter": counter, **told}
        by = self.staff.clerks[counter]
        self._out.steps.append(Step(at, self.staff.office, what, by, said))

    def _step(
        self,
        day: date,
        hour: int,
        minute: int,
        what: str,
        told: Mapping[str, Any],
        *,
        by: str = "",
    ) -> None:
        at = instant(day, hour=hour, minute=minute)
        by = by or self.staff.supervisor
        self._out.steps.append(Step(at, self.staff.office, what, by, told))

    def _in_cash(self, payer: SampleConsumer, at: datetime) -> HandOver:
        tender = Tender(Method.CASH.value, payer.amount_paise)
        return self._payers.made(at, [payer], [tender], [payer.amount_paise])


def stamps(out: OfficesDay, missing: Iterable[str], staff: Sequence[Staff]) -> Iterator[Step]:
    """The bank's stamp on each slip that it took, seen by the supervisor of the slip's office."""
    lost = set(missing)
    supervisors = {one.office: one.supervisor for one in staff}
    offices = {
        name: step.office for step in out.steps if step.what == "bag" for name in step.told["slips"]
    }
    for slip in [*out.eve_slips, *out.slips]:
        if slip.number not in lost:
            office = offices[slip.number]
            at = slip.at + timedelta(minutes=45)
            told = {"slip": slip.number, "bank_ref": f"STAMP {slip.number[-6:]}"}
            yield Step(at, office, "stamp", supervisors[office], told)


def _singles_and_one_bulk(payers: Sequence[SampleConsumer]) -> Iterator[Sequence[SampleConsumer]]:
    """Each alone, but the last three of many with one cheque."""
    single = len(payers) - 3 if len(payers) > EVE_PAPERS - 4 else len(payers)
    yield from ([one] for one in payers[:single])
    if payers[single:]:
        yield payers[single:]


def _line_of(paper: Tender, fate: Fate, *, day: date) -> ReturnLine:
    return ReturnLine(
        line=0,
        number=paper.number,
        sort_code=paper.micr,
        account_id=paper.account_id,
        transaction_code="",
        amount_paise=paper.amount_paise,
        returned_on=day,
        code=fate.code,
        words=return_code(fate.code).en,
        slip="",
        bank_ref="",
    )


def _debit(paper: Tender, fate: Fate, *, day: date) -> BankLine:
    """The bank's line, with the code and the words of the truncation system."""
    words = return_code(fate.code).en.upper().replace("'", "")
    narration = f"CHQ RTN {paper.number} {fate.code} {words}"
    return BankLine(instant(day, hour=12), -paper.amount_paise, "NRTI", narration)
