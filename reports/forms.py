"""What every report wants to know."""

from django import forms
from django.utils.translation import gettext_lazy


class DayForm(forms.Form):
    """The business date; a report that may be narrowed adds fields of its own."""

    day = forms.DateField(label=gettext_lazy("Day"))
