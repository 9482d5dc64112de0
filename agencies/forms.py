"""What people type about agencies: a change of a float, the answer to it, a rotation."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from agencies.models import FloatChange
from payments.forms import RupeesField

HOURS_MOST: Final = 168


class FloatForm(forms.Form):
    """A change that somebody proposes."""

    kind = forms.ChoiceField(
        label=_("What"), choices=FloatChange.Kind.choices, initial=FloatChange.Kind.TOP_UP
    )
    amount = RupeesField(label=_("Amount, ₹"))
    utr = forms.CharField(
        label="UTR",
        required=False,
        max_length=40,
        help_text=_("Of the credit that pays a top-up."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    why = forms.CharField(
        label=_("Why"),
        max_length=200,
        min_length=3,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_utr(self) -> str:
        """In capitals, as banks write it."""
        return str(self.cleaned_data["utr"]).strip().upper()

    def clean(self) -> dict[str, Any]:
        """What holds for one kind only."""
        cleaned = super().clean() or {}
        kind, amount = cleaned.get("kind"), cleaned.get("amount")
        if kind == FloatChange.Kind.TOP_UP and not cleaned.get("utr"):
            self.add_error("utr", _("A top-up names its credit."))
        if amount is not None and amount <= 0 and kind != FloatChange.Kind.CORRECTION:
            self.add_error("amount", _("More than zero is expected."))
        return cleaned


class AnswerForm(forms.Form):
    """What the second person says."""

    verdict = forms.ChoiceField(choices=[("approve", "approve"), ("reject", "reject")])
    answer = forms.CharField(required=False, max_length=200)

    def clean(self) -> dict[str, Any]:
        """A rejection needs a reason."""
        cleaned = super().clean() or {}
        if cleaned.get("verdict") == "reject" and not cleaned.get("answer"):
            self.add_error("answer", _("Say why it is rejected."))
        return cleaned


class RotateForm(forms.Form):
    """For how long the secret before is still believed."""

    hours = forms.IntegerField(
        label=_("Old secret valid for, hours"), min_value=0, max_value=HOURS_MOST, initial=24
    )
