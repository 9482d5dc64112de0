"""What people type or choose on the pages of cheques."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from attachments.forms import PhotoField
from channels_.contract import Method
from channels_.models import BankAccount
from counters.paper.returns import CODES
from counters.registers import BOARDS
from counters.states import PaperState
from cspdcl.kernel.clock import today
from payments.forms import DAY_FORMATS

AGES: Final = {
    "0-3": (_("up to 3 days"), 0, 3),
    "4-7": (_("4 to 7 days"), 4, 7),
    "8-30": (_("8 to 30 days"), 8, 30),
    "31-": (_("more than 30 days"), 31, None),
}
PAPERS: Final = (Method.CHEQUE, Method.DEMAND_DRAFT, Method.POSTAL_ORDER, Method.CARD)


class RegisterFilter(forms.Form):
    """What the register may be narrowed by."""

    board = forms.ChoiceField(required=False, choices=[(code, code) for code in BOARDS])
    state = forms.MultipleChoiceField(required=False, choices=PaperState.choices)
    method = forms.MultipleChoiceField(
        required=False, choices=[(one.value, one.value) for one in PAPERS]
    )
    age = forms.MultipleChoiceField(required=False, choices=[(code, code) for code in AGES])
    office = forms.MultipleChoiceField(required=False)
    bank = forms.CharField(required=False, max_length=80)
    q = forms.CharField(required=False, max_length=24)
    since = forms.DateField(required=False, input_formats=DAY_FORMATS)
    until = forms.DateField(required=False, input_formats=DAY_FORMATS)

    def __init__(self, *args: Any, offices: list[tuple[str, str]], **kwargs: Any) -> None:
        """``offices``: those that the person sees, by code."""
        super().__init__(*args, **kwargs)
        field = self.fields["office"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - declared above
        field.choices = offices


class HeapForm(forms.Form):
    """The list that a person has seen, by its count and sum."""

    act = forms.CharField(max_length=16)
    seen_count = forms.IntegerField(min_value=1)
    seen_paise = forms.IntegerField(min_value=1)


class ReturnForm(forms.Form):
    """A return as the bank's memo tells it."""

    on = forms.DateField(
        label=_("Returned by the bank on"),
        input_formats=DAY_FORMATS,
        initial=today,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    code = forms.ChoiceField(label=_("Reason, as on the memo"))
    words = forms.CharField(
        label=_("Words of the bank"),
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    memo = PhotoField(label=_("Picture of the memo"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The reasons in the language of who reads."""
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        known = [(code, f"{code} {one.words}") for code, one in sorted(CODES.items())]
        field.choices = [("", _("Choose")), *known]


class ReasonForm(forms.Form):
    """Why somebody decides so; where the reason may stay empty the action says when it may not."""

    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class MadeGoodForm(forms.Form):
    """Which payment stands for which part of the paper."""

    share = forms.IntegerField(widget=forms.HiddenInput)
    payment = forms.CharField(max_length=32)


class LiftForm(forms.Form):
    """Whose bar is lifted, and why."""

    consumer = forms.RegexField(r"^[0-9]{6,12}$", widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class ReturnFileForm(forms.Form):
    """A bank's file of returned cheques."""

    account = forms.ChoiceField(label=_("Bank account"))
    file = forms.FileField(label=_("File"), allow_empty_file=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The accounts that exist now."""
        super().__init__(*args, **kwargs)
        field = self.fields["account"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        rows = BankAccount.objects.order_by("code").values_list("code", "name")
        field.choices = [("", _("Choose")), *rows]


class LineForm(forms.Form):
    """A person settles one line: by a paper, or by leaving it with a reason."""

    paper = forms.UUIDField(required=False)
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class StepForm(forms.Form):
    """A step of a legal notice."""

    step = forms.ChoiceField(choices=[(one, one) for one in ("sent", "served", "close")])
    on = forms.DateField(
        label=_("On"),
        required=False,
        input_formats=DAY_FORMATS,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    outcome = forms.CharField(
        label=_("How it ended"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        """A day or words, as the step wants."""
        said: dict[str, Any] = super().clean() or {}
        if said.get("step") in ("sent", "served") and not said.get("on"):
            self.add_error("on", _("On which day?"))
        return said
