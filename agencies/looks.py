"""How agencies read on a page: words, tones and icons."""

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_lazy as _

from agencies.models import FloatChange
from cspdcl.ui.looks import Look

CHANGES: Final[Mapping[str, Look]] = {
    FloatChange.State.PROPOSED: Look(FloatChange.State.PROPOSED.label, "prop"),
    FloatChange.State.APPROVED: Look(FloatChange.State.APPROVED.label, "ok"),
    FloatChange.State.REJECTED: Look(FloatChange.State.REJECTED.label, "", "circle-x"),
}

PAYMENTS: Final[Mapping[str, Look]] = {
    "held": Look(_("held"), "wait"),
    "paid": Look(_("paid"), "ok"),
    "cancelled": Look(_("cancelled"), "", "circle-x"),
    "expired": Look(_("hold ran out"), "", "clock-x"),
    "reversed": Look(_("reversed"), "open", "arrow-back-up"),
}
