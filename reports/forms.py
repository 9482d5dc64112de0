"""What every report wants to know."""

from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.models import Counter
from people.access import offices_of
from people.models import Office, User


class DayInput(forms.DateInput):
    """The browser's own calendar, which wants a day as yyyy-mm-dd."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class DayForm(forms.Form):
    """The business date; a report that may be narrowed adds fields of its own.

    ``reader`` is who asks: a form offers nothing that they may not see.
    """

    day = forms.DateField(label=gettext_lazy("Day"), widget=DayInput)

    def __init__(self, *args: Any, reader: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reader = reader


class OfficeForm(DayForm):
    """A day, and perhaps one of the reader's offices, with all below it."""

    office = forms.ModelChoiceField(
        label=gettext_lazy("Office"),
        required=False,
        queryset=Office.objects.none(),
        to_field_name="code",
        empty_label=gettext_lazy("every office"),
    )

    def __init__(self, *args: Any, reader: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, reader=reader, **kwargs)
        offices = self.fields["office"]
        if isinstance(offices, forms.ModelChoiceField):
            offices.queryset = _with_counters(reader)


class PeriodForm(OfficeForm):
    """Days from the first to the last, both of them in; without a last day it is one day."""

    DAYS_MAX: ClassVar[int] = 366

    until = forms.DateField(label=gettext_lazy("until"), required=False, widget=DayInput)

    field_order = ("day", "until", "office")

    def clean(self) -> dict[str, Any]:
        """The last day is not before the first, and not too far from it."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = given.get("day"), given.get("until")
        if first and last and last < first:
            self.add_error("until", _("The last day is before the first."))
        elif first and last and last - first >= timedelta(days=self.DAYS_MAX):
            words = _("At most %(days)s days at once.") % {"days": self.DAYS_MAX}
            self.add_error("until", words)
        return given


class MonthForm(PeriodForm):
    """A month of days at most: a book whose every line is written."""

    DAYS_MAX: ClassVar[int] = 31


def _with_counters(reader: User | None) -> QuerySet[Office]:
    seen = offices_of(reader) if reader else Office.objects.all()
    below = Counter.objects.filter(office__path__startswith=OuterRef("path"))
    return seen.filter(Exists(below)).order_by("path")
