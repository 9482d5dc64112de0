"""A slip on paper and as a sheet: cash by notes, papers by bank, a copy for each side."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

import xlsxwriter
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from counters.models import Instrument, InstrumentEvent, Slip
from counters.paper.cash import DENOMINATIONS
from counters.states import PaperState
from cspdcl.env import Mode
from cspdcl.kernel.csvsafe import safe_text
from cspdcl.kernel.money import grouped_rupees, rupees_from_paise
from cspdcl.ui import paper as writer
from payments import words
from payments.models import Deposit, Payment, Tender

# Both languages stand on paper, whatever the reader's: no gettext here.
COPIES: Final = (("बैंक की प्रति", "Bank's copy"), ("कार्यालय की प्रति", "Office's copy"))
METHODS: Final = {
    "cash": "Cash",
    "cheque": "Cheque",
    "demand_draft": "Demand draft",
    "postal_order": "Postal order",
}
_RUPEES: Final = r"[>=10000000]##\,##\,##\,##0.00;[>=100000]##\,##\,##0.00;#,##0.00"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperLine:
    """One paper as the bank lists it."""

    method: str
    number: str
    day: Any
    bank: str
    branch: str
    micr: str
    drawer: str
    paise: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """The papers of one bank."""

    name: str
    lines: Sequence[PaperLine]

    @property
    def paise(self) -> int:
        """Their sum."""
        return sum(line.paise for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """All that stands on a slip."""

    deposit: Deposit
    slip: Slip | None  # None: a slip of the time before they were kept
    notes: Sequence[Mapping[str, Any]]
    banks: Sequence[Bank]
    cash_paise: int

    @property
    def papers(self) -> int:
        """How many papers lie with it."""
        return sum(len(bank.lines) for bank in self.banks)

    @property
    def paper_paise(self) -> int:
        """Their sum."""
        return sum(bank.paise for bank in self.banks)


def sheet_of(deposit: Deposit) -> Sheet:
    """What stands on a slip: the papers that were put on it, whatever became of them since."""
    slip = Slip.objects.filter(deposit=deposit).select_related("bag", "stamped").first()
    banks = _banks([*_papers(deposit), *_unkept(deposit)])
    paper_paise = sum(bank.paise for bank in banks)
    counted = slip.denominations if slip else {}
    notes = [
        {"one": one, "count": counted[key], "paise": one.paise * counted[key]}
        for key, one in DENOMINATIONS.items()
        if counted.get(key)
    ]
    return Sheet(
        deposit=deposit,
        slip=slip,
        notes=notes,
        banks=banks,
        cash_paise=deposit.amount_paise - paper_paise,
    )


def _papers(deposit: Deposit) -> list[PaperLine]:
    put = InstrumentEvent.objects.filter(deposit=deposit, to_state=PaperState.DEPOSITED)
    rows = Instrument.objects.filter(pk__in=put.values("instrument_id"))
    return [
        PaperLine(
            method=paper.method,
            number=paper.number,
            day=paper.dated,
            bank=paper.bank_name,
            branch=paper.branch_name or paper.ifsc,
            micr=paper.micr,
            drawer=paper.drawer,
            paise=paper.amount_paise,
        )
        for paper in rows.order_by("bank_name", "number", "pk")
    ]


def _unkept(deposit: Deposit) -> list[PaperLine]:
    """Papers of which only the receipt knows: handed in by machines before papers were kept."""
    paid = Payment.objects.filter(deposit=deposit, share__isnull=True).exclude(method="cash")
    rows = Tender.objects.filter(payment__in=paid).order_by("bank_name", "instrument", "pk")
    return [
        PaperLine(
            method=one.method,
            number=one.instrument,
            day=one.instrument_date,
            bank=one.bank_name,
            branch="",
            micr=one.micr,
            drawer="",
            paise=one.amount_paise,
        )
        for one in rows
    ]


def _banks(lines: Sequence[PaperLine]) -> list[Bank]:
    ordered = sorted(lines, key=lambda line: (line.bank.upper(), line.number))
    grouped = groupby(ordered, key=lambda line: line.bank.upper())
    found = [list(group) for _name, group in grouped]
    return [Bank(name=group[0].bank, lines=group) for group in found]


def pdf(deposit: Deposit) -> bytes:
    """The slip on A4, two copies; each as long as its papers need."""
    sheet = sheet_of(deposit)
    context = {
        "sheet": sheet,
        "deposit": deposit,
        "copies": COPIES,
        "methods": METHODS,
        "in_english": words.in_english(deposit.amount_paise),
        "in_hindi": words.in_hindi(deposit.amount_paise),
        "is_sample_data": settings.MODE is Mode.DEMO,
    }
    html = render_to_string("counters/slip_pdf.html", context)
    return writer.pdf(html, title=f"slip {deposit.reference}")


def xlsx(deposit: Deposit) -> bytes:
    """The same as an Excel file: the slip, the papers, the receipts."""
    sheet = sheet_of(deposit)
    target = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(target, options) as book:
        bold = book.add_format({"bold": True})
        money = book.add_format({"num_format": _RUPEES})
        day = book.add_format({"num_format": "dd-mm-yyyy"})
        _write_slip(book.add_worksheet(_("Slip")), sheet, bold=bold, money=money, day=day)
        _write_papers(book.add_worksheet(_("Papers")), sheet, bold=bold, money=money, day=day)
        _write_receipts(book.add_worksheet(_("Receipts")), sheet, bold=bold, money=money)
    return target.getvalue()


def _write_slip(page: Any, sheet: Sheet, *, bold: Any, money: Any, day: Any) -> None:
    deposit = sheet.deposit
    page.set_column(0, 2, 24)
    page.write_string(0, 0, _("Slip"), bold)
    page.write_string(0, 1, deposit.reference)
    page.write_string(1, 0, _("Business date"), bold)
    page.write_datetime(1, 1, deposit.business_date, day)
    page.write_string(2, 0, _("Account"), bold)
    page.write_string(2, 1, deposit.bank_account.account_number)
    page.write_string(3, 0, _("Amount, ₹"), bold)
    page.write_number(3, 1, _rupees(deposit.amount_paise), money)
    for place, word in enumerate((_("Note or coin, ₹"), _("How many"), _("Amount, ₹"))):
        page.write_string(5, place, word, bold)
    at = 6
    for line in sheet.notes:
        page.write_string(at, 0, grouped_rupees(line["one"].paise))
        page.write_number(at, 1, line["count"])
        page.write_number(at, 2, _rupees(line["paise"]), money)
        at += 1
    page.write_string(at, 0, _("Cash"), bold)
    page.write_number(at, 2, _rupees(sheet.cash_paise), money)
    page.write_string(at + 1, 0, _("Papers"), bold)
    page.write_number(at + 1, 1, sheet.papers)
    page.write_number(at + 1, 2, _rupees(sheet.paper_paise), money)


def _write_papers(page: Any, sheet: Sheet, *, bold: Any, money: Any, day: Any) -> None:
    heads = (
        _("Paper"), _("Number"), _("Date"), _("Bank"), _("Branch"), _("MICR"), _("Drawer"),
        _("Amount, ₹"),
    )  # fmt: skip
    page.set_column(0, len(heads) - 1, 20)
    for place, word in enumerate(heads):
        page.write_string(0, place, word, bold)
    lines = [line for bank in sheet.banks for line in bank.lines]
    for at, line in enumerate(lines, start=1):
        texts = {0: METHODS.get(line.method, line.method), 1: line.number, 3: line.bank}
        texts |= {4: line.branch, 5: line.micr, 6: line.drawer}
        for place, text in texts.items():
            page.write_string(at, place, safe_text(text))
        if line.day:
            page.write_datetime(at, 2, line.day, day)
        page.write_number(at, 7, _rupees(line.paise), money)


def _write_receipts(page: Any, sheet: Sheet, *, bold: Any, money: Any) -> None:
    heads = (_("Receipt"), _("Consumer"), _("Paid by"), _("Amount, ₹"))
    page.set_column(0, len(heads) - 1, 22)
    for place, word in enumerate(heads):
        page.write_string(0, place, word, bold)
    carried = sheet.deposit.payments.select_related("receipt").order_by("pk")
    for at, payment in enumerate(carried, start=1):
        page.write_string(at, 0, payment.receipt.label)
        page.write_string(at, 1, payment.consumer_number)
        page.write_string(at, 2, METHODS.get(payment.method, payment.method))
        page.write_number(at, 3, _rupees(payment.amount_paise), money)


def _rupees(paise: int) -> Decimal:
    """As Excel reckons."""
    return Decimal(rupees_from_paise(paise))
