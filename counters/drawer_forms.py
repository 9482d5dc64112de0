"""What people type about drawers and safes: counts by note and coin, moves, reasons."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from channels_.contract import Method
from counters.counterfeits import NOTES
from counters.counts import Counted
from counters.models import Difference, Instrument, Shift
from counters.paper.cash import DENOMINATIONS, PIECES_MAX, Denomination
from cspdcl.kernel.clock import today
from cspdcl.kernel.money import grouped_rupees
from payments import looks
from payments.forms import DAY_FORMATS, RupeesField

PAPERS: Final = (Method.CHEQUE, Method.DEMAND_DRAFT, Method.POSTAL_ORDER, Method.CARD)


class CountForm(forms.Form):
    """How many of each note and coin. The key is made with the empty form."""

    submit_key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kinds = [one for one in DENOMINATIONS.values() if one.is_accepted(today())]
        for one in self.kinds:
            self.fields[_name(one)] = _pieces(
                _("How many of ₹%(worth)s") % {"worth": _worth(one)}, worth=str(one.paise)
            )

    def clean(self) -> dict[str, Any]:
        """An empty form is a slip of the hand, not an empty drawer."""
        cleaned = super().clean() or {}
        if not self.errors and all(self.data.get(_name(one), "") == "" for one in self.kinds):
            first = _name(self.kinds[0])
            self.add_error(first, _("Type how many there are; 0 where there is none."))
        return cleaned

    @property
    def denominations(self) -> dict[str, object]:
        """The count as the books keep it."""
        return {one.key: self.cleaned_data.get(_name(one)) or 0 for one in self.kinds}

    def columns(self) -> list[dict[str, Any]]:
        """Notes, then coins: what the page draws side by side."""
        return [
            {"is_note": form == "note", "rows": [self._row(one) for one in self._of(form)]}
            for form in ("note", "coin")
        ]

    def _of(self, form: str) -> list[Denomination]:
        return [one for one in self.kinds if one.form == form]

    def _row(self, one: Denomination) -> dict[str, Any]:
        return {"worth": _worth(one), "field": self[_name(one)]}


class CloseForm(CountForm):
    """The count at close: cash, torn notes, and papers by count and sum."""

    torn = forms.IntegerField(
        label=_("Torn notes, not accepted"),
        required=False,
        min_value=0,
        max_value=PIECES_MAX,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["torn"].widget.attrs["data-walk-count"] = ""
        for method in PAPERS:
            name = looks.METHODS[method]
            self.fields[f"{method}_count"] = _pieces(_("%(paper)s: how many") % {"paper": name})
            self.fields[f"{method}_sum"] = RupeesField(
                label=_("%(paper)s: sum") % {"paper": name}, required=False
            )
            for part in ("count", "sum"):
                field = self.fields[f"{method}_{part}"]
                field.widget.attrs |= {"data-walk-count": "", "aria-label": str(field.label)}

    def clean(self) -> dict[str, Any]:
        """Papers have a number and a sum, or neither."""
        cleaned = super().clean()
        for method in PAPERS:
            if bool(cleaned.get(f"{method}_count")) != bool(cleaned.get(f"{method}_sum")):
                self.add_error(f"{method}_sum", _("A number and a sum, or neither."))
        return cleaned

    def papers(self) -> list[dict[str, Any]]:
        """The rows of papers, for the page."""
        return [
            {
                "name": looks.METHODS[method],
                "count": self[f"{method}_count"],
                "sum": self[f"{method}_sum"],
            }
            for method in PAPERS
        ]

    @property
    def counted(self) -> Counted:
        """The whole count."""
        cleaned = self.cleaned_data
        return Counted(
            denominations=self.denominations,
            torn_count=cleaned.get("torn") or 0,
            papers={
                method.value: (
                    cleaned.get(f"{method}_count") or 0,
                    cleaned.get(f"{method}_sum") or 0,
                )
                for method in PAPERS
            },
        )


class GiveForm(CountForm):
    """Cash for another drawer of the office."""

    to = forms.ChoiceField(label=_("To"))

    def __init__(self, *args: Any, beside: Sequence[Shift], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        to = self.fields["to"]
        if isinstance(to, forms.ChoiceField):
            to.choices = [
                (str(one.public_id), f"{one.clerk.get_full_name()}, {one.counter.name}")
                for one in beside
            ]


class BareForm(forms.Form):
    """Nothing but the press of a button."""


class PayOutForm(forms.Form):
    """Something that is paid from the drawer."""

    submit_key = forms.UUIDField(widget=forms.HiddenInput)
    amount = RupeesField(label=_("Amount, ₹"))
    voucher = forms.CharField(label=_("Voucher number"), max_length=40)
    reason = forms.CharField(label=_("What for"), max_length=200)


class FloatForm(forms.Form):
    """A float out of the safe: for a clerk."""

    submit_key = forms.UUIDField(widget=forms.HiddenInput)
    receiver = forms.ChoiceField(label=_("For"))
    amount = RupeesField(label=_("Amount, ₹"))

    def __init__(self, *args: Any, clerks: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        receiver = self.fields["receiver"]
        if isinstance(receiver, forms.ChoiceField):
            receiver.choices = list(clerks)


class CorrectionForm(CountForm):
    """What lies in the safe, and why the books are to follow."""

    reason = forms.CharField(label=_("Why"), max_length=200)


class CheckForm(CountForm):
    """A surprise check."""

    words = forms.CharField(
        label=_("Remarks"),
        max_length=400,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class AnswerForm(forms.Form):
    """Why something is refused or counted again."""

    reason = forms.CharField(label=_("Why"), max_length=120)


class AcceptForm(forms.Form):
    """The supervisor's yes; what is named stays in the drawer for the next shift."""

    keep = RupeesField(label=_("Stays as float, ₹"), required=False)
    missing = forms.MultipleChoiceField(label=_("Which are missing?"), required=False)

    def __init__(self, *args: Any, papers: Iterable[Instrument] = (), **kwargs: Any) -> None:
        """``papers``: those of which the count is short; what is missing is named among them."""
        super().__init__(*args, **kwargs)
        field = self.fields["missing"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - declared above
        field.choices = [(str(paper.public_id), paper.number) for paper in papers]


class ReasonForm(forms.Form):
    """Why one difference came about."""

    why = forms.ChoiceField(
        label=_("Reason"),
        choices=[("", _("Choose")), *Difference.Why.choices],
        error_messages={"required": _("Choose a reason.")},
    )
    words = forms.CharField(label=_("In words"), max_length=200, required=False)

    def clean(self) -> dict[str, Any]:
        """What the list has no reason for is said in words."""
        cleaned = super().clean() or {}
        if cleaned.get("why") == Difference.Why.OTHER and not cleaned.get("words"):
            self.add_error("words", _("Say in words what it was."))
        return cleaned


class CounterfeitForm(forms.Form):
    """A note that is impounded."""

    denomination = forms.TypedChoiceField(
        label=_("Note, ₹"), choices=[(one, one) for one in NOTES], coerce=int
    )
    serial = forms.CharField(label=_("Number of the note"), max_length=16)
    tendered_by = forms.CharField(label=_("Tendered by"), max_length=120, required=False)
    consumer_number = forms.RegexField(r"^[0-9]{6,12}$", label=_("Consumer number"), required=False)
    words = forms.CharField(label=_("Remarks"), max_length=200, required=False)


class PoliceForm(forms.Form):
    """When and under which number the police was told."""

    on = forms.DateField(
        label=_("Day of the report"),
        input_formats=DAY_FORMATS,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    number = forms.CharField(label=_("Number of the report"), max_length=40)


def _name(one: Denomination) -> str:
    return "n_" + one.key.replace(".", "_")


def _worth(one: Denomination) -> str:
    return grouped_rupees(one.paise).removesuffix(".00")


def _pieces(label: str, *, worth: str = "") -> forms.IntegerField:
    attrs = {
        "inputmode": "numeric",
        "autocomplete": "off",
        "aria-label": label,
        "data-walk-count": "",
        **({"data-worth": worth} if worth else {}),
    }
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=0,
        max_value=PIECES_MAX,
        widget=forms.TextInput(attrs=attrs),
    )
