"""The receipt on paper: what stands on it, which print is the original, and the PDF.

A receipt is printed on A5, or on the roll of a thermal printer. One document may hold many of them:
one leaf each, and on A5 a summary before them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Count, prefetch_related_objects
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from channels_.contract import Method
from cspdcl.env import Mode
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from cspdcl.ui import paper as writer
from payments import proofs, words
from payments.dues import Share, shares_of
from payments.models import Consumer, Payment, PaymentEvent, Receipt, Tender
from payments.selectors import dues_of
from payments.states import State
from people import audit
from people.models import AuditEvent, User

PRINTED: Final = "receipt.printed"
LEAVES_MAX: Final = 50  # of one document: a leaf takes about a tenth of a second
_LINES_MAX: Final = 4  # bills that stand on a leaf one by one: more would need a second leaf

# On paper both languages stand side by side, whatever the clerk reads: no gettext here.
_METHODS: Final = {
    "cash": ("नकद", "Cash"),
    "cheque": ("चेक", "Cheque"),
    "demand_draft": ("डिमांड ड्राफ्ट", "Demand draft"),
    "postal_order": ("पोस्टल ऑर्डर", "Postal order"),
    "card": ("कार्ड", "Card"),
    "upi": ("यूपीआई", "UPI"),
    "netbanking": ("नेट बैंकिंग", "Net banking"),
    "wallet": ("वॉलेट", "Wallet"),
    "neft": ("एनईएफटी", "NEFT"),
    "rtgs": ("आरटीजीएस", "RTGS"),
    "imps": ("आईएमपीएस", "IMPS"),
}
_UNKNOWN: Final = ("ऑनलाइन", "Online")
_CLEARED_LATER: Final = frozenset({"cheque", "demand_draft"})
_MONTHS: Final = (
    ("जनवरी", "January"),
    ("फ़रवरी", "February"),
    ("मार्च", "March"),
    ("अप्रैल", "April"),
    ("मई", "May"),
    ("जून", "June"),
    ("जुलाई", "July"),
    ("अगस्त", "August"),
    ("सितंबर", "September"),
    ("अक्टूबर", "October"),
    ("नवंबर", "November"),
    ("दिसंबर", "December"),
)


class Paper(StrEnum):
    """What a receipt is printed on."""

    A5 = "a5"
    SLIP = "slip"  # the roll of a thermal printer, 80 mm wide


class TooManyLeaves(DomainError):
    """So many receipts are printed in several parts, or as one list."""

    code = "too_many_leaves"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """What only the counter knows of a receipt: the cash that changed hands, what came instead."""

    cash_received_paise: int = 0
    change_paise: int = 0
    replaced_by: str = ""  # the label of the receipt that was given for this one


Teller = Callable[[Sequence[Receipt]], Mapping[int, HandOver]]  # by the receipt's id

_tellers: dict[str, Teller] = {}


def tell_by(name: str, teller: Teller) -> None:
    """Let an app above this one say what it knows of receipts; once per name."""
    _tellers[name] = teller


def hand_overs(receipts: Sequence[Receipt]) -> Mapping[int, HandOver]:
    """What is known of these receipts beyond their payments, by their ids."""
    return {pk: one for teller in _tellers.values() for pk, one in teller(receipts).items()}


# ---- printing ----


def print_receipt(receipt: Receipt, *, user: User, paper: Paper = Paper.A5) -> bytes:
    """The PDF of one receipt for the printer: the first is the original, later ones say COPY."""
    return print_receipts([receipt], user=user, paper=paper)


def print_receipts(receipts: Sequence[Receipt], *, user: User, paper: Paper = Paper.A5) -> bytes:
    """One PDF of all, in their order; for each it is decided whether this is its original.

    Drawn first and noted afterwards: two clicks give one original, nobody waits while leaves are
    drawn, and what cannot be drawn spends no original.
    """
    keys = list(dict.fromkeys(receipt.pk for receipt in receipts))
    while True:
        found = Receipt.objects.in_bulk(keys)
        chosen = _with_all([found[key] for key in keys])
        before, told = _prints(chosen), hand_overs(chosen)
        body = _drawn(
            [
                _leaf(one, is_copy=number > 0, copy_number=number, told=told)
                for one, number in ((one, before[one.label]) for one in chosen)
            ],
            paper=paper,
        )
        if _note(chosen, before=before, user=user, paper=paper):
            return body


@transaction.atomic
def _note(
    receipts: Sequence[Receipt], *, before: Mapping[str, int], user: User, paper: Paper
) -> bool:
    """Note the print of all; false when one was printed or cancelled while they were drawn."""
    drawn = {receipt.pk: receipt.cancelled_at for receipt in receipts}
    held = Receipt.objects.select_for_update().filter(pk__in=drawn).order_by("pk")
    is_as_drawn = {receipt.pk: receipt.cancelled_at for receipt in held} == drawn
    if not is_as_drawn or _prints(receipts) != before:
        return False
    for receipt in receipts:
        number = before[receipt.label]
        how: dict[str, str | int] = {"as": "copy" if number else "original", "paper": paper.value}
        audit.record(
            user,
            PRINTED,
            ("receipt", receipt.label),
            after={**how, "copy": number} if number else how,
            office=receipt.payment.office,
        )
    return True


def prints_of(receipt: Receipt) -> int:
    """How often the receipt was printed."""
    return _prints([receipt])[receipt.label]


def as_pdf(receipts: Sequence[Receipt], *, is_copy: bool = True, paper: Paper = Paper.A5) -> bytes:
    """Receipts as one PDF; copies unless the caller has made sure that these are the first."""
    chosen = _with_all(receipts)
    told = hand_overs(chosen)
    return _drawn([_leaf(one, is_copy=is_copy, told=told) for one in chosen], paper=paper)


def list_as_pdf(receipts: Sequence[Receipt]) -> bytes:
    """The summary alone, of any number of receipts: what a payer of hundreds takes home at once."""
    chosen = _with_all(receipts)
    told = hand_overs(chosen)
    facts = [_payment_facts(one, told=told) for one in chosen]
    title = f"list of {len(facts)} receipts"
    page = {"title": title, "leaves": [_summary_leaf(facts)]}
    return writer.pdf(render_to_string("payments/receipt_pdf.html", page), title=title)


def leaf(receipt: Receipt, *, is_copy: bool, copy_number: int = 0) -> dict[str, Any]:
    """What stands on the leaf, for paper and screen alike."""
    told = hand_overs([receipt])
    return _leaf(receipt, is_copy=is_copy, copy_number=copy_number, told=told)


def how_paid(payment: Payment) -> list[dict[str, Any]]:
    """The payment's instruments in words of both languages; an online payment has its method."""
    tenders = sorted(payment.tenders.all(), key=lambda one: one.pk)
    return [_tender(one) for one in tenders] or [_paid_by(payment)]


def _with_all(receipts: Sequence[Receipt]) -> list[Receipt]:
    """The same receipts with all that their leaves need, in a few queries for all of them."""
    chosen = list(receipts)
    prefetch_related_objects(
        chosen,
        "payment__tenders",
        "payment__events",
        "payment__office",
        "payment__counter",
        "payment__channel",
        "payment__bill",
        "payment__consumer__office",
    )
    return chosen


def _prints(receipts: Sequence[Receipt]) -> dict[str, int]:
    labels = [receipt.label for receipt in receipts]
    rows = (
        AuditEvent.objects.filter(object_type="receipt", object_id__in=labels, action=PRINTED)
        .values_list("object_id")
        .annotate(Count("pk"))
    )
    return {**dict.fromkeys(labels, 0), **dict(rows)}


def _drawn(leaves: Sequence[Mapping[str, Any]], *, paper: Paper) -> bytes:
    if not 0 < len(leaves) <= LEAVES_MAX:
        raise TooManyLeaves(f"expected 1 to {LEAVES_MAX} receipts to print, got {len(leaves)}")
    labels = [one["receipt"].label for one in leaves]
    title = f"receipt {labels[0]}" if len(labels) == 1 else f"{len(labels)} receipts"
    name = "receipt_slip" if paper is Paper.SLIP else "receipt_leaf"
    drawn = [render_to_string(f"payments/{name}.html", dict(one)) for one in leaves]
    if len(leaves) > 1 and paper is Paper.A5:
        drawn.insert(0, _summary_leaf(leaves))
    page = render_to_string("payments/receipt_pdf.html", {"title": title, "leaves": drawn})
    return (writer.roll if paper is Paper.SLIP else writer.pdf)(page, title=title)


# ---- what stands there ----


def _leaf(
    receipt: Receipt, *, is_copy: bool, told: Mapping[int, HandOver], copy_number: int = 0
) -> dict[str, Any]:
    payment, facts = receipt.payment, _payment_facts(receipt, told=told)
    return {
        **facts,
        **_covered(payment),
        **_still_due(payment.consumer),
        "name": payment.consumer.name if payment.consumer else "",
        "office": payment.consumer.office.name if payment.consumer else "",
        "place": place_of(payment),
        "clerk": _clerk(payment),
        "words_hindi": words.in_hindi(payment.amount_paise),
        "words_english": words.in_english(payment.amount_paise),
        "is_copy": is_copy,
        "copy_number": copy_number,
        "why_cancelled": _why_cancelled(receipt),
        "code": proofs.code_of(receipt),
        "token": proofs.token_of(receipt),
    }


def _payment_facts(receipt: Receipt, *, told: Mapping[int, HandOver]) -> dict[str, Any]:
    """What a list of receipts needs of each, and its leaf too."""
    payment, beside = receipt.payment, told.get(receipt.pk, HandOver())
    tenders = how_paid(payment)
    return {
        "receipt": receipt,
        "payment": payment,
        "tenders": tenders,
        "is_to_be_cleared": any(one["is_to_be_cleared"] for one in tenders),
        "beside": beside,
        "cash": beside if _is_of(beside, payment.amount_paise) else None,
        "replaced_by": beside.replaced_by,
        "is_sample_data": settings.MODE is Mode.DEMO,
    }


def _summary_leaf(leaves: Sequence[Mapping[str, Any]]) -> SafeString:
    return render_to_string("payments/receipt_summary.html", _summary(leaves))


def _summary(leaves: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The leaf before the others: a list of all, and the sum of those that are not cancelled."""
    counted = [one for one in leaves if one["receipt"].cancelled_at is None]
    total = sum(one["payment"].amount_paise for one in counted)
    instruments: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in counted:
        for tender in one["tenders"]:
            key = (tender["english"], tender["number"], tender["dated"], tender["bank"])
            sums = instruments.setdefault(key, {**tender, "paise": 0, "count": 0})
            sums["paise"] += tender["paise"]
            sums["count"] += 1
    return {
        "total_paise": total,
        "cash": _cash_of(counted, instruments.values()),
        "count": len(leaves),
        "summary_label": _span(leaves),
        "instruments": list(instruments.values()),
        "words_hindi": words.in_hindi(total),
        "words_english": words.in_english(total),
        "is_to_be_cleared": any(one["is_to_be_cleared"] for one in counted),
        "leaves": leaves,
        "first": leaves[0]["receipt"],
        "is_sample_data": settings.MODE is Mode.DEMO,
    }


def _cash_of(
    leaves: Sequence[Mapping[str, Any]], instruments: Iterable[Mapping[str, Any]]
) -> HandOver | None:
    """The cash that changed hands, if it was for these receipts and no others."""
    cash = sum(one["paise"] for one in instruments if one["method"] == Method.CASH)
    known = (one["beside"] for one in leaves)
    return next((told for told in known if cash and _is_of(told, cash)), None)


def _span(leaves: Sequence[Mapping[str, Any]]) -> str:
    """The first and the last number, for the head."""
    first, last = leaves[0]["receipt"], leaves[-1]["receipt"]
    is_one_series = (first.series, first.year) == (last.series, last.year)
    return f"{first.label} \u2013 {last.number:06d}" if is_one_series else first.label


def _covered(payment: Payment) -> dict[str, Any]:
    """The bills that were paid with it, and what is left of it; few of them one by one."""
    if payment.consumer is None:
        return {"lines": [], "more": None, "advance_paise": payment.amount_paise}
    shares = shares_of(payment)
    shown = shares if len(shares) <= _LINES_MAX else shares[: _LINES_MAX - 1]
    hidden = shares[len(shown) :]
    return {
        "lines": [_line(one) for one in shown],
        "more": {"count": len(hidden), "paise": sum(one.paise for one in hidden)}
        if hidden
        else None,
        "advance_paise": payment.amount_paise - sum(one.paise for one in shares),
    }


def _line(share: Share) -> dict[str, Any]:
    hindi, english = _month(share.bill.period)
    return {
        "hindi": hindi,
        "english": english,
        "number": share.bill.number,
        "paise": share.paise,
        "of_paise": share.bill.amount_paise,
        "is_part": share.paise < share.bill.amount_paise,
    }


def _month(period: str) -> tuple[str, str]:
    """A bill's period in both languages; one that is no month stands as it is."""
    year, _hyphen, month = period.partition("-")
    if not (month.isdecimal() and 1 <= int(month) <= len(_MONTHS)):
        return period, period
    hindi, english = _MONTHS[int(month) - 1]
    return f"{hindi} {year}", f"{english} {year}"


def _still_due(consumer: Consumer | None) -> dict[str, Any]:
    """Of this day, and it says so: a copy of last month's receipt would else tell old news."""
    if consumer is None:
        return {"due_paise": None, "due_on": today()}
    due = sum(bill.outstanding_paise for bill in dues_of(consumer))
    return {"due_paise": due, "due_on": today()}


def place_of(payment: Payment) -> str:
    """The office and the counter that took the money; of an online payment, its channel."""
    """The office and the counter that took the money; of an online payment, its channel."""
    if payment.counter is None:
        return payment.channel.name
    office = payment.office.name if payment.office else ""
    return ", ".join(filter(None, (office, payment.counter.name)))


def _clerk(payment: Payment) -> str:
    """Who took the money at a counter, by name."""
    taken = _last_move(payment, to=State.SUCCEEDED)
    if payment.counter_id is None or taken is None or not taken.actor:
        return ""
    clerk = User.objects.filter(username=taken.actor).first()
    return clerk.get_full_name() if clerk else ""


def _why_cancelled(receipt: Receipt) -> str:
    """The reason of the reversal, as it was given."""
    undone = _last_move(receipt.payment, to=State.REVERSED)
    if receipt.cancelled_at is None or undone is None:
        return ""
    return undone.cause.removeprefix("cancelled: ")


def _last_move(payment: Payment, *, to: State) -> PaymentEvent | None:
    moves = [one for one in payment.events.all() if one.to_state == to]
    return max(moves, key=lambda one: one.pk, default=None)


def _is_of(told: HandOver, paise: int) -> bool:
    """Whether the cash that changed hands was for this amount alone."""
    return 0 < told.cash_received_paise == paise + told.change_paise


def _tender(tender: Tender) -> dict[str, Any]:
    hindi, english = _METHODS.get(tender.method, _UNKNOWN)
    return {
        "method": tender.method,
        "hindi": hindi,
        "english": english,
        "number": tender.instrument,
        "dated": tender.instrument_date,
        "bank": tender.bank_name,
        "paise": tender.amount_paise,
        "is_to_be_cleared": tender.method in _CLEARED_LATER,
    }


def _paid_by(payment: Payment) -> dict[str, Any]:
    hindi, english = _METHODS.get(payment.method, _UNKNOWN)
    return {
        "method": payment.method,
        "hindi": hindi,
        "english": english,
        "number": "",
        "dated": None,
        "bank": "",
        "paise": payment.amount_paise,
        "is_to_be_cleared": False,
    }
