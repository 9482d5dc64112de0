"""The form of a mapping: what a finance officer types, and the settings that it comes to."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from sources.day_words import as_pattern, as_words

_OFF: Final = {"autocomplete": "off"}
_HEADER: Final = {**_OFF, "list": "headers"}
_SEVERAL: Final = ";"

_WIDTH: Final = re.compile(r"(?P<header>.+?)\s+(?P<first>\d{1,5})\s*-\s*(?P<last>\d{1,5})")

COLUMNS: Final[Sequence[tuple[str, Any]]] = (
    ("day", _("Day of booking")),
    ("credit", _("Credit")),
    ("debit", _("Debit")),
    ("amount", _("Amount, where one column holds both")),
    ("direction", _("Word for credit or debit, beside the amount")),
    ("balance", _("Balance behind the row")),
    ("narration", _("Narration")),
    ("reference", _("Reference")),
    ("channel_ref", _("Reference of the bank")),
    ("utr", _("UTR")),
    ("rrn", _("RRN")),
    ("instrument", _("Cheque number")),
    ("code", _("Code of the transaction")),
    ("currency", _("Currency")),
    ("account", _("Account number")),
)


def _line(label: Any, *, most: int = 200, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=most,
        widget=forms.TextInput(attrs=_OFF),
        help_text=help_text,
    )


def _lines(label: Any, *, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=help_text,
    )


class MappingForm(forms.Form):
    """How a table is read. Nothing is required: what is missing is told beside the sample."""

    source = forms.ChoiceField(
        label=_("Kind of file"),
        choices=[
            ("table", _("CSV or Excel")),
            ("fixed", _("text of fixed width")),
            ("xml", "XML"),
            ("json", "JSON"),
        ],
    )
    record = _line(
        _("Name of a row"), help_text=_("XML: its element. JSON: the way to the list, data/items.")
    )
    widths = _lines(
        _("Columns of fixed width"), help_text=_("One a line: its name and places, Date 1-10.")
    )
    dates = _line(
        _("How days are written"),
        help_text=_("dd/mm/yyyy, dd-MMM-yy, yyyy-mm-dd; several with a semicolon between."),
    )
    decimal = forms.ChoiceField(
        label=_("Decimal mark"), choices=[(".", _("point: 1,234.50")), (",", _("comma: 1.234,50"))]
    )
    credit_words = _line(_("Words for a credit"), help_text="CR; C")
    debit_words = _line(_("Words for a debit"), help_text="DR; D")
    minus_is_noise = forms.BooleanField(
        label=_("The column or word decides, whatever sign stands there"), required=False
    )
    newest_first = forms.BooleanField(label=_("The newest row stands first"), required=False)
    skips = _lines(
        _("Rows that say nothing"), help_text=_("One a line: how they begin, ***, Page.")
    )
    opening_label = _line(_("The row of the opening balance begins"))
    closing_label = _line(_("The row of the closing balance begins"))
    total_label = _line(_("The row of totals begins"))
    account_label = _line(_("The row of the account number begins"))
    extracts = _lines(
        _("What narrations hold"),
        help_text=_("One a line: NEFT CR-{utr}-{*}. Also {rrn}, {reference}, {instrument}."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The columns are fields too; several headers stand with a semicolon between."""
        super().__init__(*args, **kwargs)
        for role, label in COLUMNS:
            self.fields[f"column_{role}"] = forms.CharField(
                label=label,
                required=False,
                max_length=300,
                widget=forms.TextInput(attrs=_HEADER),
            )

    @property
    def columns(self) -> list[forms.BoundField]:
        """The fields of the columns, in their order."""
        return [self[f"column_{role}"] for role, _label in COLUMNS]

    @property
    def shape(self) -> list[forms.BoundField]:
        """What kind of file it is, and how days and amounts are written."""
        names = ("source", "record", "widths", "dates", "decimal", "credit_words", "debit_words")
        return [self[name] for name in (*names, "minus_is_noise", "newest_first")]

    @property
    def around(self) -> list[forms.BoundField]:
        """What stands around the table, and inside narrations."""
        labels = ("opening_label", "closing_label", "total_label", "account_label")
        return [self[name] for name in ("skips", *labels, "extracts")]

    def clean_widths(self) -> str:
        """Each line names a column and its places."""
        told = str(self.cleaned_data["widths"])
        for line in filter(str.strip, told.splitlines()):
            if not _WIDTH.fullmatch(line.strip()):
                words = _t("Expected a name and its places, such as Date 1-10, got %(line)r.")
                raise forms.ValidationError(words % {"line": line})
        return told

    def told(self) -> dict[str, Any]:
        """The settings that these words come to; what is empty keeps its usual value."""
        asked = self.cleaned_data
        columns = {
            role: _split(asked[f"column_{role}"])
            for role, _label in COLUMNS
            if _split(asked[f"column_{role}"])
        }
        words = dict.fromkeys(_split(asked["credit_words"]), "credit")
        words |= dict.fromkeys(_split(asked["debit_words"]), "debit")
        found: dict[str, Any] = {
            "source": asked["source"],
            "columns": columns,
            "decimal": asked["decimal"],
            "directions": words if "direction" in columns else {},
            "dates": [as_pattern(one) for one in _split(asked["dates"])],
            "widths": _widths(asked["widths"]) if asked["source"] == "fixed" else [],
            "skips": _rows(asked["skips"]),
            "extracts": _rows(asked["extracts"]),
        }
        for name in ("record", "minus_is_noise", "newest_first"):
            found[name] = asked[name]
        for name in ("opening_label", "closing_label", "total_label", "account_label"):
            found[name] = asked[name]
        return {name: value for name, value in found.items() if value or name == "columns"}


def initial_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows for settings that were saved."""
    words: Mapping[str, str] = told.get("directions", {})
    widths = [f"{header} {first}-{last}" for header, first, last in told.get("widths", ())]
    shown = {name: told.get(name, "") for name in MappingForm.base_fields}
    shown |= {
        "source": told.get("source", "table"),
        "decimal": told.get("decimal", "."),
        "dates": f"{_SEVERAL} ".join(as_words(one) for one in told.get("dates", ())),
        "widths": "\n".join(widths),
        "credit_words": _joined(word for word, side in words.items() if side == "credit"),
        "debit_words": _joined(word for word, side in words.items() if side == "debit"),
        "skips": "\n".join(told.get("skips", ())),
        "extracts": "\n".join(told.get("extracts", ())),
    }
    columns = told.get("columns", {})
    return shown | {f"column_{role}": _joined(columns.get(role, ())) for role, _label in COLUMNS}


def _joined(words: Any) -> str:
    return f"{_SEVERAL} ".join(words)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(_SEVERAL) if part.strip()]


def _rows(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _widths(text: str) -> list[list[Any]]:
    found = [_WIDTH.fullmatch(line.strip()) for line in text.splitlines()]
    return [[one["header"], int(one["first"]), int(one["last"])] for one in found if one]
