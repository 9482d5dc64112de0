"""What people type about refunds, disputes and money that came back."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cspdcl.kernel.clock import today
from payments.forms import DAY_FORMATS, RupeesField
from payments.states import DisputeState
from refunds.answering import SUMMARY_MAX
from refunds.states import State

_PLAIN_INPUT = {"autocomplete": "off"}


class RefundFilter(forms.Form):
    """What the list of refunds may be narrowed by."""

    state = forms.MultipleChoiceField(required=False, choices=State.choices)


class DisputeFilter(forms.Form):
    """What the list of disputes may be narrowed by."""

    state = forms.MultipleChoiceField(required=False, choices=DisputeState.choices)


class AskForm(forms.Form):
    """How much shall go back, and why."""

    amount = RupeesField(label=_("Amount to go back, ₹"))
    reason = forms.CharField(
        label=_("Why"),
        max_length=200,
        min_length=5,
        help_text=_("Stands on the refund for good, for example: the bill was paid twice."),
        widget=forms.TextInput(attrs=_PLAIN_INPUT),
    )
    submit_key = forms.RegexField(r"^[A-Za-z0-9_-]{16,64}$", widget=forms.HiddenInput())

    def clean_amount(self) -> int:
        """More than nothing."""
        amount = int(self.cleaned_data["amount"])
        if amount <= 0:
            raise forms.ValidationError(_("More than zero is expected."))
        return amount


class VerdictForm(forms.Form):
    """What the second person says."""

    verdict = forms.ChoiceField(choices=[("approve", "approve"), ("refuse", "refuse")])
    answer = forms.CharField(
        label=_("Answer"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs=_PLAIN_INPUT),
    )

    def clean(self) -> dict[str, Any]:
        """A refusal needs a reason."""
        cleaned = super().clean() or {}
        if cleaned.get("verdict") == "refuse" and not cleaned.get("answer"):
            self.add_error("answer", _("Say why it is refused."))
        return cleaned


class DoneForm(forms.Form):
    """What became of a refund that a person did, and what proves it."""

    outcome = forms.ChoiceField(choices=[("paid", "paid"), ("failed", "failed")])
    note = forms.CharField(
        label=_("What proves it"),
        max_length=200,
        min_length=3,
        help_text=_("A UTR, a cheque number, or the channel's own page."),
        widget=forms.TextInput(attrs=_PLAIN_INPUT),
    )


class EvidenceForm(forms.Form):
    """Our answer to a dispute."""

    summary = forms.CharField(
        label=_("What proves us right"),
        max_length=SUMMARY_MAX,
        min_length=5,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    accept = forms.BooleanField(label=_("We give in: the payer keeps the money"), required=False)


class NoteForm(forms.Form):
    """What was done at the channel's own pages, and where that is seen."""

    note = forms.CharField(
        label=_("What proves it"),
        max_length=200,
        min_length=3,
        widget=forms.TextInput(attrs=_PLAIN_INPUT),
    )


class ConcludeForm(NoteForm):
    """A verdict that the channel told on paper or at its own pages only."""

    to = forms.ChoiceField(
        label=_("Verdict"),
        choices=[
            (one.value, one.label)
            for one in (DisputeState.WON, DisputeState.LOST, DisputeState.CLOSED)
        ],
    )


class CameBackForm(forms.Form):
    """Since when the payer has the money again, and who says so."""

    on = forms.DateField(
        label=_("Back since"),
        input_formats=DAY_FORMATS,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    note = forms.CharField(
        label=_("Who says so"),
        max_length=200,
        min_length=3,
        widget=forms.TextInput(attrs=_PLAIN_INPUT),
    )

    def clean_on(self) -> Any:
        """Not in the future."""
        on = self.cleaned_data["on"]
        if on > today():
            raise forms.ValidationError(_("This day has not come yet."))
        return on
