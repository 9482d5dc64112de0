"""What people type about payments: filters, a payment at the counter, a cancellation."""

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from channels_.contract import Method
from channels_.models import Channel
from cspdcl.kernel.money import PAISE_MAX, NotMoney, Paise, grouped_rupees, paise_from_rupees
from payments.states import State

DAY_FORMATS: Final = ("%Y-%m-%d", "%d-%m-%Y")


class RupeesField(forms.CharField):
    """An amount in rupees as people write it; its value is whole paise."""

    default_error_messages = {"rupees": _("Write rupees such as 1,234.50.")}
    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def to_python(self, value: Any) -> Any:
        """Read the text; an empty one is None."""
        text = super().to_python(value)
        if text in self.empty_values:
            return None
        try:
            return paise_from_rupees(str(text).removeprefix("₹"))
        except NotMoney as error:
            raise forms.ValidationError(self.error_messages["rupees"], code="rupees") from error

    def prepare_value(self, value: Any) -> Any:
        """Paise from the page are written as rupees; what was typed stays as typed."""
        return grouped_rupees(value) if isinstance(value, int) else value


class PaymentFilter(forms.Form):
    """What the list of payments may be narrowed by."""

    q = forms.CharField(required=False, max_length=64)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
    channel = forms.MultipleChoiceField(required=False)
    state = forms.MultipleChoiceField(required=False, choices=State.choices)
    method = forms.MultipleChoiceField(
        required=False, choices=[(method.value, method.value) for method in Method]
    )
    least = RupeesField(required=False)
    most = RupeesField(required=False)

    def __init__(self, *args: Any, channels: Sequence[Channel], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        channel = self.fields["channel"]
        if isinstance(channel, forms.MultipleChoiceField):
            channel.choices = [(one.code, one.name) for one in channels]


class UpiForm(forms.Form):
    """A QR code that is asked for on the clerk's page; the key was made with the empty form."""

    submit_key = forms.UUIDField()
    consumer = forms.RegexField(r"^[0-9]{6,12}$")
    bill = forms.CharField(required=False, max_length=20)
    amount = RupeesField(label=_("Amount, ₹"))

    def clean_amount(self) -> Paise:
        """Above zero, and no more than a payment can be."""
        amount: Paise = self.cleaned_data["amount"]
        if not 0 < amount <= PAISE_MAX:
            raise forms.ValidationError(_("More than zero is expected."))
        return amount


class CancelForm(forms.Form):
    """Why a receipt is cancelled."""

    reason = forms.CharField(
        label=_("Why"),
        max_length=60,
        min_length=5,
        help_text=_("Stands on the payment for good, for example: wrong consumer number."),
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
    )
