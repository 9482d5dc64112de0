"""The people of the played offices: each step of theirs goes through the actions of the house.

At the moment of the step, as the user who takes it: nothing is written past the counters' own
rules. Where a step says a sum and the house comes to another, the play ends.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from django.db import transaction

from channels_.contract import Method
from channels_.models import BankAccount, Channel
from counters import (
    bags,
    cancelling,
    closing,
    counts,
    deposits,
    differences,
    dishonour,
    drawers,
    making_good,
    returning,
    safe,
    taking,
)
from counters.counts import Counted
from counters.models import Collection, Difference, Instrument, OfficeDay, Share, Shift, Slip
from counters.paper.cash import DENOMINATIONS
from cspdcl.kernel.clock import INDIA, played_at, today
from cspdcl.kernel.money import grouped_rupees
from payments.models import Counter, Deposit
from people.models import Office, User
from simulator.offices import Step

STEPS: Final = "offices.jsonl"


class PlayDiffers(AssertionError):
    """The house came to another sum than the play, or refused what the play holds for right."""


class Troupe:
    """Plays the steps of a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._shifts: dict[str, Shift] = {}
        self._acts: Mapping[str, Callable[[Step, Mapping[str, Any]], None]] = {
            "open_safe": self._open_safe,
            "open_shift": self._open_shift,
            "take": self._take,
            "drop": self._drop,
            "transfer": self._transfer,
            "paid_out": self._paid_out,
            "cancel": self._cancel,
            "close_shift": self._close_shift,
            "return_file": self._return_file,
            "return": self._return,
            "dishonour": self._dishonour,
            "take_held": self._take_held,
            "make_good": self._make_good,
            "pursue": self._pursue,
            "slip": self._slip,
            "bag": self._bag,
            "stamp": self._stamp,
            "count_safe": self._count_safe,
            "close_day": self._close_day,
        }

    def play(self, day: date) -> int:
        """Take every step of one business date, in its order; how many."""
        count = 0
        for step in steps_of(self._directory):
            if step.at.astimezone(INDIA).date() == day:
                with played_at(step.at):
                    self._acts[step.what](step, step.told)
                count += 1
        return count

    # ---- the drawer

    def _open_safe(self, step: Step, told: Mapping[str, Any]) -> None:
        office = self._office(step)
        asked = safe.ask_opening(
            office, counted=notes(told["paise"]), by=self._by(step), submit_key=_key(step)
        )
        drawers.confirm(asked, by=self._user(told["second"]))

    def _open_shift(self, step: Step, told: Mapping[str, Any]) -> None:
        clerk, counter = self._user(told["clerk"]), self._counter(told["counter"])
        move = safe.issue_float(
            counter.office,
            amount_paise=told["paise"],
            by=self._by(step),
            submit_key=_key(step, told["shift"]),
            receiver=clerk,
        )
        self._shifts[told["counter"]] = drawers.open_with(
            counter, clerk=clerk, float_move=move, counted=notes(told["paise"])
        )

    def _take(self, step: Step, told: Mapping[str, Any]) -> None:
        answers = taking.take(
            self._counter(told["counter"]),
            clerk=self._by(step),
            asked=[hand_over_of(one) for one in told["hand_overs"]],
        )
        refused = [str(one.refusal) for one in answers if one.refusal is not None]
        if refused:
            raise PlayDiffers(f"{step.office}, {step.at}: {refused[0]}")

    def _drop(self, step: Step, told: Mapping[str, Any]) -> None:
        counted = notes(told["paise"])
        move = drawers.hand_in(
            self._shift(told), clerk=self._by(step), counted=counted, submit_key=_key(step)
        )
        drawers.confirm(move, by=self._user(told["second"]), counted=counted)

    def _transfer(self, step: Step, told: Mapping[str, Any]) -> None:
        counted = notes(told["paise"])
        move = drawers.give_to(
            self._shift(told),
            to=self._shifts[told["to"]],
            clerk=self._by(step),
            counted=counted,
            submit_key=_key(step),
        )
        drawers.confirm(move, by=self._user(told["second"]), counted=counted)

    def _paid_out(self, step: Step, told: Mapping[str, Any]) -> None:
        move = drawers.ask_paid_out(
            self._shift(told),
            clerk=self._by(step),
            amount_paise=told["paise"],
            voucher=told["voucher"],
            reason=told["reason"],
            submit_key=_key(step),
        )
        drawers.confirm(move, by=self._user(told["second"]))

    def _cancel(self, step: Step, told: Mapping[str, Any]) -> None:
        made = Collection.objects.get(submit_key=told["submit_key"])
        for line in made.lines.order_by("pk"):
            cancelling.cancel(line.payment_id, supervisor=self._by(step), reason=told["reason"])

    def _close_shift(self, step: Step, told: Mapping[str, Any]) -> None:
        shift, clerk = self._shift(told), self._by(step)
        counts.begin_close(shift, by=clerk)
        papers = {method: (pieces, paise) for method, (pieces, paise) in told["papers"].items()}
        counts.submit_count(
            shift, by=clerk, counted=Counted(denominations=notes(told["paise"]), papers=papers)
        )
        found = list(Difference.objects.filter(shift=shift))
        _same(step, "over or short", told["differs_paise"], sum(one.amount_paise for one in found))
        for one in found:
            differences.explain(one, by=clerk, why=told["why"], words="Sample")
        closed = differences.accept(shift, by=self._user(told["second"]))
        if closed.closed_at is None:
            closed = differences.accept(shift, by=self._user(told["third"]))

    # ---- papers

    def _return_file(self, step: Step, told: Mapping[str, Any]) -> None:
        """In one transaction: the worker's own turn must not date a return on another day."""
        account = BankAccount.objects.get(code=told["account"])
        content = (self._directory / told["file"]).read_bytes()
        with transaction.atomic():
            kept = returning.keep_file(account, content, name=told["file"], by=self._by(step))
            returning.release(kept.pk, by=self._by(step))
            returning.apply_lines()

    def _return(self, step: Step, told: Mapping[str, Any]) -> None:
        returning.record_return(
            self._paper(told), on=today(), code=told["code"], by=self._by(step), words="Sample"
        )

    def _dishonour(self, step: Step, told: Mapping[str, Any]) -> None:
        dishonour.dishonour(self._paper(told).pk, by=self._by(step), reason=told["reason"])

    def _take_held(self, step: Step, told: Mapping[str, Any]) -> None:
        taking.take_held(self._paper(told), by=self._by(step))

    def _make_good(self, step: Step, told: Mapping[str, Any]) -> None:
        made = Collection.objects.get(submit_key=told["submit_key"])
        line = made.lines.select_related("payment").get()
        share = Share.objects.get(instrument=self._paper(told))
        making_good.make_good(share.pk, payment=line.payment, by=self._by(step))

    def _pursue(self, step: Step, told: Mapping[str, Any]) -> None:
        making_good.pursue(self._paper(told).pk, by=self._by(step), reason=told["reason"])

    # ---- to the bank

    def _slip(self, step: Step, told: Mapping[str, Any]) -> None:
        is_cash = told["channel"] == Method.CASH
        made = deposits.make_deposit(
            self._office(step),
            channel=Channel.objects.get(code=told["channel"]),
            on=today(),
            made_by=self._by(step),
            slip_number=told["slip"],
            denominations=notes(told["paise"]) if is_cash else None,
            again=Instrument.objects.filter(number__in=told["again"], office=self._office(step)),
            submit_key=told["slip"],
        )
        _same(step, told["slip"], told["paise"], made.amount_paise)

    def _bag(self, step: Step, told: Mapping[str, Any]) -> None:
        slips = list(Slip.objects.filter(deposit__reference__in=told["slips"]))
        bag = bags.seal(self._office(step), number=told["seal"], slips=slips, by=self._by(step))
        bags.hand_over(bag, carrier=told["carrier"], by=self._by(step))

    def _stamp(self, step: Step, told: Mapping[str, Any]) -> None:
        deposit = Deposit.objects.get(reference=told["slip"])
        bags.stamp(deposit, by=self._by(step), bank_ref=told["bank_ref"])

    def _count_safe(self, step: Step, told: Mapping[str, Any]) -> None:
        count = closing.count_safe(
            self._day(step), by=self._by(step), counted=notes(told["paise"]), submit_key=_key(step)
        )
        _same(step, "the safe", told["paise"], count.expected_paise)

    def _close_day(self, step: Step, _told: Mapping[str, Any]) -> None:
        closing.close(self._day(step), by=self._by(step))

    # ---- who, where, what

    def _by(self, step: Step) -> User:
        return self._user(step.by)

    def _user(self, username: str) -> User:
        return self._users[username]

    @cached_property
    def _users(self) -> dict[str, User]:
        return {user.username: user for user in User.objects.all()}

    def _counter(self, code: str) -> Counter:
        return self._counters[code]

    @cached_property
    def _counters(self) -> dict[str, Counter]:
        return {one.code: one for one in Counter.objects.select_related("office")}

    def _office(self, step: Step) -> Office:
        return Office.objects.get(code=step.office)

    def _day(self, step: Step) -> OfficeDay:
        return OfficeDay.objects.get(office__code=step.office, business_date=today())

    def _shift(self, told: Mapping[str, Any]) -> Shift:
        return self._shifts[told["counter"]]

    def _paper(self, told: Mapping[str, Any]) -> Instrument:
        return Instrument.objects.select_related("office").get(number=told["number"])


def steps_of(directory: Path) -> Iterator[Step]:
    """The steps of a played day, in their order; none where no office has people."""
    path = directory / STEPS
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for text in file:
            row = json.loads(text)
            yield Step(**{**row, "at": datetime.fromisoformat(row["at"])})


def notes(paise: int) -> dict[str, int]:
    """Notes and coins of that worth, the largest first."""
    counted = {}
    for one in DENOMINATIONS.values():
        if one.is_accepted(today()) and one.paise <= paise:
            counted[one.key], paise = divmod(paise, one.paise)
    return counted


def hand_over_of(one: Mapping[str, Any]) -> taking.HandOver:
    """A hand-over of a file, as the till takes it."""
    return taking.HandOver(
        submit_key=one["submit_key"],
        shares=[taking.ShareAsked(**share) for share in one["shares"]],
        tenders=[_tender(tender) for tender in one["tenders"]],
        taken_at=datetime.fromisoformat(one["at"]),
        received_paise=one["received_paise"],
    )


def _tender(one: Mapping[str, Any]) -> taking.TenderAsked:
    dated = one.get("dated")
    return taking.TenderAsked(
        method=Method(one["method"]),
        amount_paise=one["amount_paise"],
        instrument=one.get("number", ""),
        instrument_date=date.fromisoformat(dated) if dated else None,
        bank_name=one.get("bank_name", ""),
        micr=one.get("micr", ""),
        account_id=one.get("account_id", ""),
        details=one.get("details", {}),
    )


def _key(step: Step, *more: str) -> str:
    """The key of a form: the same whenever the step is taken."""
    counter = step.told.get("counter", "")
    return ":".join(("played", step.what, step.office, counter, step.at.isoformat(), *more))[:64]


def _same(step: Step, what: str, told: int, found: int) -> None:
    if told != found:
        raise PlayDiffers(
            f"{step.office}, {step.at}, {what}: expected {grouped_rupees(told)},"
            f" the house says {grouped_rupees(found)}"
        )
