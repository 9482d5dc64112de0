"""What people type or choose on the pages of the sources."""

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

_OFF = {"autocomplete": "off"}


class HolidayForm(forms.Form):
    """One bank holiday."""

    day = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}))
    name = forms.CharField(label=_("Name"), max_length=80, widget=forms.TextInput(attrs=_OFF))
    state = forms.CharField(
        label=_("State"),
        required=False,
        max_length=2,
        widget=forms.TextInput(attrs=_OFF),
        validators=[RegexValidator(r"\A[A-Za-z]{2}\Z", _("Expected two letters, such as CG."))],
        help_text=_("Two letters, such as CG; empty: the whole country."),
    )

    def clean_state(self) -> str:
        """However it was typed."""
        return str(self.cleaned_data["state"]).upper()


class HolidayKey(forms.Form):
    """Which holiday is meant."""

    day = forms.DateField()
    state = forms.CharField(required=False, max_length=2)


class HolidayFile(forms.Form):
    """A list of holidays as CSV."""

    file = forms.FileField(
        label=_("File"),
        allow_empty_file=True,
        help_text=_("CSV with the columns date, name, state; taken whole or refused."),
    )


class YearFilter(forms.Form):
    """Which year of the calendar is shown."""

    year = forms.IntegerField(required=False, min_value=2000, max_value=2199)
