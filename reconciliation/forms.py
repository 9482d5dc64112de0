"""What people type or choose on the pages of the books."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from channels_.models import StatementFile
from reconciliation import files
from reconciliation.listing import AGES
from reconciliation.models import Break, Decision, Reason, Run, Stage


class BreaksFilter(forms.Form):
    """What the list of breaks may be narrowed by."""

    state = forms.ChoiceField(required=False, choices=Break.State.choices)
    reason = forms.MultipleChoiceField(required=False, choices=Reason.choices)
    stage = forms.MultipleChoiceField(required=False, choices=Stage.choices)
    age = forms.MultipleChoiceField(required=False, choices=[(age.code, age.code) for age in AGES])
    channel = forms.MultipleChoiceField(required=False)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
    q = forms.CharField(required=False, max_length=64)

    def __init__(self, *args: Any, channels: list[str], **kwargs: Any) -> None:
        """``channels``: the codes that exist."""
        super().__init__(*args, **kwargs)
        field = self.fields["channel"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - declared above
        field.choices = [(code, code) for code in channels]


class ProposalForm(forms.Form):
    """A match or a write-off for a break, with its reason."""

    kind = forms.ChoiceField(
        choices=[(one, one.label) for one in (Decision.Kind.MATCH, Decision.Kind.WRITE_OFF)]
    )
    candidate = forms.CharField(required=False)  # read with getlist: any number may be ticked
    why = forms.CharField(
        label=_("Reason"),
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("The second person and the auditor read it."),
    )


class AssignForm(forms.Form):
    """Whose found money is: a consumer, or a schedule of many."""

    consumer_number = forms.CharField(
        label=_("Consumer number"),
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )
    schedule = forms.FileField(
        label=_("Schedule of many consumers"),
        required=False,
        allow_empty_file=True,
        help_text=_("CSV or Excel with the columns consumer_number and amount."),
    )
    why = forms.CharField(
        label=_("Reason"),
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("The auditor reads it, and the second person above the limit."),
    )


class WhyForm(forms.Form):
    """Only a reason."""

    why = forms.CharField(
        label=_("Reason"), max_length=300, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class CloseForm(forms.Form):
    """Why a day is closed; a day that is stated anew needs a reason."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, is_restated: bool = False, **kwargs: Any) -> None:
        """The first closing explains itself, a restatement does not."""
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = is_restated


class AnswerForm(forms.Form):
    """What the second person says."""

    verdict = forms.ChoiceField(choices=[("approve", "approve"), ("reject", "reject")])
    answer = forms.CharField(required=False, max_length=300)

    def clean(self) -> dict[str, Any]:
        """A rejection says why."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("verdict") == "reject" and not cleaned.get("answer", "").strip():
            self.add_error("answer", _("Say why: the maker reads it."))
        return cleaned


class UploadForm(forms.Form):
    """A statement file and whose it is."""

    source = forms.ChoiceField(label=_("Source"))
    file = forms.FileField(label=_("File"), allow_empty_file=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The choices are what is configured now."""
        super().__init__(*args, **kwargs)
        field = self.fields["source"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [("", _("Choose who sent it")), *files.source_choices()]


class RowsForm(forms.Form):
    """Rows of a file that were set aside, and what is said of them."""

    row = forms.TypedMultipleChoiceField(coerce=int, required=False)
    verdict = forms.CharField(required=False, max_length=10)
    words = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, positions: Iterable[int], **kwargs: Any) -> None:
        """``positions``: the rows of the file."""
        super().__init__(*args, **kwargs)
        field = self.fields["row"]
        assert isinstance(field, forms.TypedMultipleChoiceField)  # noqa: S101 - declared above
        field.choices = [(str(position), str(position)) for position in positions]

    @property
    def chosen(self) -> list[str]:
        """The rows as they were ticked, whatever is wrong beside them."""
        return list(self["row"].value() or [])


class CorrectionForm(forms.Form):
    """A corrected file, whole or its bad rows alone."""

    file = forms.FileField(
        label=_("Corrected file"),
        allow_empty_file=True,
        help_text=_("The whole file again, or only the rows that were set aside."),
    )


class RunsFilter(forms.Form):
    """What the list of runs may be narrowed by."""

    day = forms.DateField(required=False)
    state = forms.MultipleChoiceField(required=False, choices=Run.State.choices)


class FilesFilter(forms.Form):
    """What the list of files may be narrowed by."""

    day = forms.DateField(required=False)
    source = forms.MultipleChoiceField(required=False)
    state = forms.MultipleChoiceField(required=False, choices=StatementFile.State.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The sources are what is configured now."""
        super().__init__(*args, **kwargs)
        field = self.fields["source"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - declared above
        field.choices = files.source_choices()
