"""What people type at a counter: a payment, a deposit slip."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from channels_.contract import Method
from counters.paper.validity import cheque
from cspdcl.kernel.clock import today
from cspdcl.kernel.money import Paise, grouped_rupees
from payments import looks
from payments.forms import DAY_FORMATS, RupeesField
from payments.limits import CASH_LIMIT_PAISE

# What a counter page offers, by the word in the form.
TENDERS: Final = {
    "cash": Method.CASH,
    "cheque": Method.CHEQUE,
    "draft": Method.DEMAND_DRAFT,
}


class TakeForm(forms.Form):
    """A payment at a counter. The key is made with the empty form: sent twice, it counts once."""

    submit_key = forms.UUIDField(widget=forms.HiddenInput)
    consumer = forms.RegexField(r"^[0-9]{6,12}$", widget=forms.HiddenInput)
    bill = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)
    tender = forms.ChoiceField(
        choices=[(word, looks.METHODS[method]) for word, method in TENDERS.items()],
        widget=forms.RadioSelect,
        initial="cash",
    )
    amount = RupeesField(label=_("Amount, ₹"))
    received = RupeesField(label=_("Cash received, ₹"), required=False)
    instrument = forms.RegexField(
        r"^[0-9]{6}$",
        label=_("Cheque or draft no."),
        required=False,
        max_length=6,
        error_messages={"invalid": _("Six digits, as on the lower edge.")},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    micr = forms.RegexField(
        r"^[0-9]{9}$",
        label=_("MICR code"),
        required=False,
        max_length=9,
        error_messages={"invalid": _("Nine digits.")},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    instrument_date = forms.DateField(
        label=_("Its date"),
        required=False,
        input_formats=DAY_FORMATS,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    bank_name = forms.CharField(
        label=_("Drawn on bank"),
        required=False,
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    is_advance = forms.BooleanField(label=_("Take it as an advance"), required=False)

    def __init__(self, *args: Any, due_paise: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.due_paise = due_paise

    def clean_amount(self) -> Paise:
        """Above zero; more than is due only as an advance, since a slipped zero looks like one."""
        amount: Paise = self.cleaned_data["amount"]
        if amount <= 0:
            raise forms.ValidationError(_("More than zero is expected."))
        return amount

    def clean(self) -> dict[str, Any]:
        """What holds only for one kind of tender, each error at its field."""
        cleaned = super().clean() or {}
        amount = cleaned.get("amount")
        if amount is not None and amount > self.due_paise and not cleaned.get("is_advance"):
            words = _("Due is %(due)s. Tick “advance” to take more.")
            self.add_error(
                "amount",
                forms.ValidationError(words, params={"due": grouped_rupees(self.due_paise)}),
            )
        if cleaned.get("tender") == "cash":
            self._check_cash(amount, cleaned.get("received"))
        else:
            self._check_paper(cleaned)
        return cleaned

    @property
    def method(self) -> Method:
        """The tender in the words of the house."""
        return TENDERS[self.cleaned_data["tender"]]

    def _check_cash(self, amount: int | None, received: int | None) -> None:
        if amount is not None and amount >= CASH_LIMIT_PAISE:
            words = _("In cash less than %(limit)s only; the law says so.")
            limit = {"limit": grouped_rupees(CASH_LIMIT_PAISE)}
            self.add_error("amount", forms.ValidationError(words, params=limit))
        if amount is not None and received is not None and received < amount:
            self.add_error("received", _("Less than the amount."))

    def _check_paper(self, cleaned: dict[str, Any]) -> None:
        for name in ("instrument", "instrument_date", "bank_name"):
            if name not in self.errors and not cleaned.get(name):
                self.add_error(name, _("A cheque or draft needs this."))
        dated = cleaned.get("instrument_date")
        if dated and dated > today():
            self.add_error("instrument_date", _("Dated ahead: it cannot be cashed today."))
        if dated and dated <= today() and not cheque(dated, on=today()).is_good:
            self.add_error("instrument_date", _("Older than three months: the bank returns it."))


class SlipForm(forms.Form):
    """One deposit slip: the channel, and the bank's slip number when the branch gave one."""

    channel = forms.CharField(max_length=24, widget=forms.HiddenInput)
    slip_number = forms.RegexField(
        r"^[A-Z0-9][A-Z0-9-]{2,23}$",
        label=_("Slip number"),
        required=False,
        error_messages={"invalid": _("3 to 24 capitals, digits and hyphens.")},
    )
