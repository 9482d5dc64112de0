"""The cash book: what safe and drawers held, each move of cash, and that it proves to the paisa."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from counters import selectors, shifts
from counters.models import CashMove, Shift
from counters.policy import policy_of
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from people.models import User
from reports import cash, registers
from reports.cash import Book, Entry, Flow, Place
from reports.contract import Ask, Column, Document, Kind, Mark, Report, Row, Section, Value, sum_of
from reports.forms import MonthForm
from reports.registers import WHO_READS, TooManyLines

_LINES_MAX: Final = 50_000

_NAMES: Final = {
    CashMove.Kind.OPENING: gettext_lazy("Safe counted for the first time"),
    CashMove.Kind.FLOAT: gettext_lazy("Float"),
    CashMove.Kind.DROP: gettext_lazy("Handed in to the safe"),
    CashMove.Kind.TRANSFER: gettext_lazy("To another drawer"),
    CashMove.Kind.PAID_OUT: gettext_lazy("Paid out"),
    CashMove.Kind.HAND_IN: gettext_lazy("Handed in at close"),
    CashMove.Kind.DIFFERENCE: gettext_lazy("Over or short"),
    CashMove.Kind.DEPOSIT: gettext_lazy("To the bank"),
    CashMove.Kind.CORRECTION: gettext_lazy("Correction of the safe"),
}


class Hidden(DomainError):
    """The reader counts a drawer, or holds one whose total the office keeps from them."""

    code = "totals_hidden"


def build(ask: Ask) -> Document:
    """All cash of the offices asked, from the opening of the first day to the end of the last."""
    _check_may_know(ask.user)
    book = _book(ask)
    if cash.lines_in(book.places) > _LINES_MAX:
        raise TooManyLines(_("The book has too many lines: choose an office, or fewer days."))
    words = _("it proves to the paisa") if book.proves else _("it does not prove")
    claim = _("₹ %(opening)s at the opening, ₹ %(closing)s at the end %(days)s: %(proof)s.") % {
        "opening": grouped_rupees(book.opening),
        "closing": grouped_rupees(book.is_there),
        "days": registers.day_words(ask),
        "proof": words,
    }
    return Document(
        title=_("Cash book"),
        day=ask.day,
        until=registers.until_of(ask),
        claim=claim,
        is_proved=None,
        mark=Mark(_("proves to the paisa"), "ok")
        if book.proves
        else Mark(_("does not prove"), "open"),
        sections=[_proof(book), _places(book), _moves(book)],
        stamp=registers.stamp(ask),
    )


def _check_may_know(user: User | None) -> None:
    """Nobody reads here what their own drawer must hold while it is kept from them."""
    own = shifts.shift_of(user) if user else None
    if own is None:
        return
    if shifts.totals_hidden(own, policy_of(own.counter.office)):
        raise Hidden(_("The cash book is shown to you once your own drawer is counted."))


def _book(ask: Ask) -> Book:
    first, last = registers.days_of(ask)
    user = ask.user
    seen_moves = selectors.cash_moves_visible_to(user) if user else CashMove.objects.all()
    seen_shifts = selectors.shifts_visible_to(user) if user else Shift.objects.all()
    return cash.read(
        registers.offices(ask),
        first=first,
        last=last,
        moves=registers.of_offices(seen_moves, ask, "office_day__office"),
        shifts=registers.of_offices(seen_shifts, ask, "counter__office"),
    )


# ---- the proof ----


def _proof(book: Book) -> Section:
    columns = [
        Column(label=_("What"), width=44),
        Column(label=_("How often"), kind=Kind.COUNT),
        Column(label=_("Came in"), kind=Kind.MONEY),
        Column(label=_("Went out"), kind=Kind.MONEY),
        Column(label=_("Cash"), kind=Kind.MONEY),
    ]
    rows = [
        Row((_("Cash at the opening"), None, None, None, book.opening)),
        Row((_("Cash receipts"), book.receipts.count, book.receipts.paise, None, None)),
        *_flows(book.in_from_outside, is_in=True),
        *_flows(book.out_to_outside, is_in=False),
        Row((_("Must be there"), None, None, None, book.must_be)),
        *_there(book),
        Row((_("Is there"), None, None, None, book.is_there)),
        Row((_("Does not agree by"), None, None, None, book.is_there - book.must_be)),
        Row((_("Closed drawers that are not empty"), *_wrong_drawers(book))),
        Row((_("Closed days whose safe was counted at another sum"), *_wrong_days(book))),
    ]
    outside = book.without_shifts
    note = _("Cash of counters without shifts is in no drawer: %(count)s, ₹ %(amount)s.") % {
        "count": registers.lines_in_words(outside.count),
        "amount": grouped_rupees(outside.paise),
    }
    return Section(
        code="proof",
        title=_("Proof"),
        columns=columns,
        rows=rows,
        note=note if outside.count else "",
    )


def _flows(flows: Mapping[str, Flow], *, is_in: bool) -> list[Row]:
    rows = []
    for kind in CashMove.Kind:
        flow = flows.get(kind)
        if flow is None:
            continue
        came, left = (flow.paise, None) if is_in else (None, flow.paise)
        rows.append(Row((_what(kind, came=is_in), flow.count, came, left, None)))
    return rows


def _there(book: Book) -> list[Row]:
    safes, drawers = book.safes.values(), book.drawers.values()
    ways = book.ways.values()
    return [
        Row((_("In safes"), len(safes), None, None, sum(one.closing for one in safes))),
        Row((_("In drawers"), len(drawers), None, None, sum(one.closing for one in drawers))),
        Row((_("On the way between them"), None, None, None, sum(one.closing for one in ways))),
    ]


def _wrong_drawers(book: Book) -> tuple[Value, ...]:
    wrong = book.drawers_not_empty
    return len(wrong), None, None, sum(one.closing for one in wrong)


def _wrong_days(book: Book) -> tuple[Value, ...]:
    wrong = book.days_that_differ
    lacks = sum((one.safe_counted_paise or 0) - book.safe_at_close[one.pk] for one in wrong)
    return len(wrong), None, None, lacks


# ---- the places ----


def _places(book: Book) -> Section:
    columns = [
        Column(label=_("Place"), width=40),
        Column(label=_("Office"), width=28),
        Column(label=_("Day"), kind=Kind.DAY),
        Column(label=_("Opening"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Came in"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Went out"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Closing"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("State"), width=24),
    ]
    rows = [_place(one) for one in _in_order(book)]
    rows += [
        Row((_("On the way"), book.safes[key].office.name, None, way.opening, None, None,
             way.closing, ""))
        for key, way in book.ways.items()
        if way.opening or way.closing
    ]  # fmt: skip
    return Section(
        code="places",
        title=_("Safes and drawers"),
        columns=columns,
        rows=rows,
        totals=sum_of(columns, rows, label=_("All cash")),
        empty=_("These offices had no safe and no drawer on these days."),
    )


def _place(place: Place) -> Row:
    shift = place.shift
    return Row(
        (
            _name(place),
            place.office.name,
            shift.office_day.business_date if shift else None,
            place.opening,
            place.came,
            place.left,
            place.closing,
            shift.get_state_display() if shift else "",
        )
    )


def _in_order(book: Book) -> list[Place]:
    return sorted(book.places, key=_office_and_day)


def _office_and_day(place: Place) -> tuple[str, date, int]:
    shift = place.shift
    return (
        place.office.path,
        shift.office_day.business_date if shift else date.min,
        (shift.pk if shift else 0),
    )


def _name(place: Place) -> str:
    shift = place.shift
    if shift is None:
        return _("Safe of %(office)s") % {"office": place.office.name}
    return _("%(counter)s, %(clerk)s, shift %(number)s") % {
        "counter": shift.counter.name,
        "clerk": shift.clerk.get_full_name(),
        "number": shift.number,
    }


# ---- every move ----


def _moves(book: Book) -> Section:
    columns = [
        Column(label=_("Place"), width=40),
        Column(label=_("Day"), kind=Kind.DAY, in_files_only=True),
        Column(label=_("At"), kind=Kind.INSTANT),
        Column(label=_("What"), width=32),
        Column(label=_("From or to"), width=32),
        Column(label=_("Came in"), kind=Kind.MONEY),
        Column(label=_("Went out"), kind=Kind.MONEY),
        Column(label=_("Balance"), kind=Kind.MONEY),
        Column(label=_("By"), width=20),
        Column(label=_("Second person"), width=20),
        Column(label=_("Voucher, slip, reason"), width=32),
        Column(label=_("Office"), in_files_only=True),
    ]
    rows = [row for place in _in_order(book) for row in _lines(place)]
    return Section(
        code="moves",
        title=_("Every move"),
        columns=columns,
        rows=rows,
        empty=_("No cash moved."),
    )


def _lines(place: Place) -> Iterator[Row]:
    """Opening, every line with the balance after it, closing."""
    name, office = _name(place), place.office.name
    balance = place.opening
    yield _line(name, None, [_("Opening"), "", None, None, balance], office)
    for entry in place.entries:
        balance += entry.came - entry.left
        told = [_said(entry), _other_side(entry), entry.came or None, entry.left or None, balance]
        yield _line(name, entry, told, office)
    yield _line(name, None, [_("Closing"), "", None, None, balance], office)


def _line(name: str, entry: Entry | None, told: Sequence[Value], office: str) -> Row:
    move = entry.move if entry else None
    return Row(
        (
            name,
            entry.day if entry else None,
            entry.at if entry else None,
            *told,
            move.maker.get_full_name() if move else "",
            move.checker.get_full_name() if move and move.checker else "",
            _paper(move) if move else "",
            office,
        )
    )


def _said(entry: Entry) -> str:
    if entry.move is None:
        return _("Cash receipts: %(count)s") % {"count": entry.receipts}
    if entry.move.state == CashMove.State.REFUSED and entry.came:
        return _("Float taken back")
    return _what(entry.move.kind, came=entry.came > 0)


def _what(kind: str, *, came: bool) -> str:
    if kind == CashMove.Kind.DIFFERENCE:
        return _("Over") if came else _("Short")
    return str(_NAMES[CashMove.Kind(kind)])


def _other_side(entry: Entry) -> str:
    move = entry.move
    if move is None:
        return ""
    is_giver = entry.left > 0
    shift = move.to_shift if is_giver else move.from_shift
    if shift is not None:
        return f"{shift.counter.name}, {shift.clerk.get_full_name()}"
    if move.to_safe if is_giver else move.from_safe:
        return _("safe")
    if is_giver and move.deposit is not None:
        return _("bank")
    waiting = move.receiver.get_full_name() if move.receiver else ""
    return waiting or (move.counter.name if move.counter else "")


def _paper(move: CashMove) -> str:
    slip = move.deposit.reference if move.deposit else ""
    return " ".join(word for word in (slip, move.voucher, move.reason) if word)


REPORT = Report(
    code="cash_book",
    title=gettext_lazy("Cash book"),
    about=gettext_lazy("Safes and drawers: opening, every move and closing, proved to the paisa."),
    icon="cash",
    roles=WHO_READS,
    form=MonthForm,
    build=build,
    position=55,
    is_of_today=True,
)
