"""What a visitor of the demo finds at the counters: yesterday proved, and today just begun."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

from django.core.management import call_command
from django.db import connection

from channels_.contract import Method
from counters import drawers, safe, taking
from counters.models import Instrument
from counters.paper.return_files import PRESETS, ReturnLine, write_returns
from counters.paper.returns import return_code
from counters.states import PaperState
from cspdcl.kernel.clock import now, played_at, today
from payments.models import Counter, Payment
from people.models import Office, User
from reconciliation import engine
from reconciliation.found import clearing
from simulator.chance import chance, instant
from simulator.consumers import RUPEE, SampleConsumer
from simulator.day import Day
from simulator.files import RETURNS, eve_statement_of
from simulator.handovers import HandOver, Numbers, Payers, Tender
from simulator.scene import Staff
from simulator.staff import Troupe, hand_over_of, notes

VISITOR_FLOAT_PAISE: Final = 5_000 * RUPEE
WAITING_DROP_PAISE: Final = 500 * RUPEE
RETURNED_TODAY: Final = "returned-today.csv"

# Of the cheques on their way, what the file says that a visitor may load.
_REASONS: Final = ("01", "35", "12", "60")


def play_eve(day: Day, directory: Path) -> int:
    """The offices' day before, with its statement, proved in its own evening; how many steps."""
    troupe = Troupe(directory)
    count = troupe.play(day.eve)
    if count and (eve := eve_statement_of(day)):
        source, name = eve
        with played_at(instant(day.eve, hour=23)):
            call_command("load_statement", source, str(directory / name), verbosity=0)
            engine.reconcile(day.eve, started_by="demo")
    return count


def play_offices(day: Day, directory: Path) -> int:
    """The offices' day itself, in a thread beside the partners' messages; how many steps."""
    try:
        return Troupe(directory).play(day.date)
    finally:
        connection.close()


@dataclass
class Today:
    """The counters of this very day, at the first office that has people."""

    staff: Staff
    day: Day
    home: Path

    def begin(self) -> str:
        """Float in the drawer, a colleague at work, papers in every state, a file to load."""
        clearing.clear_papers()
        first, *others = self.staff.clerks
        safe.issue_float(
            self._office,
            amount_paise=VISITOR_FLOAT_PAISE,
            by=self._user(self.staff.supervisor),
            submit_key=f"live:{first}",
            counter=self._counter(first),
            denominations=notes(VISITOR_FLOAT_PAISE),
        )
        for other in others[:1]:
            self._colleague(other)
        path = self.home / RETURNED_TODAY
        path.write_bytes(self._returned())
        return (
            f"{self.staff.clerks[first]} may open a shift at {first};"
            f" a bank's file of returned cheques to load: {path}"
        )

    def _colleague(self, code: str) -> None:
        clerk, counter = self._user(self.staff.clerks[code]), self._counter(code)
        move = safe.issue_float(
            self._office,
            amount_paise=VISITOR_FLOAT_PAISE,
            by=self._user(self.staff.supervisor),
            submit_key=f"live:{code}",
            receiver=clerk,
        )
        counted = notes(VISITOR_FLOAT_PAISE)
        shift = drawers.open_with(counter, clerk=clerk, float_move=move, counted=counted)
        asked = [hand_over_of(one.as_data()) for one in self._brought()]
        for answer in taking.take(counter, clerk=clerk, asked=asked):
            if answer.refusal is not None:
                raise answer.refusal
        waiting = notes(WAITING_DROP_PAISE)
        drawers.hand_in(shift, clerk=clerk, counted=waiting, submit_key=f"live:drop:{code}")

    def _brought(self) -> Sequence[HandOver]:
        """Some receipts of this morning, and a cheque of next week."""
        rng = chance(self.day.seed, self.day.date, "live")
        make = Payers(rng, Numbers(rng, papers=20), takes_cards=False)
        at = now().replace(microsecond=0)
        some = [one for one in self._unpaid if one.amount_paise < VISITOR_FLOAT_PAISE][:6]
        if len(some) < 6:
            return []
        in_cash = [
            make.made(at, [one], [Tender(Method.CASH.value, one.amount_paise)], [one.amount_paise])
            for one in some[:3]
        ]
        draft = make.paper(some[3].amount_paise, today(), Method.DEMAND_DRAFT)
        return [
            *in_cash,
            make.made(at, [some[3]], [draft], [some[3].amount_paise]),
            make.with_one_cheque([some[4]], at),
            make.with_one_cheque([some[5]], at, dated=today() + timedelta(days=7)),
        ]

    @cached_property
    def _unpaid(self) -> list[SampleConsumer]:
        paid = set(Payment.objects.values_list("consumer_number", flat=True))
        return [one for one in self.day.consumers if one.bill_number and one.number not in paid]

    def _returned(self) -> bytes:
        """A file of today that returns some cheques that are on their way."""
        there = Instrument.objects.filter(
            office=self._office, state=PaperState.DEPOSITED, method=Method.CHEQUE
        ).order_by("pk")[: len(_REASONS)]
        lines = [_line(paper, code) for paper, code in zip(there, _REASONS, strict=False)]
        return write_returns(lines, PRESETS[RETURNS])

    @cached_property
    def _office(self) -> Office:
        return Office.objects.get(code=self.staff.office)

    def _counter(self, code: str) -> Counter:
        return Counter.objects.select_related("office").get(code=code)

    def _user(self, username: str) -> User:
        return self._users[username]

    @cached_property
    def _users(self) -> Mapping[str, User]:
        return {user.username: user for user in User.objects.all()}


def _line(paper: Instrument, code: str) -> ReturnLine:
    return ReturnLine(
        line=0,
        number=paper.number,
        sort_code=paper.micr,
        account_id=paper.account_id,
        transaction_code=paper.transaction_code,
        amount_paise=paper.amount_paise,
        returned_on=today(),
        code=code,
        words=return_code(code).en,
        slip="",
        bank_ref="",
    )
