"""Bulk payers: a list of consumers that is checked row by row, then taken whole with its papers.

Nothing is applied by halves: a sheet with one wrong row is not taken, and a taken one is one
hand-over in one transaction. What changed between the check and the taking is found again there.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from channels_.contract import Method
from counters import sheet_files
from counters.models import OfficePolicy, Sheet, SheetRow
from counters.owing import Dues, dues_of_each
from counters.policy import policy_of
from counters.sheet_files import Line, Money
from counters.taking import HandOver, NotTaken, ShareAsked, Taken, TenderAsked, take_one
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import PAISE_MAX, grouped_rupees
from payments.models import Bill, Consumer, Counter, Receipt
from people import audit
from people.models import User

_WORDS_MAX: Final = 200


class SheetRefused(DomainError):
    """The sheet cannot be taken as it is; nothing of it was."""

    code: ClassVar[str] = "sheet_refused"


class SheetKnown(SheetRefused):
    """The same rows were taken before; whoever means it says so."""

    code: ClassVar[str] = "sheet_known"


@dataclass(frozen=True, slots=True)
class _Known:
    """What we know of the consumers and bills that a sheet names."""

    consumers: Mapping[str, Consumer]
    bills: Mapping[str, Bill]
    dues: Mapping[int, Dues]
    policy: OfficePolicy
    takes_advances: bool


# ---- checking ----


@transaction.atomic
def hand_in(
    counter: Counter,
    *,
    by: User,
    file: BinaryIO,
    name: str,
    payer: str,
    letter: str = "",
    takes_advances: bool = False,
) -> Sheet:
    """Read a sheet and check each of its rows; nothing is taken. SheetUnread when it is none."""
    told = sheet_files.read(file)
    if told.total_paise is not None and told.total_paise != told.amount_paise:
        words = _("The rows are %(rows)s together, but the last row says %(total)s.")
        facts = {
            "rows": grouped_rupees(told.amount_paise),
            "total": grouped_rupees(told.total_paise),
        }
        raise sheet_files.SheetUnread(words % facts)
    if told.amount_paise > PAISE_MAX:
        raise sheet_files.SheetUnread(_("The amounts are too large."))
    sheet = Sheet(
        counter=counter,
        name=name[:120],
        sha256=told.sha256,
        payer=payer.strip()[:120],
        letter=letter.strip()[:60],
        takes_advances=takes_advances,
        amount_paise=told.amount_paise,
        row_count=len(told.lines),
        problem_count=0,
        by=by,
    )
    rows = _checked(sheet, told.lines)
    sheet.problem_count = sum(1 for row in rows if row.problem)
    sheet.save(force_insert=True)
    SheetRow.objects.bulk_create(rows)
    audit.record(by, "sheet.checked", sheet, after=_facts(sheet), office=counter.office)
    return sheet


@transaction.atomic
def check_again(sheet: Sheet) -> Sheet:
    """Look at every row once more: bills are paid and consumers come and go meanwhile."""
    held = _held(sheet)
    if held.state == Sheet.State.TAKEN:
        return held
    known = {row.line: row for row in held.rows.all()}
    lines = [
        Line(row.line, row.consumer_number, row.bill_number, row.amount_paise, row.unread)
        for row in known.values()
    ]
    changed = []
    for fresh in _checked(held, lines):
        row = known[fresh.line]
        if (row.problem, row.name) != (fresh.problem, fresh.name):
            row.problem, row.name = fresh.problem, fresh.name
            changed.append(row)
    SheetRow.objects.bulk_update(changed, ["problem", "name"], batch_size=500)
    held.problem_count = sum(1 for row in known.values() if row.problem)
    held.save(update_fields=["problem_count"])
    return held


def taken_before(sheet: Sheet) -> Sheet | None:
    """A sheet with the same rows that was taken, the latest one."""
    same = Sheet.objects.filter(sha256=sheet.sha256, state=Sheet.State.TAKEN).exclude(pk=sheet.pk)
    return same.select_related("collection").order_by("-pk").first()


# ---- taking ----


@transaction.atomic
def take(
    sheet: Sheet,
    *,
    clerk: User,
    tenders: Sequence[TenderAsked],
    submit_key: str,
    received_paise: int | None = None,
    pan: str = "",
    is_meant: bool = False,
) -> Taken:
    """Take all of a sheet with its papers, in one hand-over. The same key twice is one taking."""
    held = _held(sheet)
    asked = HandOver(
        submit_key=submit_key,
        shares=_shares(held),
        tenders=tenders,
        received_paise=received_paise,
        payer=held.payer,
        pan=pan,
    )
    if held.collection is not None:
        if (held.collection.submit_key, held.collection.clerk_id) != (submit_key, clerk.pk):
            raise SheetRefused(_("This sheet was taken already."))
        return take_one(held.counter, clerk=clerk, asked=asked)
    _check_may_be_taken(held, asked, is_meant=is_meant)
    taken = take_one(held.counter, clerk=clerk, asked=asked)
    if taken.collection is None:
        raise SheetRefused(_("A cheque of a later day does not pay for a sheet."))
    held.collection, held.state = taken.collection, Sheet.State.TAKEN
    held.save(update_fields=["collection", "state"])
    audit.record(clerk, "sheet.taken", held, after=_facts(held), office=held.counter.office)
    return taken


def line_of(sheet: Sheet, refusal: NotTaken) -> int | None:
    """The row of the sheet that a refusal is about."""
    if refusal.share is None:
        return None
    lines = list(sheet.rows.order_by("line").values_list("line", flat=True))
    return lines[refusal.share] if refusal.share < len(lines) else None


def receipts_of(sheet: Sheet) -> list[Receipt]:
    """What was given for a taken sheet, in the order of its rows."""
    rows = Receipt.objects.filter(payment__collection_line__collection=sheet.collection_id)
    chosen = rows.select_related("payment__consumer", "payment__bill")
    return list(chosen.order_by("payment_id")) if sheet.collection_id else []


# ---- what goes back to the payer ----


def rows_as_workbook(sheet: Sheet) -> bytes:
    """The rows with their problems: what is put right in it comes in again as it is."""
    head = [*sheet_files.TEMPLATE[0], "name", "row", "problem"]
    rows = (
        (
            row.consumer_number,
            row.bill_number,
            "" if row.amount_paise is None else Money(row.amount_paise),
            row.name,
            row.line,
            row.problem,
        )
        for row in sheet.rows.order_by("line")
    )
    return sheet_files.written([head, *rows], title="sheet", widths=(18, 18, 14, 32, 8, 80))


def receipts_as_workbook(sheet: Sheet) -> bytes:
    """The list for the payer: each receipt with its consumer; a cancelled one says so."""
    head = ["receipt", "consumer number", "name", "bill number", "amount", "cancelled"]
    rows = (
        (
            one.label,
            one.payment.consumer_number,
            one.payment.consumer.name if one.payment.consumer else "",
            one.payment.bill.number if one.payment.bill else "",
            Money(one.payment.amount_paise),
            "cancelled" if one.cancelled_at else "",
        )
        for one in receipts_of(sheet)
    )
    return sheet_files.written([head, *rows], title="receipts", widths=(26, 18, 32, 18, 14, 12))


def template() -> bytes:
    """An empty sheet with its header and one row as an example."""
    return sheet_files.written(sheet_files.TEMPLATE, title="sheet", widths=(18, 18, 14))


# ---- helpers ----


def _held(sheet: Sheet) -> Sheet:
    # Its collection is read afterwards: who waited for the lock would join it as it was before.
    rows = Sheet.objects.select_for_update(of=("self",)).select_related("counter__office")
    return rows.get(pk=sheet.pk)


def _shares(sheet: Sheet) -> list[ShareAsked]:
    return [
        ShareAsked(
            consumer_number=row.consumer_number,
            amount_paise=row.amount_paise or 0,
            bill_number=row.bill_number,
            is_advance=sheet.takes_advances,
        )
        for row in sheet.rows.order_by("line")
    ]


def _check_may_be_taken(sheet: Sheet, asked: HandOver, *, is_meant: bool) -> None:
    if sheet.problem_count:
        words = ngettext(
            "%(count)s row is not right yet: nothing is taken.",
            "%(count)s rows are not right yet: nothing is taken.",
            sheet.problem_count,
        )
        raise SheetRefused(words % {"count": sheet.problem_count})
    if any(one.method is Method.CARD for one in asked.tenders):
        raise SheetRefused(_("A card slip pays for one consumer: swipe once for each."))
    handed = sum(one.amount_paise for one in asked.tenders)
    if handed != sheet.amount_paise:
        words = _("The sheet is %(sheet)s, the papers are %(papers)s: %(differs)s between them.")
        facts = {
            "sheet": grouped_rupees(sheet.amount_paise),
            "papers": grouped_rupees(handed),
            "differs": grouped_rupees(abs(sheet.amount_paise - handed)),
        }
        raise SheetRefused(words % facts)
    before = taken_before(sheet)
    if before is not None and not is_meant:
        words = _("The same rows were taken on %(day)s. Say that they are meant once more.")
        day = before.collection.business_date if before.collection else before.at.date()
        raise SheetKnown(words % {"day": f"{day:%d-%m-%Y}"})


def _facts(sheet: Sheet) -> dict[str, str | int]:
    return {
        "counter": sheet.counter.code,
        "rows": sheet.row_count,
        "problems": sheet.problem_count,
        "amount_paise": sheet.amount_paise,
    }


# ---- the rows ----


def _checked(sheet: Sheet, lines: Sequence[Line]) -> list[SheetRow]:
    """The rows with the consumers they name, each with everything that is wrong with it."""
    known = _known(sheet, lines, on=today())
    rows = [_row(sheet, line, known) for line in lines]
    for rule in (_who, _twice, _how_much, _together):
        rule(rows, known)
    for row in rows:
        row.problem = row.problem[:_WORDS_MAX]
    return rows


def _known(sheet: Sheet, lines: Sequence[Line], *, on: date) -> _Known:
    numbers = {line.consumer_number for line in lines} - {""}
    names = {line.bill_number for line in lines} - {""}
    bills = {
        bill.number: bill
        for bill in Bill.objects.filter(number__in=names).select_related("consumer")
    }
    consumers = {one.number: one for one in Consumer.objects.filter(number__in=numbers)}
    consumers |= _of_partners(numbers - consumers.keys())
    named = [*consumers.values(), *(bill.consumer for bill in bills.values())]
    return _Known(
        consumers=consumers | {one.number: one for one in named},
        bills=bills,
        dues=dues_of_each({one.pk for one in named}, on=on),
        policy=policy_of(sheet.counter.office),
        takes_advances=sheet.takes_advances,
    )


def _of_partners(numbers: Iterable[str]) -> dict[str, Consumer]:
    """A business partner with a single account is that account; with several it is nobody."""
    found: dict[str, list[Consumer]] = {}
    for one in Consumer.objects.filter(business_partner__in=list(numbers)):
        found.setdefault(one.business_partner, []).append(one)
    return {number: accounts[0] for number, accounts in found.items() if len(accounts) == 1}


def _row(sheet: Sheet, line: Line, known: _Known) -> SheetRow:
    """The row with the number of its consumer, whatever it named it by."""
    consumer = known.consumers.get(line.consumer_number)
    bill = known.bills.get(line.bill_number)
    if consumer is None and bill is not None and not line.consumer_number:
        consumer = bill.consumer
    return SheetRow(
        sheet=sheet,
        line=line.line,
        consumer_number=consumer.number if consumer else line.consumer_number,
        bill_number=line.bill_number,
        amount_paise=line.amount_paise,
        name=consumer.name if consumer else "",
        unread=line.problem[:_WORDS_MAX],
        problem=line.problem,
    )


def _say(row: SheetRow, words: str) -> None:
    row.problem = f"{row.problem} {words}".strip()


def _who(rows: Sequence[SheetRow], known: _Known) -> None:
    """The consumer is known, and the bill is theirs."""
    for row in rows:
        consumer = known.consumers.get(row.consumer_number)
        bill = known.bills.get(row.bill_number)
        if consumer is None and not row.problem:
            told = row.consumer_number or row.bill_number
            words = (
                _("No consumer has the number %(number)s.")
                if row.consumer_number
                else _("No bill has the number %(number)s.")
            )
            _say(row, words % {"number": told})
        elif consumer is not None and row.bill_number and bill is None:
            _say(row, _("No bill has the number %(number)s.") % {"number": row.bill_number})
        elif consumer is not None and bill is not None and bill.consumer_id != consumer.pk:
            words = _("Bill %(bill)s is of consumer %(number)s.")
            _say(row, words % {"bill": bill.number, "number": bill.consumer.number})


def _twice(rows: Sequence[SheetRow], known: _Known) -> None:
    """Each consumer stands once, or once for each bill."""
    first: dict[tuple[str, str], SheetRow] = {}
    for row in rows:
        if row.consumer_number not in known.consumers:
            continue
        before = first.setdefault((row.consumer_number, row.bill_number), row)
        if before is not row:
            _say(row, _("The same stands in row %(row)s.") % {"row": before.line})


def _how_much(rows: Sequence[SheetRow], known: _Known) -> None:
    """Not more than is due, unless advances are meant; not less than a part may be."""
    for row in rows:
        consumer = known.consumers.get(row.consumer_number)
        if consumer is None or row.amount_paise is None or row.problem:
            continue
        due = known.dues[consumer.pk].to_pay(row.bill_number)
        facts = {"due": grouped_rupees(due), "more": grouped_rupees(row.amount_paise - due)}
        if row.amount_paise > due and not consumer.is_active:
            _say(row, _("The consumer is not active any more; due is %(due)s.") % facts)
        elif row.amount_paise > due and not known.takes_advances:
            _say(row, _("%(more)s more than the %(due)s that is due.") % facts)
        elif row.amount_paise < min(known.policy.part_from_paise, due):
            least = {"least": grouped_rupees(known.policy.part_from_paise)}
            _say(row, _("A part payment is at least %(least)s.") % least)


def _together(rows: Sequence[SheetRow], known: _Known) -> None:
    """Rows of one consumer are not more than is due on all of their bills."""
    if known.takes_advances:
        return
    sums: Tally[str] = Tally()
    for row in rows:
        consumer = known.consumers.get(row.consumer_number)
        if consumer is None or row.amount_paise is None or row.problem:
            continue
        sums[row.consumer_number] += row.amount_paise
        due = known.dues[consumer.pk].to_pay()
        if sums[row.consumer_number] > due:
            words = _("With the rows before it more than the %(due)s that is due.")
            _say(row, words % {"due": grouped_rupees(due)})
