"""What people type for each step that can be taken with a break."""

from datetime import date
from typing import Any, Final

from django import forms
from django.contrib.auth.models import Group
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from attachments.forms import PhotoField
from cspdcl.kernel.money import NotMoney, paise_from_rupees
from people.models import User
from people.roles import FINANCE
from reconciliation.desk.letters import WORDS_MAX
from reconciliation.desk.splitting import KINDS, Part
from reconciliation.models import Kind

_ONE_LINE: Final = {"autocomplete": "off"}
_PARTS: Final = 6  # rows of the page; more parts by splitting a part


def finance_people() -> list[User]:
    """Who may own a break, by name."""
    groups = Group.objects.filter(name__in=FINANCE)
    return list(
        User.objects.filter(groups__in=groups, is_active=True).distinct().order_by("username")
    )


class WhyStep(forms.Form):
    """Only a reason, for the second person and the auditor."""

    why = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        widget=forms.TextInput(attrs=_ONE_LINE),
        help_text=gettext_lazy("The second person and the auditor read it."),
    )


class TimingStep(WhyStep):
    """Until when it comes."""

    until = forms.DateField(
        label=gettext_lazy("It comes by"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("The last day. After it the break is on the list again by itself."),
    )
    field_order = ("until", "why")


class DisputeStep(WhyStep):
    """What is held against the channel, and where it is sent."""

    why = forms.CharField(
        label=gettext_lazy("What we hold against them"),
        max_length=WORDS_MAX,
        widget=forms.TextInput(attrs=_ONE_LINE),
        help_text=gettext_lazy("It stands in the letter; the second person reads it too."),
    )
    letter_to = forms.CharField(
        label=gettext_lazy("E-mail"), max_length=120, widget=forms.EmailInput(attrs=_ONE_LINE)
    )
    field_order = ("letter_to", "why")


class AskStep(forms.Form):
    """A question to the channel or bank."""

    letter_to = forms.CharField(
        label=gettext_lazy("E-mail"), max_length=120, widget=forms.EmailInput(attrs=_ONE_LINE)
    )
    words = forms.CharField(
        label=gettext_lazy("Question"),
        max_length=WORDS_MAX,
        widget=forms.TextInput(attrs=_ONE_LINE),
        help_text=gettext_lazy("Reference, day and amount stand in the letter already."),
    )


class NoteStep(forms.Form):
    """Words, and a paper if there is one."""

    words = forms.CharField(
        label=gettext_lazy("Note"), max_length=1000, widget=forms.Textarea(attrs={"rows": 3})
    )
    paper = PhotoField(label=gettext_lazy("Paper"), camera_first=False)


class OwnerStep(forms.Form):
    """Who cares for it, and by when."""

    owner = forms.ChoiceField(label=gettext_lazy("Owner"), required=False)
    due_on = forms.DateField(
        label=gettext_lazy("By"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("Empty: by the term of its reason."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The choices are the people of finance."""
        super().__init__(*args, **kwargs)
        self.people = {one.username: one for one in finance_people()}
        field = self.fields["owner"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        names = [(name, f"{one.full_name} ({name})") for name, one in self.people.items()]
        field.choices = [("", _("nobody")), *names]


class SplitStep(WhyStep):
    """The parts of a credit; rows without an amount are left out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """So many rows, each with amount, kind and name."""
        super().__init__(*args, **kwargs)
        kinds = [(kind, Kind(kind).label) for kind in KINDS]
        for number in range(1, _PARTS + 1):
            self.fields[f"amount_{number}"] = forms.CharField(
                label=_("Amount of part %(n)s, ₹") % {"n": number},
                required=number <= 2,
                max_length=20,
                widget=forms.TextInput(attrs={**_ONE_LINE, "inputmode": "decimal"}),
            )
            self.fields[f"what_{number}"] = forms.ChoiceField(
                label=_("What part %(n)s is") % {"n": number}, choices=kinds, required=number <= 2
            )
            self.fields[f"name_{number}"] = forms.CharField(
                label=_("UTR, slip or RRN of part %(n)s") % {"n": number},
                required=number <= 2,
                max_length=40,
                widget=forms.TextInput(attrs=_ONE_LINE),
            )
        self.order_fields([name for name in self.fields if name != "why"])

    def rows(self) -> list[list[forms.BoundField]]:
        """The fields of each part, for the page."""
        return [
            [self[f"{name}_{number}"] for name in ("amount", "what", "name")]
            for number in range(1, _PARTS + 1)
        ]

    def clean(self) -> dict[str, Any]:
        """Read the amounts as paise, each refused at its field."""
        cleaned: dict[str, Any] = super().clean() or {}
        parts: list[Part] = []
        for number in range(1, _PARTS + 1):
            text = cleaned.get(f"amount_{number}")
            if not text:
                continue
            try:
                paise = paise_from_rupees(text)
            except NotMoney as error:
                self.add_error(f"amount_{number}", str(error))
                continue
            what = Kind(cleaned.get(f"what_{number}") or KINDS[0])
            parts.append(Part(paise, what, cleaned.get(f"name_{number}") or ""))
        cleaned["parts"] = tuple(parts)
        return cleaned


class AnswerStep(forms.Form):
    """What became of a letter."""

    words = forms.CharField(
        label=gettext_lazy("Answer"), max_length=1000, widget=forms.Textarea(attrs={"rows": 3})
    )


def day_of(value: object) -> date | None:
    """A cleaned day, or none."""
    return value if isinstance(value, date) else None
