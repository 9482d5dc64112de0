"""What people say about unknown money."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from enquiries.states import OPEN, State


class UnknownFilter(forms.Form):
    """What the list of unknown money may be narrowed by."""

    state = forms.MultipleChoiceField(
        required=False, choices=[(one.value, one.label) for one in State if one in OPEN]
    )
    channel = forms.MultipleChoiceField(required=False)

    def __init__(self, *args: Any, channels: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        channel = self.fields["channel"]
        if isinstance(channel, forms.MultipleChoiceField):
            channel.choices = channels


class DecideForm(forms.Form):
    """Why no money can have come."""

    reason = forms.CharField(
        label=_("Why"),
        max_length=60,
        min_length=5,
        help_text=_(
            "Stands on the payment for good, for example: not in the settlement report, "
            "the bank confirmed that it gave the money back."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
