"""Whether a file looks like the last ones of its source; where it does not, why, in words.

Only what a person would stop at: the wrong file, a file of another size, a column that moved,
paise taken for rupees, a kind of line that never came before.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median_low
from typing import Any, Final

from django.utils.translation import gettext as _

from channels_.models import Source, StatementFile
from cspdcl.kernel.money import grouped_rupees
from cspdcl.ui.templatetags.ui import count
from sources.models import FileProfile
from sources.profile import Profile

LAST_FILES: Final = 30
FIRST_FILES: Final = 8  # with fewer before it a file cannot be unlike them
TIMES_LINES: Final = 4  # beyond so many times the most, or below the least divided by it
TIMES_SUM: Final = 6
LINES_SLACK: Final = 20  # so many lines more or less are never strange
TIMES_SCALE: Final = 10  # a median so many times as high or low is another scale
HUNDRED: Final = range(60, 161)  # about a hundred times: paise and rupees
EMPTY_USUAL: Final = 100  # per mille: a field that was never emptier than that
EMPTY_STRANGE: Final = 500  # and now is at least that
CODES_TOLD: Final = 10

Reason = dict[str, Any]


def reasons_against(source: Source, profile: Profile) -> list[Reason]:
    """What is strange about a file, as codes with their facts; nothing for one like the last."""
    last = _last_of(source)
    if len(last) < FIRST_FILES:
        return []
    found = [
        _beyond("lines", profile.line_count, [one.line_count for one in last], TIMES_LINES),
        _beyond("sum", profile.sum_paise, [one.sum_paise for one in last], TIMES_SUM),
        _scale(profile.median_paise, [one.median_paise for one in last if one.median_paise]),
        *_emptier(profile, last),
        _new_codes(profile.codes, last),
    ]
    return [one for one in found if one is not None]


def _last_of(source: Source) -> list[FileProfile]:
    whose = source.whose
    rows = FileProfile.objects.filter(
        **{f"file__{whose}": source}, file__state=StatementFile.State.LOADED
    )
    return list(rows.order_by("-file__loaded_at", "-file_id")[:LAST_FILES])


def _beyond(what: str, is_now: int, before: Sequence[int], times: int) -> Reason | None:
    least, most = min(before), max(before)
    slack = LINES_SLACK if what == "lines" else 0
    is_more = is_now > most * times and is_now - most > slack
    is_less = is_now * times < least and least - is_now > slack
    if not (is_more or is_less):
        return None
    facts = {"now": is_now, "least": least, "most": most}
    return {"code": f"{what}_{'more' if is_more else 'less'}", "facts": facts}


def _scale(is_now: int | None, before: Sequence[int]) -> Reason | None:
    if not is_now or not before:
        return None
    usual = median_low(before)
    facts = {"now": is_now, "usual": usual}
    if is_now // usual in HUNDRED:
        return {"code": "scale_paise", "facts": facts}
    if usual // is_now in HUNDRED:
        return {"code": "scale_rupees", "facts": facts}
    if is_now >= TIMES_SCALE * max(before) or is_now * TIMES_SCALE <= min(before):
        return {"code": "scale_other", "facts": facts}
    return None


def _emptier(profile: Profile, last: Sequence[FileProfile]) -> Iterable[Reason]:
    for name, share in profile.empty_permille.items():
        known = [one.empty_permille[name] for one in last if name in one.empty_permille]
        if known and max(known) <= EMPTY_USUAL and share >= EMPTY_STRANGE:
            facts = {"field": name, "now": share, "most": max(known)}
            yield {"code": "empty", "facts": facts}


def _new_codes(codes: Sequence[str], last: Sequence[FileProfile]) -> Reason | None:
    known = {code for one in last for code in one.codes}
    new = [code for code in codes if code not in known]
    if not known or not new:
        return None
    return {"code": "new_codes", "facts": {"codes": new[:CODES_TOLD], "count": len(new)}}


# ---- in words ----


def in_words(reasons: Iterable[Mapping[str, Any]]) -> list[str]:
    """Each reason as a sentence for a finance officer."""
    return [_sentence(one["code"], one["facts"]) for one in reasons]


def _sentence(code: str, facts: Mapping[str, Any]) -> str:
    words = {
        "lines_more": _("It has %(now)s lines; its last files had at most %(most)s."),
        "lines_less": _("It has %(now)s lines; its last files had at least %(least)s."),
        "sum_more": _("Its amounts come to ₹ %(now)s; its last files had at most ₹ %(most)s."),
        "sum_less": _("Its amounts come to ₹ %(now)s; its last files had at least ₹ %(least)s."),
        "scale_paise": _(
            "Its usual amount is ₹ %(now)s, about a hundred times the ₹ %(usual)s of its last "
            "files: paise may have been taken for rupees."
        ),
        "scale_rupees": _(
            "Its usual amount is ₹ %(now)s, about a hundredth of the ₹ %(usual)s of its last "
            "files: rupees may have been taken for paise."
        ),
        "scale_other": _("Its usual amount is ₹ %(now)s; that of its last files was ₹ %(usual)s."),
        "empty": _(
            "%(now)s of its lines have no %(field)s; of its last files it was at most %(most)s."
        ),
        "new_codes": _("It has kinds of lines that never came before: %(codes)s."),
    }
    return words[code] % _shown(code, facts)


def _shown(code: str, facts: Mapping[str, Any]) -> dict[str, str]:
    if code == "new_codes":
        rest = facts["count"] - len(facts["codes"])
        return {"codes": ", ".join(facts["codes"]) + (f" (+{rest})" if rest else "")}
    if code == "empty":
        share = {name: f"{facts[name] // 10} %" for name in ("now", "most")}
        return {**share, "field": str(_field(facts["field"]))}
    show = count if code.startswith("lines") else grouped_rupees
    return {name: str(show(value)) for name, value in facts.items()}


def _field(name: str) -> str:
    return {
        "reference": _("reference"),
        "channel_ref": _("id of the channel"),
        "order_ref": _("order id"),
        "settlement_ref": _("settlement id"),
        "utr": _("UTR"),
        "rrn": _("RRN"),
        "method": _("way of payment"),
        "consumer_number": _("consumer number"),
        "instrument": _("cheque number"),
        "narration": _("narration"),
    }[name]
