"""What a rule may be, which rules hold for a day, and those a new installation starts with."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cspdcl.kernel.clock import today
from reconciliation.models import Leg, Rule, Stage

Key = Rule.Key
Cardinality = Rule.Cardinality

STAGE_OF: Final = {
    Leg.RECEIPT_CHANNEL: Stage.CHANNEL,
    Leg.CHANNEL_BANK: Stage.BANK,
    Leg.DEPOSIT_BANK: Stage.BANK,
    Leg.TRANSFER_BANK: Stage.BANK,
    Leg.RECEIPT_ERP: Stage.ERP,
}


def stage_of(rule: Rule) -> Stage:
    """The proof in which a rule matches."""
    return STAGE_OF[Leg(rule.leg)]


class Shape(NamedTuple):
    """What a rule of one leg and cardinality may be made of: what its pass understands."""

    keys: frozenset[str]
    fallbacks: frozenset[str] = frozenset()
    has_window: bool = False
    has_tolerance: bool = False
    has_twins: bool = False


# The closed list: what is not here has no pass, and no version says it.
SHAPES: Final[Mapping[tuple[str, str], Shape]] = {
    (Leg.RECEIPT_CHANNEL, Cardinality.ONE_TO_ONE): Shape(
        keys=frozenset({Key.CHANNEL_REF, Key.REFERENCE, Key.RRN}),
        fallbacks=frozenset({Key.REFERENCE, Key.RRN}),
        has_window=True,
        has_tolerance=True,
        has_twins=True,
    ),
    (Leg.RECEIPT_CHANNEL, Cardinality.MANY_TO_MANY): Shape(
        keys=frozenset({Key.REFERENCE, Key.RRN}),
        fallbacks=frozenset({Key.REFERENCE, Key.RRN}),
        has_window=True,
        has_tolerance=True,
    ),
    (Leg.RECEIPT_CHANNEL, Cardinality.NIL): Shape(keys=frozenset({Key.REFERENCE})),
    (Leg.CHANNEL_BANK, Cardinality.MANY_TO_ONE): Shape(
        keys=frozenset({Key.UTR}), has_window=True, has_tolerance=True
    ),
    (Leg.CHANNEL_BANK, Cardinality.IN_PARTS): Shape(keys=frozenset({Key.UTR})),
    (Leg.CHANNEL_BANK, Cardinality.NIL): Shape(keys=frozenset({Key.UTR})),
    (Leg.CHANNEL_BANK, Cardinality.CARRIED): Shape(keys=frozenset({Key.UTR})),
    (Leg.DEPOSIT_BANK, Cardinality.MANY_TO_ONE): Shape(
        keys=frozenset({Key.DEPOSIT_REF, Key.INSTRUMENT}), has_window=True, has_tolerance=True
    ),
    (Leg.DEPOSIT_BANK, Cardinality.NIL): Shape(keys=frozenset({Key.REFERENCE})),
    (Leg.TRANSFER_BANK, Cardinality.MANY_TO_ONE): Shape(
        keys=frozenset({Key.UTR, Key.RRN, Key.EVIDENCE}),
        fallbacks=frozenset({Key.UTR, Key.RRN}),
        has_window=True,
        has_tolerance=True,
    ),
    (Leg.RECEIPT_ERP, Cardinality.ONE_TO_ONE): Shape(
        keys=frozenset({Key.REFERENCE}), has_window=True
    ),
    (Leg.RECEIPT_ERP, Cardinality.NIL): Shape(keys=frozenset({Key.REFERENCE})),
}

# Looked up by ways of their own, at a time of their own: nothing is tried after them.
_ALONE: Final = frozenset({Key.CHANNEL_REF, Key.EVIDENCE, Key.INSTRUMENT})
_WITHOUT_WINDOW: Final = frozenset({Key.EVIDENCE})

# What a version says, and what makes it the same version when it is tried and approved.
CONTENT: Final = (
    "priority", "leg", "key", "fallbacks", "cardinality", "tolerance_paise", "window_days",
    "direction", "ambiguity", "is_active",
)  # fmt: skip

Wrong = dict[str, str | Promise]


def wrong_in(content: Mapping[str, Any]) -> Wrong:
    """What a rule of this content cannot be, by field; nothing: its pass understands all of it."""
    shape = SHAPES.get((content["leg"], content["cardinality"]))
    if shape is None:
        return {"cardinality": _("These two books are not compared in this way.")}
    wrong: Wrong = {}
    key, fallbacks = content["key"], content.get("fallbacks") or []
    if key not in shape.keys:
        wrong["key"] = _("These two books have no such key in common.")
    if not set(fallbacks) <= shape.fallbacks or (fallbacks and key in _ALONE):
        wrong["fallbacks"] = _("No such key can be tried after the first one.")
    elif len({key, *fallbacks}) != 1 + len(fallbacks):
        wrong["fallbacks"] = _("A key is tried once.")
    if content.get("window_days") is not None and (not shape.has_window or key in _WITHOUT_WINDOW):
        wrong["window_days"] = _("A rule of this kind has no window of days.")
    if content.get("tolerance_paise") and not shape.has_tolerance:
        wrong["tolerance_paise"] = _("A rule of this kind agrees to the paisa.")
    if content.get("ambiguity") == Rule.Ambiguity.TWINS and (
        not shape.has_twins or key == Key.CHANNEL_REF
    ):
        wrong["ambiguity"] = _("Twins are matched by our reference or the RRN alone.")
    return wrong


def content_of(rule: Rule) -> dict[str, Any]:
    """What a version says."""
    return {name: getattr(rule, name) for name in CONTENT}


def content_hash(rule: Rule) -> str:
    """The same for two versions that say the same."""
    told = json.dumps(content_of(rule), sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()


def in_force(day: date) -> QuerySet[Rule]:
    """The version of each rule that holds for a business date, also of rules that rest."""
    approved = Q(state__in=[Rule.State.ACTIVE, Rule.State.RETIRED])
    last = Q(effective_until__isnull=True) | Q(effective_until__gte=day)
    return Rule.objects.filter(approved & last, effective_from__lte=day)


def active_rules(day: date | None = None) -> list[Rule]:
    """The rules that runs of a business date use, in the order they are tried; today's without."""
    held = in_force(day or today()).filter(is_active=True)
    return list(held.order_by("priority", "code"))


def beside(day: date) -> dict[str, int]:
    """The versions in force when another one begins, the one it follows among them."""
    held = in_force(max(day, today())).order_by("code")
    return dict(held.values_list("code", "version"))


class Starting(NamedTuple):
    """One rule of a new installation."""

    code: str
    priority: int
    leg: Leg
    key: Rule.Key
    cardinality: Rule.Cardinality
    is_active: bool = True


STARTING_RULES: Final = (
    Starting("cancelled", 5, Leg.DEPOSIT_BANK, Key.REFERENCE, Rule.Cardinality.NIL),
    Starting(
        "channel_id_exact", 10, Leg.RECEIPT_CHANNEL, Key.CHANNEL_REF, Rule.Cardinality.ONE_TO_ONE
    ),
    Starting(
        "reference_exact", 20, Leg.RECEIPT_CHANNEL, Key.REFERENCE, Rule.Cardinality.ONE_TO_ONE
    ),
    Starting("rrn_exact", 30, Leg.RECEIPT_CHANNEL, Key.RRN, Rule.Cardinality.ONE_TO_ONE),
    Starting("taken_back", 35, Leg.RECEIPT_CHANNEL, Key.REFERENCE, Rule.Cardinality.NIL),
    Starting("settlement_utr_sum", 40, Leg.CHANNEL_BANK, Key.UTR, Rule.Cardinality.MANY_TO_ONE),
    # Who has agreed on it with a channel switches it on: elsewhere two credits are a choice.
    Starting(
        "settlement_in_parts",
        45,
        Leg.CHANNEL_BANK,
        Key.UTR,
        Rule.Cardinality.IN_PARTS,
        is_active=False,
    ),
    Starting("settlement_nil", 50, Leg.CHANNEL_BANK, Key.UTR, Rule.Cardinality.NIL),
    Starting("settlement_carried", 60, Leg.CHANNEL_BANK, Key.UTR, Rule.Cardinality.CARRIED),
    Starting("returned_cheque", 65, Leg.DEPOSIT_BANK, Key.INSTRUMENT, Rule.Cardinality.MANY_TO_ONE),
    Starting(
        "deposit_slip_sum", 70, Leg.DEPOSIT_BANK, Key.DEPOSIT_REF, Rule.Cardinality.MANY_TO_ONE
    ),
    Starting(
        "transfer_evidence", 75, Leg.TRANSFER_BANK, Key.EVIDENCE, Rule.Cardinality.MANY_TO_ONE
    ),
    Starting("transfer_utr_exact", 80, Leg.TRANSFER_BANK, Key.UTR, Rule.Cardinality.MANY_TO_ONE),
    Starting("transfer_rrn_exact", 90, Leg.TRANSFER_BANK, Key.RRN, Rule.Cardinality.MANY_TO_ONE),
    Starting("posting_exact", 100, Leg.RECEIPT_ERP, Key.REFERENCE, Rule.Cardinality.ONE_TO_ONE),
    Starting("posting_nil", 110, Leg.RECEIPT_ERP, Key.REFERENCE, Rule.Cardinality.NIL),
)
