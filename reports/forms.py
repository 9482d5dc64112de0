"""What every report wants to know."""

from django import forms
from django.utils.translation import gettext_lazy


class DayInput(forms.DateInput):
    """The browser's own calendar, which wants a day as yyyy-mm-dd."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class DayForm(forms.Form):
    """The business date; a report that may be narrowed adds fields of its own."""

    day = forms.DateField(label=gettext_lazy("Day"), widget=DayInput)
