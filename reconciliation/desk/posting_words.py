"""Why a receipt and the ERP's postings do not agree, each reason in one sentence."""

from collections.abc import Callable, Mapping
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reconciliation.desk.facts import Facts, day, rupees
from reconciliation.models import Reason


def _document(facts: Facts) -> str:
    number = facts.get("document")
    return _("document %(number)s") % {"number": number} if number else _("a posting")


def _not_posted(facts: Facts) -> str:
    told = {
        "amount": rupees(facts, "amount"),
        "due": day(facts, "due"),
        "until": day(facts, "until"),
    }
    if int(facts.get("amount") or 0) < 0:
        words = _(
            "We took back %(amount)s; the ERP should have posted that by %(due)s, and its postings "
            "up to %(until)s do not hold it."
        )
    else:
        words = _(
            "We receipted %(amount)s; the ERP should have posted it by %(due)s, and its postings "
            "up to %(until)s do not hold it."
        )
    return words % told


def _missing_in_books(facts: Facts) -> str:
    told = {
        "document": _document(facts),
        "amount": rupees(facts, "amount"),
        "receipt": facts.get("receipt"),
    }
    if not facts.get("receipt"):
        return _("The ERP posted %(amount)s with %(document)s, which names no receipt.") % told
    return (
        _(
            "The ERP posted %(amount)s with %(document)s for the receipt %(receipt)s, which we "
            "never issued."
        )
        % told
    )


def _amount_differs(facts: Facts) -> str:
    return _("We receipted %(left)s for %(value)s; the ERP posted %(right)s with %(document)s.") % {
        "left": rupees(facts, "left"),
        "right": rupees(facts, "right"),
        "value": facts.get("value"),
        "document": _document(facts),
    }


def _wrong_consumer(facts: Facts) -> str:
    return _(
        "%(amount)s of %(value)s was paid for consumer %(consumer)s; the ERP posted it to "
        "%(posted_to)s with %(document)s."
    ) % {
        "amount": rupees(facts, "amount"),
        "value": facts.get("value"),
        "consumer": facts.get("consumer"),
        "posted_to": facts.get("posted_to"),
        "document": _document(facts),
    }


def _duplicate(facts: Facts) -> str:
    lines = int(facts.get("lines") or 0)
    if lines:
        words = ngettext(
            "The ERP posted %(value)s %(lines)s time; one receipt is one posting.",
            "The ERP posted %(value)s %(lines)s times; one receipt is one posting.",
            lines,
        )
        return words % {"value": facts.get("value"), "lines": lines}
    return _(
        "The ERP posted %(amount)s of %(receipt)s once more with %(document)s; the receipt has its "
        "posting."
    ) % {
        "amount": rupees(facts, "amount"),
        "receipt": facts.get("receipt"),
        "document": _document(facts),
    }


def _status_differs(facts: Facts) -> str:
    words = {
        "cancelled": _(
            "The ERP posted %(amount)s with %(document)s; our receipt %(receipt)s was cancelled "
            "before."
        ),
        "failed": _(
            "The ERP posted %(amount)s with %(document)s; we hold the payment %(receipt)s as "
            "failed."
        ),
        "reversed": _(
            "The ERP took back %(amount)s with %(document)s; our receipt %(receipt)s stands."
        ),
    }
    return words[facts.get("found", "reversed")] % {
        "amount": rupees(facts, "amount"),
        "receipt": facts.get("receipt"),
        "document": _document(facts),
    }


def _in_clarification(facts: Facts) -> str:
    return _(
        "The ERP could not assign %(amount)s of %(document)s, posted on %(posted)s; it was to be "
        "clarified by %(due)s."
    ) % {
        "amount": rupees(facts, "amount"),
        "document": _document(facts),
        "posted": day(facts, "posted"),
        "due": day(facts, "due"),
    }


def _ambiguous(facts: Facts) -> str:
    receipts, lines = int(facts.get("receipts") or 0), int(facts.get("lines") or 0)
    return _("%(value)s names %(receipts)s and %(lines)s; pairing them would be a guess.") % {
        "value": facts.get("value"),
        "receipts": ngettext("%(n)s amount of ours", "%(n)s amounts of ours", receipts)
        % {"n": receipts},
        "lines": ngettext("%(n)s posting", "%(n)s postings", lines) % {"n": lines},
    }


def _unknown_code(facts: Facts) -> str:
    return _(
        "The ERP calls the state of %(document)s “%(code)s”, a word nobody agreed on; a person "
        "must say what it is."
    ) % {"document": _document(facts), "code": facts.get("code")}


# What is not here reads as it does against a channel or bank.
SENTENCES: Final[Mapping[Reason, Callable[[Facts], str]]] = {
    Reason.NOT_POSTED: _not_posted,
    Reason.MISSING_IN_BOOKS: _missing_in_books,
    Reason.AMOUNT_DIFFERS: _amount_differs,
    Reason.WRONG_CONSUMER: _wrong_consumer,
    Reason.DUPLICATE: _duplicate,
    Reason.STATUS_DIFFERS: _status_differs,
    Reason.IN_CLARIFICATION: _in_clarification,
    Reason.AMBIGUOUS: _ambiguous,
    Reason.UNKNOWN_CODE: _unknown_code,
}
