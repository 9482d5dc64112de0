"""What people type or choose on the pages of the books."""

from collections.abc import Container, Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from channels_.models import StatementFile
from reconciliation.desk.listing import AGES
from reconciliation.incoming import files
from reconciliation.matching.backtest import DAYS, DAYS_MAX
from reconciliation.models import Break, Decision, Leg, Reason, Rule, Run, Stage
from reconciliation.rulebook.rules import CONTENT, SHAPES, wrong_in


class BreaksFilter(forms.Form):
    """What the list of breaks may be narrowed by."""

    state = forms.ChoiceField(required=False, choices=Break.State.choices)
    reason = forms.MultipleChoiceField(required=False, choices=Reason.choices)
    stage = forms.MultipleChoiceField(required=False, choices=Stage.choices)
    age = forms.MultipleChoiceField(required=False, choices=[(age.code, age.code) for age in AGES])
    channel = forms.MultipleChoiceField(required=False)
    parked = forms.ChoiceField(
        required=False, choices=[("timing", "timing"), ("suspense", "suspense"), ("all", "all")]
    )
    owner = forms.CharField(required=False, max_length=64)  # a user name, or "none"
    late = forms.ChoiceField(required=False, choices=[("1", "1")])
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
    q = forms.CharField(required=False, max_length=64)

    def __init__(self, *args: Any, channels: list[str], **kwargs: Any) -> None:
        """``channels``: the codes that exist."""
        super().__init__(*args, **kwargs)
        field = self.fields["channel"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - declared above
        field.choices = [(code, code) for code in channels]


class SaveFilterForm(forms.Form):
    """The name under which a filter is kept."""

    name = forms.CharField(max_length=40)


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


class RuleForm(forms.Form):
    """What a version of a rule says. The pass of its kind has the last word (rules.wrong_in)."""

    priority = forms.IntegerField(
        label=_("Place in the order"),
        min_value=1,
        max_value=32767,
        help_text=_("The rule with the smallest number is tried first."),
    )
    cardinality = forms.ChoiceField(label=_("How many"), choices=Rule.Cardinality.choices)
    key = forms.ChoiceField(label=_("Key"), choices=Rule.Key.choices)
    second = forms.ChoiceField(
        label=_("Then by"), required=False, choices=[("", _("no other key")), *Rule.Key.choices]
    )
    third = forms.ChoiceField(
        label=_("And then by"), required=False, choices=[("", _("no other key")), *Rule.Key.choices]
    )
    tolerance_paise = forms.IntegerField(
        label=_("Rounding, in paise"),
        min_value=0,
        max_value=100,
        help_text=_("0: to the paisa. What is more than a rupee is never rounding."),
    )
    window_days = forms.IntegerField(
        label=_("Window, in working days"),
        required=False,
        min_value=0,
        max_value=30,
        help_text=_("Empty: any day. A good key needs none."),
    )
    direction = forms.ChoiceField(label=_("Side of the window"), choices=Rule.Direction.choices)
    ambiguity = forms.ChoiceField(label=_("Where several fit"), choices=Rule.Ambiguity.choices)
    is_active = forms.BooleanField(label=_("Runs use this rule"), required=False)
    effective_from = forms.DateField(
        label=_("Holds from the business date"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("The second person and the auditor read it."),
    )

    def __init__(self, *args: Any, leg: str, **kwargs: Any) -> None:
        """Only what the two books of the rule can have in common may be chosen."""
        super().__init__(*args, **kwargs)
        self.leg = leg
        shapes = {kind: one for (books, kind), one in SHAPES.items() if books == leg}
        keys = frozenset().union(*(shape.keys for shape in shapes.values()))
        more = frozenset().union(*(shape.fallbacks for shape in shapes.values()))
        self._offer("cardinality", Rule.Cardinality.choices, shapes)
        self._offer("key", Rule.Key.choices, keys)
        for name in ("second", "third"):
            self._offer(name, [("", _("no other key")), *Rule.Key.choices], more | {""})
            if not more:
                del self.fields[name]

    def _offer(self, name: str, choices: Any, known: Container[str]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [(code, label) for code, label in choices if code in known]

    def content(self) -> dict[str, Any]:
        """What the version would say."""
        told: dict[str, Any] = {
            name: self.cleaned_data[name] for name in CONTENT if name in self.cleaned_data
        }
        fallbacks = [self.cleaned_data.get(name) for name in ("second", "third")]
        return {**told, "leg": self.leg, "fallbacks": [key for key in fallbacks if key]}

    def clean(self) -> dict[str, Any]:
        """Say at its field what no pass understands."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if {"cardinality", "key"} <= cleaned.keys():
            for name, text in wrong_in(self.content()).items():
                self.add_error("second" if name == "fallbacks" else name, str(text))
        return cleaned


class NewRuleForm(forms.Form):
    """The name of a rule that is not there yet, and which two books it compares."""

    code = forms.SlugField(
        label=_("Short name"),
        max_length=32,
        help_text=_("Lower-case letters, digits, - and _; it stays."),
    )
    leg = forms.ChoiceField(label=_("Books"), choices=Leg.choices)

    def clean_code(self) -> str:
        """A name that no other rule has, and no address of ours."""
        code: str = self.cleaned_data["code"].lower()
        if code == "new" or Rule.objects.filter(code=code).exists():
            raise forms.ValidationError(_("There is such a rule already."))
        return code


class TryForm(forms.Form):
    """Over how many days a version is tried."""

    days = forms.IntegerField(label=_("Days"), min_value=1, max_value=DAYS_MAX, initial=DAYS)
