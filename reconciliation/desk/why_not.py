"""What each rule said of a break: which condition it failed, in the words of a finance officer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cspdcl.kernel.money import grouped_rupees
from reconciliation.models import (
    Book,
    Break,
    Entry,
    Leg,
    MatchLine,
    Reason,
    Rule,
    Stage,
    right_book,
)
from reconciliation.rulebook.rules import Key, active_rules

_DAYS: Final = 10  # by day and book there is an index, by most names there is none
_OWN_MAX: Final = 200
_OTHERS_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule and why it did not take the break; ``is_near``: only one condition failed."""

    rule: str
    words: str
    is_near: bool = False


def verdicts_of(open_break: Break) -> list[Verdict]:
    """What the rules of its comparison said, in their order; a fee is judged by no rule."""
    if open_break.stage == Stage.FEE or open_break.state != Break.State.OPEN:
        return []
    own = list(Entry.objects.filter(break_lines__open_break=open_break)[:_OWN_MAX])
    rules = [rule for rule in active_rules() if rule.leg == open_break.leg]
    rules = [rule for rule in rules if rule.key != Key.EVIDENCE]
    others = _others(open_break, own, {rule.key for rule in rules})
    return [_verdict(rule, open_break, own, others) for rule in rules]


def _others(open_break: Break, own: Sequence[Entry], keys: Iterable[str]) -> list[Entry]:
    """What shares any key with the break near its day, in one question for all rules."""
    shared = Q()
    for key in keys:
        values = {getattr(entry, key) for entry in own} - {""}
        if values:
            shared |= Q(**{f"{key}__in": sorted(values)[:_OTHERS_MAX]})
    if not shared or len({entry.book for entry in own}) != 1:
        return []
    day, span = open_break.business_date, timedelta(days=_DAYS)
    live = MatchLine.objects.filter(entry=OuterRef("pk"), stage=open_break.stage, is_live=True)
    near = Entry.objects.filter(
        shared,
        business_date__range=(day - span, day + span),
        book__in=_others_of(open_break, own[0].book),
    )
    named = near.exclude(source_key__startswith="undone:").annotate(is_taken=Exists(live))
    return list(named.order_by("id")[: _OTHERS_MAX * 4])


def _others_of(open_break: Break, book: str) -> list[str]:
    """The books that a break's own may be held against in its stage."""
    if open_break.leg == Leg.RECEIPT_ERP:
        return [Book.ERP if book == Book.RECEIPTS else Book.RECEIPTS]
    return [one for one in Book.values if one not in (book, Book.ERP)]


def _verdict(rule: Rule, open_break: Break, own: Sequence[Entry], near: Sequence[Entry]) -> Verdict:
    key = str(Key(rule.key).label)
    if rule.cardinality in (Rule.Cardinality.NIL, Rule.Cardinality.CARRIED):
        return Verdict(str(rule), _("no lines here set each other off by %(key)s") % {"key": key})
    values = {getattr(entry, rule.key) for entry in own} - {""}
    if not values:
        return Verdict(str(rule), _("no line here carries %(key)s") % {"key": key})
    if {entry.book for entry in own} != {own[0].book}:
        return _of_both_sides(rule, open_break, own, key)
    return _of_one_side(rule, [one for one in near if getattr(one, rule.key) in values], key)


def _of_both_sides(rule: Rule, open_break: Break, own: Sequence[Entry], key: str) -> Verdict:
    """Both sides stand in the break: they share the key, or the run would have parted them."""
    right = right_book(open_break.stage)
    ours = [entry for entry in own if entry.book != right]
    theirs = [entry for entry in own if entry.book == right]
    if len(theirs) > 1 or (len(ours) > 1 and rule.cardinality == Rule.Cardinality.ONE_TO_ONE):
        words = _("several fit by %(key)s: to take one would be a guess")
        return Verdict(str(rule), words % {"key": key})
    is_bank = open_break.stage == Stage.BANK
    left = sum(e.net_paise if is_bank and e.book == Book.CHANNEL else e.amount_paise for e in ours)
    lacks = sum(entry.amount_paise for entry in theirs) - left
    if lacks == 0 and open_break.reason == Reason.WRONG_CONSUMER:
        words = _("%(key)s and amount fit, the consumer does not")
        return Verdict(str(rule), words % {"key": key}, is_near=True)
    if lacks == 0 and open_break.reason == Reason.IN_CLARIFICATION:
        words = _("%(key)s and amount fit, but it lies in clarification: it is nobody's yet")
        return Verdict(str(rule), words % {"key": key}, is_near=True)
    if lacks == 0:
        return Verdict(str(rule), _("it names another by %(key)s too") % {"key": key})
    word = _("%(key)s fits, %(paise)s more") if lacks > 0 else _("%(key)s fits, %(paise)s short")
    told = word % {"key": key, "paise": grouped_rupees(abs(lacks))}
    return Verdict(str(rule), told, is_near=True)


def _of_one_side(rule: Rule, others: Sequence[Entry], key: str) -> Verdict:
    if not others:
        return Verdict(str(rule), _("nobody else has %(key)s, within 10 days") % {"key": key})
    taken = sum(bool(one.is_taken) for one in others)  # type: ignore[attr-defined]  # by _others
    if taken == len(others):
        words = ngettext(
            "the line with %(key)s is matched elsewhere",
            "the %(n)s lines with %(key)s are matched elsewhere",
            taken,
        )
        return Verdict(str(rule), words % {"n": taken, "key": key}, is_near=True)
    words = ngettext(
        "%(n)s line shares %(key)s, and differs or came later",
        "%(n)s lines share %(key)s: to take one would be a guess",
        len(others) - taken,
    )
    return Verdict(str(rule), words % {"n": len(others) - taken, "key": key}, is_near=True)
