"""What people type about what leaves the house."""

from django import forms
from django.utils.translation import gettext_lazy as _

from outgoing.states import Channel, State

_DAY_FORMATS = ("%Y-%m-%d", "%d-%m-%Y")


class OutgoingFilter(forms.Form):
    """What the list may be narrowed by."""

    q = forms.CharField(required=False, max_length=120)
    channel = forms.MultipleChoiceField(required=False, choices=Channel.choices)
    state = forms.MultipleChoiceField(required=False, choices=State.choices)
    unclear = forms.MultipleChoiceField(required=False, choices=[("yes", "yes")])
    since = forms.DateField(required=False, input_formats=_DAY_FORMATS)
    until = forms.DateField(required=False, input_formats=_DAY_FORMATS)


class SentByHandForm(forms.Form):
    """When it was posted, and what proves it."""

    on = forms.DateField(
        label=_("Posted on"),
        input_formats=_DAY_FORMATS,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    ref = forms.CharField(
        label=_("Number of the consignment"),
        max_length=80,
        min_length=3,
        help_text=_("As on the receipt of the post office; it proves the day before a court."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
