"""What people type into a rate card, and of a claim."""

from decimal import Decimal
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cspdcl.kernel.money import NotMoney, Paise, paise_from_rupees
from payments.looks import METHODS
from reconciliation.rulebook.rates import ROWS_MAX

_BLANK_ROWS = 3


class RupeesField(forms.CharField):
    """An amount that a person types in rupees, not negative; it is whole paise from there on."""

    def clean(self, value: Any) -> Paise | None:
        """The paise; nothing for an empty field that may stay empty."""
        text = super().clean(value)
        if not text:
            return None
        try:
            paise = paise_from_rupees(text)
        except NotMoney as wrong:
            raise ValidationError(str(wrong)) from wrong
        if paise < 0:
            raise ValidationError(_("Not below 0.00."))
        return paise


def _rupees(label: Any) -> RupeesField:
    return RupeesField(
        label=label, required=False, widget=forms.TextInput(attrs={"inputmode": "decimal"})
    )


class RateRowForm(forms.Form):
    """One rate; a row without a method is none."""

    method = forms.ChoiceField(
        label=gettext_lazy("Mode"),
        required=False,
        choices=[("", "–"), *METHODS.items()],  # noqa: RUF001 - a dash
    )
    network = forms.CharField(label=gettext_lazy("Network"), required=False, max_length=24)
    from_paise = _rupees(gettext_lazy("From, ₹"))
    percent = forms.DecimalField(
        label=gettext_lazy("Per cent"), required=False, min_value=0, max_value=100,
        max_digits=7, decimal_places=4,
    )  # fmt: skip
    flat_paise = _rupees(gettext_lazy("Flat, ₹"))
    cap_paise = _rupees(gettext_lazy("At most, ₹"))
    tax_percent = forms.DecimalField(
        label=gettext_lazy("GST, per cent"), required=False, min_value=0, max_value=100,
        max_digits=5, decimal_places=2,
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """What was left empty is nothing, but for the GST, which is 18 per cent."""
        told: dict[str, Any] = super().clean() or self.cleaned_data
        for name in ("from_paise", "flat_paise", "percent"):
            if name in told and told[name] is None:
                told[name] = Decimal(0) if name == "percent" else 0
        if "tax_percent" in told and told["tax_percent"] is None:
            told["tax_percent"] = Decimal(18)
        if told.get("cap_paise") == 0:
            self.add_error("cap_paise", _("A cap is above 0.00, or empty."))
        return told


RateRows = forms.formset_factory(
    RateRowForm, extra=_BLANK_ROWS, max_num=ROWS_MAX, absolute_max=ROWS_MAX, validate_max=True
)


class RateCardForm(forms.Form):
    """From when a card holds, and why."""

    valid_from = forms.DateField(
        label=gettext_lazy("Holds for payments from"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Such as the letter it was agreed by; the second person reads it."),
    )


class ClaimForm(forms.Form):
    """That a claim was sent, or what it was answered: the button that was pressed says which."""

    CLAIMED: Final = "claimed"
    ANSWERED: Final = "answered"

    what = forms.ChoiceField(
        label=gettext_lazy("What"),
        choices=[(CLAIMED, gettext_lazy("Claimed")), (ANSWERED, gettext_lazy("Answered"))],
    )
    on = forms.DateField(
        label=gettext_lazy("On"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    paid_back = RupeesField(
        label=gettext_lazy("Pays back, ₹"),
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=300,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
