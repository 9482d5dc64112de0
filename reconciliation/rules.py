"""What a rule may be, and the rules a new installation starts with: rows in the database."""

from typing import Final, NamedTuple

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from reconciliation.models import Leg, Rule, Stage


class Key(TextChoices):
    """What two entries must have in common. A rule without a key would match on luck."""

    CHANNEL_REF = "channel_ref", _("the channel's id")
    REFERENCE = "reference", _("our reference")
    RRN = "rrn", _("the RRN")
    UTR = "utr", _("the UTR")
    DEPOSIT_REF = "deposit_ref", _("the deposit slip")
    EVIDENCE = "evidence", _("the line it was made of")
    INSTRUMENT = "instrument", _("the number of the cheque")


STAGE_OF: Final = {
    Leg.RECEIPT_CHANNEL: Stage.CHANNEL,
    Leg.CHANNEL_BANK: Stage.BANK,
    Leg.DEPOSIT_BANK: Stage.BANK,
    Leg.TRANSFER_BANK: Stage.BANK,
}


class Starting(NamedTuple):
    """One rule of a new installation."""

    code: str
    priority: int
    leg: Leg
    key: Key
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
)


def active_rules() -> list[Rule]:
    """The rules in force, in the order they are tried."""
    return list(Rule.objects.filter(is_active=True).order_by("priority", "code"))
