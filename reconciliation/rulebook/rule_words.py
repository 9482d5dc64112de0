"""A rule in words: the sentence that a finance officer reads before they approve it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cspdcl.kernel.money import grouped_rupees
from reconciliation.models import Leg, Rule
from reconciliation.rulebook.rules import CONTENT

NAMES: Final[Mapping[str, str | Promise]] = {
    "priority": gettext_lazy("Place in the order"),
    "leg": gettext_lazy("Books"),
    "key": gettext_lazy("Key"),
    "fallbacks": gettext_lazy("Then by"),
    "cardinality": gettext_lazy("How many"),
    "tolerance_paise": gettext_lazy("Rounding"),
    "window_days": gettext_lazy("Window"),
    "direction": gettext_lazy("Side of the window"),
    "ambiguity": gettext_lazy("Where several fit"),
    "is_active": gettext_lazy("Used by runs"),
}


def sentence(rule: Rule) -> str:
    """The whole rule in one or two sentences."""
    told = _("%(leg)s, %(how)s, by %(keys)s; %(amounts)s, %(days)s.") % {
        "leg": rule.get_leg_display(),
        "how": rule.get_cardinality_display(),
        "keys": keys(rule),
        "amounts": _amounts(rule.tolerance_paise),
        "days": _days(rule),
    }
    if rule.ambiguity == Rule.Ambiguity.TWINS:
        told += " " + _("Equal twins of one payer are matched together.")
    return told if rule.is_active else told + " " + _("Runs leave it out.")


def keys(rule: Rule) -> str:
    """Its keys in the order they are tried."""
    return str(_(", then ")).join(str(Rule.Key(key).label) for key in rule.keys)


def value(name: str, of: Rule) -> str:
    """One thing that a version says, in words."""
    told: Any = getattr(of, name)
    if name == "fallbacks":
        return ", ".join(str(Rule.Key(key).label) for key in told) or _("nothing")
    if name == "tolerance_paise":
        return grouped_rupees(told) if told else _("none: to the paisa")
    if name == "window_days":
        return _window(told)
    if name == "is_active":
        return _("yes") if told else _("no")
    words = {"leg": Leg, "key": Rule.Key, "cardinality": Rule.Cardinality,
             "direction": Rule.Direction, "ambiguity": Rule.Ambiguity}  # fmt: skip
    return str(words[name](told).label) if name in words else str(told)


def differences(rule: Rule, before: Rule | None) -> list[dict[str, str | Promise]]:
    """What a version says otherwise than the one it follows."""
    if before is None:
        return []
    return [
        {"label": NAMES[name], "was": value(name, before), "is": value(name, rule)}
        for name in CONTENT
        if getattr(rule, name) != getattr(before, name)
    ]


def facts(rule: Rule) -> Sequence[dict[str, Any]]:
    """All that a version says."""
    return [{"label": NAMES[name], "text": value(name, rule)} for name in CONTENT]


def _amounts(paise: int) -> str:
    if not paise:
        return _("amounts agree to the paisa")
    return _("amounts agree but for %(paise)s of rounding") % {"paise": grouped_rupees(paise)}


def _window(days: int | None) -> str:
    if days is None:
        return _("any day")
    if not days:
        return _("the same working day")
    return ngettext("%(n)s working day", "%(n)s working days", days) % {"n": days}


def _days(rule: Rule) -> str:
    if rule.window_days is None:
        return _("on any day")
    if not rule.window_days:
        return _("on the same working day")
    if rule.direction == Rule.Direction.LATER:
        return _("the other side at most %(days)s later") % {"days": _window(rule.window_days)}
    return _("at most %(days)s apart") % {"days": _window(rule.window_days)}
