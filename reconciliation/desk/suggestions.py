"""Entries that resemble a break, the likeliest first, each with what agrees and what does not.

For the eye of a person alone: nothing here matches, and no pass reads it. It is the only place
where texts are compared by likeness.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from django.db.models import F, Q
from django.db.models.functions import Abs
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rapidfuzz import fuzz
from rapidfuzz.distance import DamerauLevenshtein

from cspdcl.kernel.money import grouped_rupees
from reconciliation.desk import patience
from reconciliation.desk.workbench import Candidate, amount_of, fields_of, is_taken, name_of
from reconciliation.matching.ledger import in_stage
from reconciliation.models import Book, Break, BreakLine, Entry, Stage, right_book

SHOWN: Final = 12
DAYS: Final = 10
_READ_MAX: Final = 400
_LIKE: Final = 2  # slips of the pen that two references may be apart
_SHORTEST: Final = 6  # a shorter reference resembles too many
_NARRATION: Final = 80  # per cent of likeness that is worth a word

# What a likeness is worth; only the order of the list comes of it.
_SAME_KEY, _LIKE_KEY, _SAME_MONEY, _TURNED, _NEAR_MONEY, _SAME_DAY, _TEXT = 40, 20, 30, 18, 6, 8, 6
_NEXT_KEY: Final = 8  # numbers given in a row are all alike
_IN_A_ROW: Final = frozenset({"consumer_number", "instrument"})


class Suggestion(NamedTuple):
    """A candidate with what speaks for it."""

    candidate: Candidate
    weight: int
    is_likely: bool  # many weak likenesses make no strong one


def suggestions_for(open_break: Break, *, most: int = SHOWN) -> list[Suggestion]:
    """Open entries of the side that is missing, the likeliest first; the same each time."""
    if open_break.state != Break.State.OPEN or open_break.stage == Stage.FEE:
        return []
    own = list(Entry.objects.filter(break_lines__open_break=open_break).order_by("id")[:50])
    if not own:
        return []
    right = right_book(open_break.stage)
    total = sum(
        (-1 if one.book == right else 1) * amount_of(one, stage=open_break.stage) for one in own
    )
    pool = _pool(open_break, own, right=right, total=total)
    found = [_weighed(one, open_break, own, right=right, total=total) for one in pool]
    worth = [one for one in found if one.is_likely]
    worth.sort(key=lambda one: (-one.weight, one.candidate.id))
    return worth[:most]


def _pool(open_break: Break, own: Sequence[Entry], *, right: Book, total: int) -> list[Entry]:
    """What is open around, of nearly the money or with a like name: few enough to be weighed."""
    span, money = timedelta(days=DAYS), abs(total)
    days = [one.business_date for one in own]
    stage = in_stage(open_break.stage)
    side = Q(book=right) if total > 0 else ~Q(book=right)
    held = BreakLine.objects.filter(
        open_break__state=Break.State.OPEN, open_break__stage=open_break.stage
    )
    free = (
        Entry.objects.filter(stage, side, business_date__range=(min(days) - span, max(days) + span))
        .exclude(is_taken(open_break.stage))
        .exclude(break_lines__open_break=open_break)
        .select_related("channel", "bank_account", "file")
        .annotate(apart=Abs(F("amount_paise") - money))
        .order_by("apart", "id")
    )
    named = _named_alike(own, fields_of(open_break.stage))
    near = _around(money - money // 10, money + money // 10)
    # Two digits that changed places move an amount further.
    wide = Q(amount_paise__range=(money // 10, money * 10))
    in_breaks = free.filter(wide | near | named, pk__in=held.values("entry_id"))
    some = patience.read(in_breaks[:_READ_MAX]) or []
    some += patience.read(free.filter(near | named)[:_READ_MAX]) or []
    return list({one.pk: one for one in some}.values())


def _around(least: int, most: int) -> Q:
    return Q(amount_paise__range=(least, most)) | Q(net_paise__range=(least, most))


def _named_alike(own: Sequence[Entry], names: Iterable[str]) -> Q:
    alike = Q()
    for name in names:
        values = {getattr(one, name) for one in own} - {""}
        if values:
            alike |= Q(**{f"{name}__in": values})
    return alike


def _weighed(
    entry: Entry, open_break: Break, own: Sequence[Entry], *, right: Book, total: int
) -> Suggestion:
    amount = amount_of(entry, stage=open_break.stage)
    counts = amount if entry.book == right else -amount
    named, money = _keys(entry, own, fields_of(open_break.stage)), _money(total, counts)
    parts = [*named, money, _day(open_break, entry), *_narration(entry, own)]
    source = entry.channel or entry.bank_account
    candidate = Candidate(
        id=name_of(entry),
        title=entry.reference or entry.channel_ref or entry.utr or entry.source_key,
        note=" · ".join([str(Book(entry.book).label), *([str(source)] if source else [])]),
        paise=counts * (-1 if total < 0 else 1),
        fields=[dict(told) for _weight, told in parts],
    )
    keys = max((weight for weight, _told in named), default=0)
    # Numbers that were given in a row differ by a character too: then the money decides.
    is_likely = keys == _SAME_KEY or money[0] >= _TURNED or (keys == _LIKE_KEY and money[0] > 0)
    return Suggestion(candidate, sum(weight for weight, _told in parts), is_likely)


_Part = tuple[int, Mapping[str, object]]


def _keys(entry: Entry, own: Sequence[Entry], fields: Mapping[str, str | Promise]) -> list[_Part]:
    parts: list[_Part] = []
    for name, label in fields.items():
        theirs: str = getattr(entry, name)
        ours = sorted({getattr(one, name) for one in own} - {""})
        if not theirs or not ours:
            continue
        apart = min(DamerauLevenshtein.distance(theirs.upper(), one.upper()) for one in ours)
        is_like = 0 < apart <= _LIKE and len(theirs) >= _SHORTEST
        verdict = ""
        if is_like:
            words = ngettext("%(n)s character differs", "%(n)s characters differ", apart)
            verdict = words % {"n": apart}
        weight = _SAME_KEY if not apart else _worth_of_likeness(name, apart) if is_like else 0
        told = {"label": label, "value": theirs, "agrees": not apart, "verdict": verdict}
        parts.append((weight, told))
    return parts


def _worth_of_likeness(name: str, apart: int) -> int:
    return _LIKE_KEY if apart == 1 and name not in _IN_A_ROW else _NEXT_KEY


def _money(total: int, counts: int) -> _Part:
    told: dict[str, object] = {
        "label": _("Amount"),
        "value": grouped_rupees(abs(counts)),
        "agrees": counts == total,
        "verdict": _("the difference") if counts == total else "",
    }
    if counts == total:
        return _SAME_MONEY, told
    if _is_turned(abs(counts), abs(total)):
        return _TURNED, told | {"verdict": _("two digits changed places")}
    lacks = abs(counts) - abs(total)
    word = _("%(paise)s more") if lacks > 0 else _("%(paise)s less")
    told["verdict"] = word % {"paise": grouped_rupees(abs(lacks))}
    is_near = abs(lacks) * 100 <= abs(total)
    return (_NEAR_MONEY if is_near else 0), told


def _is_turned(one: int, other: int) -> bool:
    """Whether two neighbouring digits of the one are changed in the other, and nothing else."""
    ours, theirs = str(one), str(other)
    places = [n for n, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]]
    return (
        len(ours) == len(theirs)
        and len(places) == 2
        and places[1] == places[0] + 1
        and sorted(ours) == sorted(theirs)
    )


def _day(open_break: Break, entry: Entry) -> _Part:
    apart = (entry.business_date - open_break.business_date).days
    words = ngettext("%(n)s day apart", "%(n)s days apart", abs(apart)) % {"n": abs(apart)}
    return max(_SAME_DAY - abs(apart), 0), {
        "label": _("Day"),
        "value": f"{entry.business_date:%d-%m-%Y}",
        "agrees": not apart,
        "verdict": words if apart else "",
    }


def _narration(entry: Entry, own: Sequence[Entry]) -> list[_Part]:
    ours = [one.narration for one in own if one.narration]
    if not entry.narration or not ours:
        return []
    likeness = max(fuzz.token_set_ratio(entry.narration.upper(), one.upper()) for one in ours)
    if likeness < _NARRATION:
        return []
    same = entry.narration in ours
    value = entry.narration[:60]
    verdict = "" if same else _("much alike")
    told = {"label": _("Narration"), "value": value, "agrees": same, "verdict": verdict}
    return [(_TEXT, told)]
