"""Why a break is a break and why a match is a match, each in one sentence."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cspdcl.kernel.money import grouped_rupees
from reconciliation.desk import posting_words
from reconciliation.desk.facts import Facts
from reconciliation.desk.facts import day as _day
from reconciliation.desk.facts import rupees as _rupees
from reconciliation.models import Break, Leg, Match, Reason, Rule

_KEY_NAMES: Final = {
    "channel_ref": gettext_lazy("payment id"),
    "reference": gettext_lazy("reference"),
    "rrn": gettext_lazy("RRN"),
    "utr": gettext_lazy("UTR"),
    "deposit_ref": gettext_lazy("deposit slip"),
    "evidence": gettext_lazy("line it was made of"),
    "instrument": gettext_lazy("cheque number"),
}

_RULE_SENTENCES: Final = {
    Rule.Cardinality.ONE_TO_ONE: gettext_lazy("same %(key)s, the amounts agree."),
    Rule.Cardinality.MANY_TO_ONE: gettext_lazy("the credit names the %(key)s, the sums agree."),
    Rule.Cardinality.MANY_TO_MANY: gettext_lazy("all with the same %(key)s, the two sums agree."),
    Rule.Cardinality.NIL: gettext_lazy("together they come to nothing, so no credit is due."),
    Rule.Cardinality.IN_PARTS: gettext_lazy(
        "several credits name the %(key)s, together they are the settlement."
    ),
    Rule.Cardinality.CARRIED: gettext_lazy(
        "the credit names the %(key)s and is less by exactly what was carried."
    ),
}


_RETURNED: Final = gettext_lazy(
    "our books hold the return of the cheque, and the bank's debit names its number and takes the "
    "sum."
)


_POSTED: Final[Mapping[str, str | Promise]] = {
    Rule.Cardinality.ONE_TO_ONE: gettext_lazy("same %(key)s, amount and consumer."),
    Rule.Cardinality.NIL: gettext_lazy(
        "together they come to nothing, so no posting is left over or missing."
    ),
}


def sentence(open_break: Break) -> str:
    """The break in a sentence: what stands on one side, what is missing or differs on the other."""
    facts = {**open_break.facts, "reference": open_break.reference}
    reason = Reason(open_break.reason)
    told = posting_words.SENTENCES
    if reason in told and (open_break.leg == Leg.RECEIPT_ERP or reason not in _SENTENCES):
        return told[reason](facts)
    return _SENTENCES[reason](facts, open_break)


def match_sentence(match: Match) -> str:
    """The match in a sentence: the rule or the people who decided, and what agreed."""
    if match.rule is not None:
        said = str(_rule_sentence(match.rule))
        told = _("Rule %(rule)s: ") % {"rule": match.rule} + said % {"key": _keys(match.rule)}
        if match.difference_paise:
            rounded = grouped_rupees(abs(match.difference_paise))
            told += " " + _("%(rounded)s is rounding.") % {"rounded": rounded}
        return told
    decision = match.decision
    if decision is None:
        return _("Matched.")
    by_two = _("%(what)s: proposed by %(maker)s, approved by %(checker)s. %(why)s")
    by_one = _("%(what)s: decided by %(maker)s within the limit of one person. %(why)s")
    told = (by_one if decision.checker is None else by_two) % {
        "what": decision.get_kind_display().capitalize(),
        "maker": decision.maker,
        "checker": decision.checker,
        "why": decision.why,
    }
    if match.undone_at is not None:
        told += " " + _("Undone on %(day)s.") % {"day": f"{match.undone_at:%d-%m-%Y}"}
    return told


def _rule_sentence(rule: Rule) -> str | Promise:
    if rule.leg == Leg.RECEIPT_ERP:
        return _POSTED[rule.cardinality]
    if rule.key == "instrument":
        return _RETURNED
    return _RULE_SENTENCES[Rule.Cardinality(rule.cardinality)]


def _keys(rule: Rule) -> str:
    return str(_(" or ")).join(_key(key) for key in rule.keys)


def _key(name: object) -> str:
    return str(_KEY_NAMES.get(str(name), name))


def _channel(open_break: Break) -> str:
    return open_break.channel.name if open_break.channel else _("the channel")


def _percent(facts: Facts) -> str:
    """``1.9500`` as people write it: 1.95."""
    return f"{Decimal(str(facts.get('percent') or 0)).normalize():f}"


def _missing_in_channel(facts: Facts, open_break: Break) -> str:
    told = {
        "amount": _rupees(facts, "amount"),
        "due": _day(facts, "due"),
        "until": _day(facts, "until"),
        "channel": _channel(open_break),
    }
    if open_break.leg == "transfer_bank":
        return (
            _(
                "We receipted %(amount)s; the bank's statements up to %(until)s hold no credit "
                "with its UTR."
            )
            % told
        )
    if int(facts.get("amount") or 0) < 0:
        return (
            _(
                "We hold a refund of %(amount)s; it was due on %(due)s, and no report of "
                "%(channel)s up to %(until)s lists it."
            )
            % told
        )
    return (
        _(
            "We receipted %(amount)s; it was due on %(due)s, and no report of %(channel)s up to "
            "%(until)s lists it."
        )
        % told
    )


def _missing_in_books(facts: Facts, open_break: Break) -> str:
    if facts.get("consumer"):
        return _(
            "The bank credited %(amount)s for consumer %(consumer)s; no notice of it reached us."
        ) % {"amount": _rupees(facts, "amount"), "consumer": facts["consumer"]}
    return _("%(channel)s lists %(line)s as paid with %(amount)s; we hold no receipt for it.") % {
        "channel": _channel(open_break),
        "line": facts.get("line") or open_break.reference,
        "amount": _rupees(facts, "amount"),
    }


def _amount_differs(facts: Facts, _open_break: Break) -> str:
    receipts = int(facts.get("receipts") or 1)
    told = {
        "key": _key(facts.get("key")),
        "value": facts.get("value"),
        "left": _rupees(facts, "left"),
        "right": _rupees(facts, "right"),
        "receipts": receipts,
    }
    return (
        ngettext(
            "Same %(key)s %(value)s: our receipt says %(left)s, the other side %(right)s.",
            "Same %(key)s %(value)s: our %(receipts)s receipts say %(left)s, the other side "
            "%(right)s.",
            receipts,
        )
        % told
    )


def _outside_rules(facts: Facts, open_break: Break) -> str:
    told = {
        "paise": grouped_rupees(open_break.amount_paise),
        "ours": _day(facts, "ours_on"),
        "theirs": _day(facts, "theirs_on"),
        "value": facts.get("value") or facts.get("utr") or open_break.reference,
    }
    return (
        _(
            "%(value)s and %(paise)s agree, ours of %(ours)s and theirs of %(theirs)s: no rule in "
            "force may match them."
        )
        % told
    )


def _status_differs(facts: Facts, open_break: Break) -> str:
    return _(
        "%(channel)s lists %(line)s as paid with %(amount)s; we hold %(failed)s as failed."
    ) % {
        "channel": _channel(open_break),
        "line": facts.get("line"),
        "amount": _rupees(facts, "amount"),
        "failed": facts.get("failed"),
    }


def _duplicate(facts: Facts, open_break: Break) -> str:
    value = facts.get("value") or facts.get("line") or open_break.reference
    told = {"value": value, "paid": facts.get("paid"), "amount": _rupees(facts, "amount")}
    if facts.get("repeats"):
        return (
            _("The consumer was charged twice for one order: %(value)s is the second payment.")
            % told
        )
    if facts.get("listed") or facts.get("lines"):
        return _("The channel lists %(value)s more than once; one receipt is one payment.") % told
    if facts.get("paid"):
        return _("The order of %(paid)s is paid; %(value)s is a second payment for it.") % told
    return _("The bank credited %(value)s a second time, with %(amount)s.") % told


def _settled_not_credited(facts: Facts, _open_break: Break) -> str:
    told = {
        "settlement": facts.get("settlement"),
        "net": _rupees(facts, "net"),
        "utr": facts.get("utr"),
        "until": _day(facts, "until"),
    }
    if not facts.get("utr"):
        return (
            _(
                "Settlement %(settlement)s promises %(net)s and tells no UTR; no statement up to "
                "%(until)s names it."
            )
            % told
        )
    return (
        _(
            "Settlement %(settlement)s promises %(net)s under UTR %(utr)s; no statement up to "
            "%(until)s has that credit."
        )
        % told
    )


def _narrated(facts: Facts) -> str:
    narration = facts.get("narration")
    return " " + _("The bank wrote: %(narration)s") % {"narration": narration} if narration else ""


def _credited_not_settled(facts: Facts, _open_break: Break) -> str:
    amount = _rupees(facts, "amount")
    if facts.get("utr"):
        told = _(
            "The bank credited %(amount)s as a settlement; no settlement of the channel has UTR "
            "%(utr)s."
        ) % {"amount": amount, "utr": facts["utr"]}
    else:
        told = _(
            "The bank credited %(amount)s as a settlement; it names no settlement of the channel."
        ) % {"amount": amount}
    return told + _narrated(facts)


def _credit_differs(facts: Facts, open_break: Break) -> str:
    told = {
        "utr": facts.get("utr") or facts.get("settlement"),
        "difference": grouped_rupees(open_break.amount_paise),
        "settlement": facts.get("settlement"),
        "net": _rupees(facts, "net"),
        "credit": _rupees(facts, "credit"),
    }
    if open_break.reason == Reason.SHORT_CREDIT:
        return (
            _(
                "Same UTR %(utr)s, %(difference)s short: settlement %(settlement)s promises "
                "%(net)s, the bank paid %(credit)s."
            )
            % told
        )
    return (
        _(
            "Same UTR %(utr)s, %(difference)s too much: settlement %(settlement)s promises "
            "%(net)s, the bank paid %(credit)s."
        )
        % told
    )


def _fee_differs(facts: Facts, open_break: Break) -> str:
    told = {
        "channel": _channel(open_break),
        "kept": _rupees(facts, "kept"),
        "amount": _rupees(facts, "amount"),
        "percent": _percent(facts),
        "flat": _rupees(facts, "flat"),
        "agreed": _rupees(facts, "agreed"),
    }
    if facts.get("flat"):
        return (
            _(
                "%(channel)s kept %(kept)s of %(amount)s; the rate card of %(percent)s %% and "
                "%(flat)s gives %(agreed)s with GST."
            )
            % told
        )
    return (
        _(
            "%(channel)s kept %(kept)s of %(amount)s; the rate card of %(percent)s %% gives "
            "%(agreed)s with GST."
        )
        % told
    )


def _refund_unmatched(facts: Facts, open_break: Break) -> str:
    told = {
        "channel": _channel(open_break),
        "amount": _rupees(facts, "amount"),
        "line": facts.get("line"),
        "original": facts.get("original"),
    }
    if int(facts.get("amount") or 0) > 0:
        return (
            _(
                "%(channel)s took the refund %(line)s back: %(amount)s is with us again, and the "
                "payer does not have it."
            )
            % told
        )
    if facts.get("original"):
        return (
            _(
                "%(channel)s paid %(amount)s of payment %(original)s back as %(line)s; we know of "
                "no such refund."
            )
            % told
        )
    return _("%(channel)s paid %(amount)s back as %(line)s; we know of no such refund.") % told


def _chargeback(facts: Facts, open_break: Break) -> str:
    told = {
        "channel": _channel(open_break),
        "amount": _rupees(facts, "amount"),
        "original": facts.get("original"),
    }
    if int(facts.get("amount") or 0) > 0:
        return _("%(channel)s gave %(amount)s of a dispute back; our books hold no verdict.") % told
    if not facts.get("original"):
        return _("%(channel)s took %(amount)s back: a payer's bank disputes the payment.") % told
    return (
        _("%(channel)s took %(amount)s back for %(original)s: the payer's bank disputes it.") % told
    )


def _cheque_returned(facts: Facts, _open_break: Break) -> str:
    if facts.get("undone"):
        return _(
            "Our books took back %(amount)s of cheque %(instrument)s on %(undone)s; no statement "
            "up to %(until)s holds the bank's debit."
        ) % {
            "amount": _rupees(facts, "amount"),
            "instrument": facts.get("instrument") or _("without a number"),
            "undone": _day(facts, "undone"),
            "until": _day(facts, "until"),
        }
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
        "The bank took %(amount)s back for a returned cheque; no single receipt of ours has its "
        "number and amount."
    ) % {"amount": _rupees(facts, "amount")}


def _deposit_missing(facts: Facts, open_break: Break) -> str:
    count = int(facts.get("receipts") or 0)
    told = {
        "receipts": ngettext("%(count)s receipt", "%(count)s receipts", count) % {"count": count},
        "amount": grouped_rupees(open_break.amount_paise),
        "slip": facts.get("slip"),
        "due": _day(facts, "due"),
    }
    if not facts.get("slip"):
        return (
            ngettext(
                "%(receipts)s of %(amount)s was taken and is on no deposit slip yet.",
                "%(receipts)s of %(amount)s were taken and are on no deposit slip yet.",
                count,
            )
            % told
        )
    return (
        _(
            "Slip %(slip)s carried %(receipts)s of %(amount)s; it was due on %(due)s and the bank "
            "has no such credit."
        )
        % told
    )


def _deposit_differs(facts: Facts, _open_break: Break) -> str:
    return _("Slip %(value)s carried %(left)s; the bank credited %(right)s.") % {
        "value": facts.get("value"),
        "left": _rupees(facts, "left"),
        "right": _rupees(facts, "right"),
    }


def _unidentified_credit(facts: Facts, _open_break: Break) -> str:
    told = _(
        "The bank credited %(amount)s; neither its references nor its narration name a receipt, a "
        "slip or a consumer of ours."
    ) % {"amount": _rupees(facts, "amount")}
    return told + _narrated(facts)


def _ambiguous(facts: Facts, open_break: Break) -> str:
    if facts.get("settlement"):
        return _(
            "Several credits or settlements share UTR %(utr)s; which belongs to which would be a "
            "guess."
        ) % {"utr": facts.get("utr") or facts["settlement"]}
    receipts, lines = int(facts.get("receipts") or 0), int(facts.get("lines") or 0)
    credited = open_break.leg != "receipt_channel"
    told = {
        "receipts": ngettext("%(n)s receipt", "%(n)s receipts", receipts) % {"n": receipts},
        "lines": (
            ngettext("%(n)s debit of the bank", "%(n)s debits of the bank", lines)
            if facts.get("key") == "instrument"
            else ngettext("%(n)s credit of the bank", "%(n)s credits of the bank", lines)
            if credited
            else ngettext("%(n)s line of the channel", "%(n)s lines of the channel", lines)
        )
        % {"n": lines},
        "key": _key(facts.get("key")),
        "value": facts.get("value"),
    }
    if int(facts.get("groups") or 1) > 1:
        return (
            _(
                "The credit that names %(key)s %(value)s names another one too; which it pays "
                "would be a guess."
            )
            % told
        )
    told_as = _(
        "%(key)s %(value)s stands on %(receipts)s and on %(lines)s; pairing them would be a guess."
    )
    text = told_as % told
    return text[:1].upper() + text[1:]


def _unknown_code(facts: Facts, open_break: Break) -> str:
    return _(
        "%(channel)s calls this line “%(code)s”, a word we do not know; a person must say what it "
        "is."
    ) % {"channel": _channel(open_break), "code": facts.get("code")}


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
    Reason.OUTSIDE_RULES: _outside_rules,
    Reason.UNKNOWN_CODE: _unknown_code,
}
