"""The ERP at the end of a simulated day: it posts what our books hold, and makes a few mistakes.

It is told of all that we receipted, cancelled and paid back, and sends an export of each day. The
same books and seed give the same bytes.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any, Final

from django.core.management import call_command

from channels_.formats.table import write_csv
from channels_.models import LedgerSystem
from cspdcl.kernel.money import rupees_from_paise
from cspdcl.kernel.workdays import working_day_after
from reconciliation.matching.ledger import in_stage
from reconciliation.models import Book, Break, BreakLine, Entry, Kind, Reason, Stage
from simulator.chance import chance
from simulator.kinds import Kind as Planted
from simulator.truth import Part, item_of

HEADER: Final = (
    "KEYZ1", "POSZA", "OPBEL", "XBLNR", "VKONT", "BETRZ", "WAERS", "BUDAT", "VALUT", "HERKF",
    "STATUS", "MARK", "TXTRZ",
)  # fmt: skip
FEWER_PAISE: Final = 1_000
UNKNOWN: Final = "26A01-0DEMO{number:03d}-000"  # a reference that we never gave
_SIGNS: Final = 16  # of a reference that XBLNR holds
_LOT_ITEMS: Final = 1_000


@dataclass(slots=True)
class Export:
    """The file of the ERP, and what was planted in it."""

    content: bytes
    part: Part


@dataclass(slots=True)
class _Lots:
    """The rows so far, each with its own item and document."""

    rows: list[Sequence[object]] = field(default_factory=list)
    credit_paise: int = 0
    debit_paise: int = 0

    def post(
        self, entry: Entry, *, paise: int, on: date, account: str = "", state: str = "C"
    ) -> None:
        """One item: of a payment lot, or of a returns lot where money went back."""
        number = len(self.rows)
        kind = "PZ" if paise > 0 else "RL"
        if paise > 0:
            self.credit_paise += paise
        else:
            self.debit_paise -= paise
        account = account or entry.consumer_number
        self.rows.append(
            (
                f"{kind}{on:%y%m%d}{number // _LOT_ITEMS + 1:04d}",
                f"{number % _LOT_ITEMS + 1:06d}",
                f"4{on:%y%j}{number + 1:06d}",
                entry.reference.replace("-", "")[:_SIGNS],
                account.zfill(12) if account else "",
                rupees_from_paise(abs(paise)),
                "INR",
                on.isoformat(),
                entry.business_date.isoformat(),
                "04",
                state if account else "K",  # of nobody it can be assigned to no account
                "" if paise > 0 else "R",
                entry.source_key.partition(":")[0],
            )
        )

    def content(self, *, until: date) -> bytes:
        """The file: its rows, and the totals that prove it."""
        ends = (
            ("KSUMP", len(self.rows)),
            ("KTSUH", rupees_from_paise(self.credit_paise)),
            ("KTSUS", rupees_from_paise(self.debit_paise)),
            ("UNTIL", until.isoformat()),
        )
        return write_csv(HEADER, [*self.rows, *ends])


def export_of_eve(eve: date, *, kinds: int) -> Export:
    """What the ERP has posted of the day before; so many items it could not assign by the next."""
    lots, part = _Lots(), Part()
    entries = list(_handed_over(eve))
    is_late = working_day_after(eve, 1) <= eve + timedelta(days=1)
    stuck = {one.pk for one in _fit(entries)[:kinds]} if is_late else set()
    for entry in entries:
        _post(lots, part, entry, _Fault(Reason.IN_CLARIFICATION) if entry.pk in stuck else None)
    return Export(lots.content(until=eve), part)


def export_of(day: date, *, seed: int, kinds: int) -> Export:
    """What the ERP has posted of a day, with so many mistakes of each kind.

    Reads our books as they stand: what is cancelled on the day it was paid is never handed over.
    """
    lots, part = _Lots(), Part()
    entries = list(_handed_over(day))
    faults = _dealt(entries, rng=chance(seed, day, "postings"), kinds=kinds)
    for entry in entries:
        _post(lots, part, entry, faults.get(entry.pk))
    for number in range(kinds):
        _post_for_nobody(lots, part, day=day, number=number)
    return Export(lots.content(until=day), part)


def _handed_over(day: date) -> Iterator[Entry]:
    rows = Entry.objects.filter(in_stage(Stage.ERP), book=Book.RECEIPTS, business_date=day)
    names = rows.values_list("reference", "business_date")
    paid = set(names.filter(kind__in=(Kind.PAYMENT, Kind.REPEATED)))
    cancelled = paid & set(names.filter(kind=Kind.REVERSAL))  # on the day it was paid
    # By what the day itself says: references are given anew each time that it is played.
    for entry in rows.order_by("consumer_number", "amount_paise", "kind", "id"):
        is_pair = entry.kind in (Kind.PAYMENT, Kind.REPEATED, Kind.REVERSAL)
        if not (is_pair and (entry.reference, entry.business_date) in cancelled):
            yield entry


def _fit(entries: Sequence[Entry]) -> list[Entry]:
    """Receipts of which one payment is all there is, and no fault of another party's is planted."""
    seen = Counter(entry.reference for entry in entries)
    in_breaks = BreakLine.objects.filter(open_break__state=Break.State.OPEN)
    taken = set(in_breaks.values_list("entry_id", flat=True))
    return [
        entry
        for entry in entries
        if entry.kind == Kind.PAYMENT
        and entry.pk not in taken
        and seen[entry.reference] == 1
        and entry.consumer_number
        and entry.amount_paise > FEWER_PAISE
    ]


def _dealt(entries: Sequence[Entry], *, rng: Random, kinds: int) -> dict[int, "_Fault"]:
    """Which receipts go wrong how."""
    fit = _fit(entries)
    wrong = rng.sample(fit, min(len(fit), kinds * len(_MISTAKES)))
    accounts = [one.consumer_number for one in wrong[::-1]]
    found: dict[int, _Fault] = {}
    for number, reason in enumerate(_MISTAKES):
        for entry in wrong[number * kinds : (number + 1) * kinds]:
            other = next((one for one in accounts if one != entry.consumer_number), "")
            found[entry.pk] = _Fault(reason, other)
    return found


@dataclass(frozen=True, slots=True)
class _Fault:
    """What the ERP does wrong with a receipt."""

    reason: Reason
    account: str = ""  # of somebody else


_MISTAKES: Final = (
    Reason.NOT_POSTED,
    Reason.AMOUNT_DIFFERS,
    Reason.WRONG_CONSUMER,
    Reason.DUPLICATE,
    Reason.STATUS_DIFFERS,
)
_PLANTED: Final = {
    Reason.NOT_POSTED: Planted.NOT_POSTED,
    Reason.AMOUNT_DIFFERS: Planted.POSTED_LESS,
    Reason.WRONG_CONSUMER: Planted.POSTED_ELSEWHERE,
    Reason.DUPLICATE: Planted.POSTED_TWICE,
    Reason.STATUS_DIFFERS: Planted.POSTED_AND_BACK,
    Reason.IN_CLARIFICATION: Planted.LEFT_UNCLEAR,
}


def _post(lots: _Lots, part: Part, entry: Entry, fault: _Fault | None) -> None:
    paise, on = entry.amount_paise, entry.business_date
    if fault is None:
        if not entry.consumer_number and paise > 0:
            part.not_breaks["posting_in_clarification"] += 1
        lots.post(entry, paise=paise, on=on)
        return
    stake = FEWER_PAISE if fault.reason == Reason.AMOUNT_DIFFERS else paise
    part.plant(
        fault.reason,
        entry.reference,
        amount_paise=stake,
        kind=_PLANTED[fault.reason],
        channel=entry.channel.code if entry.channel else "",
    )
    match fault.reason:
        case Reason.NOT_POSTED:
            return
        case Reason.AMOUNT_DIFFERS:
            lots.post(entry, paise=paise - FEWER_PAISE, on=on)
        case Reason.WRONG_CONSUMER:
            lots.post(entry, paise=paise, on=on, account=fault.account)
        case Reason.IN_CLARIFICATION:
            lots.post(entry, paise=paise, on=on, state="K")
        case _:
            lots.post(entry, paise=paise, on=on)
            again = paise if fault.reason == Reason.DUPLICATE else -paise
            lots.post(entry, paise=again, on=on)


def _post_for_nobody(lots: _Lots, part: Part, *, day: date, number: int) -> None:
    """A posting for a receipt that we never issued."""
    entry = Entry(
        reference=UNKNOWN.format(number=number), business_date=day, consumer_number="1000000000",
        source_key="payment:", amount_paise=FEWER_PAISE * (number + 1),
    )  # fmt: skip
    lots.post(entry, paise=entry.amount_paise, on=day)
    told = str(lots.rows[-1][3])
    part.plant(
        Reason.MISSING_IN_BOOKS,
        told,
        str(lots.rows[-1][2]),
        amount_paise=entry.amount_paise,
        kind=Planted.POSTED_FOR_NOBODY,
        channel="",
    )


def send(export: Export, path: Path, *, truth: dict[str, Any]) -> None:
    """Load the file as it comes, and say in the day's truth what must be found in it."""
    path.write_bytes(export.content)
    call_command("load_statement", erp_code(), str(path), stdout=StringIO())
    truth["planted"] += [item_of(one) for one in export.part.planted]
    for name, count in export.part.not_breaks.items():
        truth["not_breaks"][name] = truth["not_breaks"].get(name, 0) + count


def erp_code() -> str:
    """The code of the ERP; empty where there is none."""
    system = LedgerSystem.objects.first()
    return system.code if system else ""
