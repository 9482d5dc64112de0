"""How payments read on a page: words, tones and icons for states, methods and refunds."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from channels_.contract import Method
from cspdcl.ui.looks import Look
from payments.models import Refund
from payments.states import State

STATES: Final[Mapping[str, Look]] = {
    State.CREATED: Look(State.CREATED.label, "wait", "circle-dashed"),
    State.PENDING: Look(State.PENDING.label, "wait"),
    State.SUCCEEDED: Look(State.SUCCEEDED.label, "ok"),
    State.FAILED: Look(State.FAILED.label, "", "circle-x"),
    State.REVERSED: Look(State.REVERSED.label, "open", "arrow-back-up"),
}

METHODS: Final[Mapping[str, str | Promise]] = {
    Method.CASH: _("cash"),
    Method.CHEQUE: _("cheque"),
    Method.DEMAND_DRAFT: _("demand draft"),
    Method.POSTAL_ORDER: _("postal order"),
    Method.CARD: _("card"),
    Method.UPI: "UPI",
    Method.NETBANKING: _("net banking"),
    Method.WALLET: _("wallet"),
    Method.NEFT: "NEFT",
    Method.RTGS: "RTGS",
    Method.IMPS: "IMPS",
    Method.UNKNOWN: _("not told"),
}

REFUNDS: Final[Mapping[str, Look]] = {
    Refund.State.PENDING: Look(Refund.State.PENDING.label, "wait"),
    Refund.State.SUCCEEDED: Look(Refund.State.SUCCEEDED.label, "ok"),
    Refund.State.FAILED: Look(Refund.State.FAILED.label, "bad"),
}
