"""Why a break is a break and why a match is a match, each in one sentence."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cspdcl.kernel.money import grouped_rupees
from reconciliation.models import Break, Match, Reason

Facts = Mapping[str, Any]

_KEY_NAMES: Final = {
    "channel_ref": "payment id",
    "reference": "reference",
    "rrn": "RRN",
    "utr": "UTR",
    "deposit_ref": "deposit slip",
}


def sentence(open_break: Break) -> str:
    """The break in a sentence: what stands on one side, what is missing or differs on the other."""
    facts = {**open_break.facts, "reference": open_break.reference}
    return _SENTENCES[Reason(open_break.reason)](facts, open_break)


def match_sentence(match: Match) -> str:
    """The match in a sentence: the rule or the people who decided, and what agreed."""
    if match.kind == Match.Kind.RULE and match.rule:
        return _("Rule %(rule)s: same %(key)s, the amounts agree.") % {
            "rule": match.rule,
            "key": _KEY_NAMES.get(match.rule.key, match.rule.key),
        }
    decision = match.decision
    if decision is None:
        return _("Matched.")
    return _("%(what)s: proposed by %(maker)s, approved by %(checker)s. %(why)s") % {
        "what": decision.get_kind_display().capitalize(),
        "maker": decision.maker,
        "checker": decision.checker,
        "why": decision.why,
    }


def _rupees(facts: Facts, name: str) -> str:
    return grouped_rupees(abs(int(facts.get(name) or 0)))


def _day(facts: Facts, name: str) -> str:
    text = facts.get(name)
    return f"{date.fromisoformat(text):%d-%m-%Y}" if text else _("now")


def _missing_in_channel(facts: Facts, open_break: Break) -> str:
    if open_break.leg == "transfer_bank":
        return _(
            "We receipted %(amount)s; the bank's statements until %(until)s hold no credit with "
            "its UTR."
        ) % {
            "amount": _rupees(facts, "amount"),
            "until": _day(facts, "until"),
        }
    return _(
        "We receipted %(amount)s; it was due on %(due)s and no file of %(channel)s until "
        "%(until)s lists it."
    ) % {
        "amount": _rupees(facts, "amount"),
        "due": _day(facts, "due"),
        "channel": open_break.channel,
        "until": _day(facts, "until"),
    }


def _missing_in_books(facts: Facts, open_break: Break) -> str:
    if facts.get("consumer"):
        return _(
            "The bank credited %(amount)s for consumer %(consumer)s; no notice of it reached us."
        ) % {
            "amount": _rupees(facts, "amount"),
            "consumer": facts["consumer"],
        }
    return _("%(channel)s lists %(line)s as paid with %(amount)s; we hold no receipt for it.") % {
        "channel": open_break.channel,
        "line": facts.get("line") or open_break.reference,
        "amount": _rupees(facts, "amount"),
    }


def _amount_differs(facts: Facts, _open_break: Break) -> str:
    return _("Same %(key)s %(value)s: our receipt says %(left)s, the other side %(right)s.") % {
        "key": _KEY_NAMES.get(str(facts.get("key")), "key"),
        "value": facts.get("value"),
        "left": _rupees(facts, "left"),
        "right": _rupees(facts, "right"),
    }


def _status_differs(facts: Facts, open_break: Break) -> str:
    return _(
        "%(channel)s lists %(line)s as paid with %(amount)s; we hold %(failed)s as failed."
    ) % {
        "channel": open_break.channel,
        "line": facts.get("line"),
        "amount": _rupees(facts, "amount"),
        "failed": facts.get("failed"),
    }


def _duplicate(facts: Facts, _open_break: Break) -> str:
    if facts.get("paid"):
        return _("Order of %(paid)s was paid already; %(line)s is a second payment for it.") % facts
    if facts.get("repeats"):
        return (
            _("The consumer was charged twice for one order: %(value)s is the second payment.")
            % facts
        )
    if facts.get("listed") or facts.get("lines"):
        return _("The channel lists %(name)s more than once; one receipt is one payment.") % {
            "name": facts.get("value") or facts.get("line")
        }
    return _("The bank credited the same UTR %(utr)s a second time.") % {"utr": facts.get("utr")}


def _settled_not_credited(facts: Facts, _open_break: Break) -> str:
    return _(
        "Settlement %(settlement)s promises %(net)s under UTR %(utr)s; no statement until "
        "today's has that credit."
    ) % {
        "settlement": facts.get("settlement"),
        "net": _rupees(facts, "net"),
        "utr": facts.get("utr"),
    }


def _credited_not_settled(facts: Facts, open_break: Break) -> str:
    return _(
        "The bank credited %(amount)s as a settlement; no settlement of the channel has UTR "
        "%(reference)s."
    ) % {
        "amount": _rupees(facts, "amount"),
        "reference": open_break.reference,
    }


def _credit_differs(facts: Facts, open_break: Break) -> str:
    word = _("short") if open_break.reason == Reason.SHORT_CREDIT else _("more")
    return _(
        "Same UTR %(utr)s, %(difference)s %(word)s: settlement %(settlement)s promises %(net)s, "
        "the bank paid %(credit)s."
    ) % {
        "utr": facts.get("utr"),
        "difference": grouped_rupees(open_break.amount_paise),
        "word": word,
        "settlement": facts.get("settlement"),
        "net": _rupees(facts, "net"),
        "credit": _rupees(facts, "credit"),
    }


def _fee_differs(facts: Facts, open_break: Break) -> str:
    return _(
        "%(channel)s kept %(kept)s of %(amount)s; the rate card of %(percent)s %% gives "
        "%(agreed)s with GST."
    ) % {
        "channel": open_break.channel,
        "kept": _rupees(facts, "kept"),
        "amount": _rupees(facts, "amount"),
        "percent": facts.get("percent"),
        "agreed": _rupees(facts, "agreed"),
    }


def _refund_unmatched(facts: Facts, open_break: Break) -> str:
    return _("%(channel)s paid %(amount)s back as %(line)s; we know of no such refund.") % {
        "channel": open_break.channel,
        "amount": _rupees(facts, "amount"),
        "line": facts.get("line"),
    }


def _chargeback(facts: Facts, open_break: Break) -> str:
    return _(
        "%(channel)s took %(amount)s back for payment %(original)s: the payer's bank disputes it."
    ) % {
        "channel": open_break.channel,
        "amount": _rupees(facts, "amount"),
        "original": facts.get("original") or "?",
    }


def _cheque_returned(facts: Facts, _open_break: Break) -> str:
    if facts.get("receipt"):
        return _(
            "The bank returned cheque %(instrument)s of receipt %(receipt)s and took %(amount)s "
            "back."
        ) % {
            "instrument": facts.get("instrument"),
            "receipt": facts["receipt"],
            "amount": _rupees(facts, "amount"),
        }
    return _(
        "The bank took %(amount)s back for a returned cheque; no receipt of ours has its number."
    ) % {"amount": _rupees(facts, "amount")}


def _deposit_missing(facts: Facts, open_break: Break) -> str:
    count = int(facts.get("receipts") or 0)
    receipts = ngettext("%(count)s receipt", "%(count)s receipts", count) % {"count": count}
    if not facts.get("slip"):
        return _("%(receipts)s of %(amount)s were taken and are on no deposit slip yet.") % {
            "receipts": receipts,
            "amount": grouped_rupees(open_break.amount_paise),
        }
    return _(
        "Slip %(slip)s carried %(receipts)s of %(amount)s; it was due on %(due)s and the bank "
        "has no such credit."
    ) % {
        "slip": facts["slip"],
        "receipts": receipts,
        "amount": grouped_rupees(open_break.amount_paise),
        "due": _day(facts, "due"),
    }


def _deposit_differs(facts: Facts, _open_break: Break) -> str:
    return _("Slip %(value)s carried %(left)s; the bank credited %(right)s.") % {
        "value": facts.get("value"),
        "left": _rupees(facts, "left"),
        "right": _rupees(facts, "right"),
    }


def _unidentified_credit(facts: Facts, _open_break: Break) -> str:
    return _(
        "The bank credited %(amount)s; neither its UTR nor its narration names a consumer or "
        "receipt of ours."
    ) % {"amount": _rupees(facts, "amount")}


def _ambiguous(facts: Facts, _open_break: Break) -> str:
    if facts.get("settlement"):
        return (
            _(
                "Several credits or settlements share UTR %(utr)s; which belongs to which would "
                "be a guess."
            )
            % facts
        )
    return _(
        "%(receipts)s of our receipts and %(lines)s lines share %(key)s %(value)s; pairing them "
        "would be a guess."
    ) % {
        **facts,
        "key": _KEY_NAMES.get(str(facts.get("key")), "key"),
    }


def _unknown_code(facts: Facts, open_break: Break) -> str:
    return _(
        "%(channel)s calls this line “%(code)s”, a word we do not know; a person must say what "
        "it is."
    ) % {
        "channel": open_break.channel,
        "code": facts.get("code"),
    }


_SENTENCES: Final[Mapping[Reason, Callable[[Facts, Break], str]]] = {
    Reason.MISSING_IN_CHANNEL: _missing_in_channel,
    Reason.MISSING_IN_BOOKS: _missing_in_books,
    Reason.AMOUNT_DIFFERS: _amount_differs,
    Reason.STATUS_DIFFERS: _status_differs,
    Reason.DUPLICATE: _duplicate,
    Reason.SETTLED_NOT_CREDITED: _settled_not_credited,
    Reason.CREDITED_NOT_SETTLED: _credited_not_settled,
    Reason.SHORT_CREDIT: _credit_differs,
    Reason.EXCESS_CREDIT: _credit_differs,
    Reason.FEE_DIFFERS: _fee_differs,
    Reason.REFUND_UNMATCHED: _refund_unmatched,
    Reason.CHARGEBACK: _chargeback,
    Reason.CHEQUE_RETURNED: _cheque_returned,
    Reason.DEPOSIT_MISSING: _deposit_missing,
    Reason.DEPOSIT_DIFFERS: _deposit_differs,
    Reason.UNIDENTIFIED_CREDIT: _unidentified_credit,
    Reason.AMBIGUOUS: _ambiguous,
    Reason.UNKNOWN_CODE: _unknown_code,
}
