"""A certificate as people read it: the facts of a version with labels, for page and paper."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cspdcl.env import Mode
from cspdcl.ui.templatetags.ui import count
from people.roles import ROLES
from reconciliation.dayend.certificates import ROLL
from reconciliation.looks import PROOFS, WAITS
from reconciliation.models import DayCause, DayClose, Decision, Kind, Reason

CAUSES_SHOWN: Final = 100  # on paper and page; the file holds them all

_PARTS: Final = {
    "opening": gettext_lazy("opening"),
    "arrived": gettext_lazy("arrived"),
    "matched": gettext_lazy("matched"),
    "written_off": gettext_lazy("written off"),
    "closing": gettext_lazy("closing"),
    "broken": gettext_lazy("of the closing: in breaks"),
    "expected": gettext_lazy("of the closing: expected"),
    "later": gettext_lazy("of the closing: matched on a later day"),
    "receipts": gettext_lazy("receipts"),
    "confirmed": gettext_lazy("confirmed by the channel"),
    "charges": gettext_lazy("fee and GST"),
    "due": gettext_lazy("due in the bank"),
    "banked": gettext_lazy("in the bank"),
}


def leaf_of(close: DayClose) -> dict[str, Any]:
    """What templates/reconciliation/certificate_leaf.html reads; nothing is counted anew."""
    facts = close.facts
    return {
        "close": close,
        "facts": facts,
        "issued": _figure(facts["receipts"]["issued"]),
        "match_rate": _percent(facts["receipts"]["match_rate"]),
        "proofs": _proofs(facts),
        "sources": _sources(facts),
        "channels": _channels(facts),
        "waits": _waits(facts),
        "carried": _carried(facts, day=close.business_date),
        "ages": _ages(facts),
        "decisions": [
            {"label": Decision.Kind(one["kind"]).label, **_figure(one["sum"])}
            for one in facts["decisions"]
        ],
        "causes": [cause_row(one) for one in facts["causes"][:CAUSES_SHOWN]],
        "causes_left": max(len(facts["causes"]) - CAUSES_SHOWN, 0),
        "differences": [_difference(one) for one in facts["differences"]],
        "rules": ", ".join(
            f"{code} v{version}" for code, version in sorted(facts["rules"].items())
        ),
        "run_finished_at": _instant(facts["run"]["finished_at"]),
        "persons": _persons(facts),
        "is_sample_data": settings.MODE is Mode.DEMO,
    }


def _figure(pair: list[int]) -> dict[str, int]:
    return {"count": pair[0], "paise": pair[1]}


def _percent(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d} %"


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _proofs(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """In the order of a rupee; each holds, for the database refused any that does not."""
    found = {(one["stage"], one["book"]): one for one in facts["proofs"]}
    return [
        {"label": PROOFS[key], "cells": [_figure(found[key][name]) for name in ROLL]}
        for key in PROOFS
        if key in found
    ]


def _sources(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Nothing in certificates of the time before sources were proved by themselves."""
    told = facts.get("sources", [])
    return [
        {
            "label": PROOFS[key],
            "name": one["name"],
            "cells": [_figure(one[name]) for name in ROLL],
        }
        for key in PROOFS
        for one in told
        if (one["stage"], one["book"]) == key
    ]


def _channels(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = [
        {
            "name": one["name"],
            "receipts": one["receipts"][0],
            "amounts": [
                one["receipts"][1],
                one["confirmed"][1],
                one["charges"][1],
                one["due"][1],
                one["banked"][1],
                one["due"][1] - one["banked"][1],
            ],
        }
        for one in facts["channels"]
    ]
    if len(rows) > 1:
        sums = [sum(column) for column in zip(*(row["amounts"] for row in rows), strict=True)]
        receipts = sum(row["receipts"] for row in rows)
        rows.append(
            {"name": _("All channels"), "receipts": receipts, "amounts": sums, "is_sum": True}
        )
    return rows


def _waits(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "label": WAITS.get(one["why"], one["why"]),
            "where": PROOFS.get((one["stage"], one["book"]), ""),
            **_figure(one["open"]),
        }
        for one in facts["waits"]
    ]


def _carried(facts: Mapping[str, Any], *, day: date) -> list[dict[str, Any]]:
    return [
        {
            "label": Reason(one["reason"]).label,
            "oldest": (day - date.fromisoformat(one["oldest"])).days,
            **_figure(one["open"]),
        }
        for one in facts["carried"]
    ]


def _ages(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"label": _age_words(one["from_days"], one["to_days"]), **_figure(one["open"])}
        for one in facts["carried_by_age"]
        if one["open"][0]
    ]


def _age_words(first: int, last: int | None) -> str:
    if last is None:
        return _("more than %(n)s days") % {"n": first - 1}
    return _("%(first)s to %(last)s days") % {"first": first, "last": last}


def _difference(one: Mapping[str, Any]) -> dict[str, Any]:
    where = one["channel"] if one["of"] == "channel" else PROOFS[one["stage"], one["book"]]
    return {
        "where": where,
        "what": _PARTS[one["what"]],
        "was": _figure(one["was"]),
        "now": _figure(one["is"]),
        "moved": one["is"][1] - one["was"][1],
    }


def _persons(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for name, label in (("proposed", _("Proposed by")), ("approved", _("Approved by"))):
        one = facts.get(name)
        if one is not None:
            role = ROLES.get(one["role"])
            found.append(
                {
                    "label": label,
                    "name": one["name"] or one["username"] or _("the system"),
                    "role": role.title if role else "",
                    "at": _instant(one["at"]),
                }
            )
    return found


# ---- causes ----


def cause_row(one: Mapping[str, Any]) -> dict[str, Any]:
    """A cause in words, from the facts of a certificate or of a waiting row."""
    return {
        "label": DayCause.Kind(one["kind"]).label,
        "paise": one["amount_paise"],
        "at": _instant(one["at"]),
        "text": _cause_words(one),
        "why": one.get("why", "") if one["kind"] == DayCause.Kind.DISHONOUR else "",
    }


def _cause_words(one: Mapping[str, Any]) -> str:
    match one["kind"]:
        case DayCause.Kind.DISHONOUR:
            return _(
                "Cheque %(number)s, receipt %(receipt)s, consumer %(consumer)s, returned on "
                "%(day)s."
            ) % {
                "number": one.get("instrument", ""),
                "receipt": one.get("receipt") or one["reference"],
                "consumer": one.get("consumer", ""),
                "day": f"{date.fromisoformat(one['returned_on']):%d-%m-%Y}",
            }
        case DayCause.Kind.FILE:
            return ngettext(
                "%(name)s of %(source)s brought %(n)s line.",
                "%(name)s of %(source)s brought %(n)s lines.",
                one["count"],
            ) % {"name": one["reference"], "source": one["source"], "n": count(one["count"])}
        case DayCause.Kind.RECEIPT:
            return _("%(what)s %(reference)s was heard of late.") % {
                "what": Kind(one["what"]).label.capitalize(),
                "reference": one["reference"],
            }
        case DayCause.Kind.UNDONE if one.get("what", "decision") != "decision":
            return ngettext(
                "%(n)s match was undone: %(reference)s.",
                "%(n)s matches were undone: %(reference)s.",
                one["count"],
            ) % {"n": count(one["count"]), "reference": one["reference"]}
        case DayCause.Kind.UNDONE:
            return _("The match of decision %(reference)s was undone.") % one
        case _:
            return _correction_words(one)


def _correction_words(one: Mapping[str, Any]) -> str:
    if one.get("why") == "opening":
        return _("%(reference)s restated an earlier day: this one opens otherwise.") % one
    if one.get("why") == "matched":
        return ngettext(
            "%(n)s match was made that counts into this day.",
            "%(n)s matches were made that count into this day.",
            one["count"],
        ) % {"n": count(one["count"])}
    return _("Payment %(reference)s was taken back.") % one
