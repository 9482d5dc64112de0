"""What people type about the way to the bank: slips, bags, stamps, the end of the day."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from attachments.forms import PhotoField
from counters.closing import WHY_MAX
from counters.deposits import is_too_old
from counters.drawer_forms import CountForm
from counters.models import Instrument
from counters.paper.returns import return_code
from cspdcl.kernel.clock import today
from cspdcl.kernel.money import grouped_rupees

_SLIP = forms.RegexField(
    r"^[A-Z0-9][A-Z0-9-]{2,23}$",
    label=_("Slip number"),
    required=False,
    max_length=24,
    help_text=_("As printed; leave it empty to have one made."),
    error_messages={"invalid": _("3 to 24 capitals, digits and hyphens.")},
)


class PaperSlipForm(forms.Form):
    """A slip of papers, or of a machine's cash."""

    submit_key = forms.UUIDField(widget=forms.HiddenInput)
    slip_number = _SLIP
    again = forms.MultipleChoiceField(
        label=_("Returned papers that are presented once more"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, returned: Sequence[Instrument], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        again = self.fields["again"]
        if isinstance(again, forms.MultipleChoiceField):
            again.choices = [(str(one.public_id), _told(one)) for one in returned]
        # Only what came back for a reason of the banks goes again unasked.
        fit = [
            one
            for one in returned
            if return_code(one.return_code).may_represent and not is_too_old(one, on=today())
        ]
        self.initial.setdefault("again", [str(one.public_id) for one in fit])


class CashSlipForm(PaperSlipForm, CountForm):
    """A slip with cash out of the safe: by note and coin. Papers may go the same way."""


class BagForm(forms.Form):
    """A bag and the slips in it."""

    number = forms.CharField(label=_("Number on the seal"), max_length=24)
    slips = forms.MultipleChoiceField(label=_("Slips"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        slips = self.fields["slips"]
        if isinstance(slips, forms.MultipleChoiceField):
            slips.choices = choices


class CarrierForm(forms.Form):
    """Who takes the bag to the bank."""

    carrier = forms.CharField(label=_("Carried by"), max_length=120)


class StampForm(forms.Form):
    """What came back from the bank."""

    bank_ref = forms.CharField(label=_("Bank's reference"), max_length=40, required=False)
    photo = PhotoField(label=_("Stamped slip"))


class CloseDayForm(forms.Form):
    """The end of the day."""

    stays = forms.CharField(
        label=_("Why money stays over night"), max_length=WHY_MAX, required=False
    )


def _told(paper: Instrument) -> str:
    """What a person knows a returned paper by, and why it came back."""
    why = f"{paper.return_code} {paper.return_words}".strip()
    return f"{paper.number} · {paper.bank_name} · {grouped_rupees(paper.amount_paise)} · {why}"
