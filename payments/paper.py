"""The receipt on paper: what stands on it, which print is the original, and the PDF."""

from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string

from cspdcl.env import Mode
from cspdcl.ui import paper
from payments import words
from payments.models import Payment, Receipt, Tender
from people import audit
from people.models import AuditEvent, User

PRINTED: Final = "receipt.printed"

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


@transaction.atomic
def print_receipt(receipt: Receipt, *, user: User) -> bytes:
    """The PDF for the printer: the first is the original, every later one says COPY.

    The receipt's row is locked, so that two clicks give one original.
    """
    held = Receipt.objects.select_for_update().get(pk=receipt.pk)
    is_copy = prints_of(held) > 0
    audit.record(
        user,
        PRINTED,
        ("receipt", held.label),
        after={"as": "copy" if is_copy else "original"},
        office=held.payment.office,
    )
    return as_pdf(held, is_copy=is_copy)


def prints_of(receipt: Receipt) -> int:
    """How often the receipt was printed."""
    return AuditEvent.objects.filter(
        object_type="receipt", object_id=receipt.label, action=PRINTED
    ).count()


def as_pdf(receipt: Receipt, *, is_copy: bool = True) -> bytes:
    """The receipt as PDF, A5; a copy unless the caller has made sure that it is the first."""
    page = render_to_string("payments/receipt_pdf.html", leaf(receipt, is_copy=is_copy))
    return paper.pdf(page, title=f"receipt {receipt.label}")


def leaf(receipt: Receipt, *, is_copy: bool) -> dict[str, Any]:
    """What stands on the leaf, for paper and screen alike."""
    payment = receipt.payment
    tenders = [_tender(one) for one in payment.tenders.order_by("id")]
    return {
        "receipt": receipt,
        "payment": payment,
        "name": payment.consumer.name if payment.consumer else "",
        "office": payment.consumer.office.name if payment.consumer else "",
        "tenders": tenders or [_paid_by(payment)],
        "is_to_be_cleared": any(one["is_to_be_cleared"] for one in tenders),
        "words_hindi": words.in_hindi(payment.amount_paise),
        "words_english": words.in_english(payment.amount_paise),
        "is_copy": is_copy,
        "is_sample_data": settings.MODE is Mode.DEMO,
    }


def _tender(tender: Tender) -> dict[str, Any]:
    hindi, english = _METHODS.get(tender.method, _UNKNOWN)
    return {
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
    return {"hindi": hindi, "english": english, "number": "", "is_to_be_cleared": False}
