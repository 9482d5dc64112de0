"""What people type at a counter: whom a payment is for, what it is paid with, a deposit slip."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from attachments.forms import PhotoField
from attachments.models import Attachment
from channels_.contract import Method
from counters.models import OfficePolicy
from counters.paper import ifsc, micr
from counters.paper.cash import DENOMINATIONS, PIECES_MAX
from counters.paper.validity import RULES
from counters.tenders import TenderAsked, problems
from cspdcl.kernel.money import NotMoney, Paise, grouped_rupees, paise_from_rupees
from payments import looks
from payments.forms import DAY_FORMATS, RupeesField

# What a counter page offers, by the word in the form.
TENDERS: Final = {
    "cash": Method.CASH,
    "cheque": Method.CHEQUE,
    "draft": Method.DEMAND_DRAFT,
    "postal": Method.POSTAL_ORDER,
    "card": Method.CARD,
}
_FACES: Final = [("", "")] + [
    (str(paise), grouped_rupees(paise).removesuffix(".00")) for paise in RULES.order_faces_paise
]
_PRINTED_DIGITS: Final = 6  # of a cheque or draft, as clerks see it


def _text(label: Any, *, most: int, figures: bool = False, **attrs: str) -> forms.CharField:
    """A short text of a paper; its problems are told by what it is for."""
    inputmode = {"inputmode": "numeric"} if figures else {}
    named = {name.replace("_", "-"): value for name, value in attrs.items()}
    widget = forms.TextInput(attrs={"autocomplete": "off", **inputmode, **named})
    return forms.CharField(label=label, required=False, max_length=most, widget=widget)


class TakeForm(forms.Form):
    """What holds for the whole. The key is made with the empty form: sent twice, it counts once."""

    submit_key = forms.UUIDField(widget=forms.HiddenInput)
    received = RupeesField(label=_("Cash received, ₹"), required=False)
    payer = _text(_("Paid by, if for others"), most=120)
    pan = forms.RegexField(
        r"^[A-Z]{5}[0-9]{4}[A-Z]$",
        label=_("Their PAN"),
        required=False,
        max_length=10,
        error_messages={"invalid": _("Five letters, four digits, a letter.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    reason = _text(_("Why it should be let through"), most=200)

    def __init__(self, *args: Any, wants_notes: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wants_notes = wants_notes
        if wants_notes:
            for name, label, paise in _notes():
                self.fields[name] = forms.IntegerField(
                    label=label,
                    required=False,
                    min_value=0,
                    max_value=PIECES_MAX,
                    widget=forms.TextInput(
                        attrs={
                            "inputmode": "numeric",
                            "autocomplete": "off",
                            "aria-label": label,
                            "data-note": str(paise),
                        }
                    ),
                )

    def notes(self, side: str) -> dict[str, int]:
        """How many of each note and coin came ``in`` or went ``out``, as the books keep it."""
        found = {
            one.key: self.cleaned_data.get(f"{side}_{one.key.replace('.', '_')}")
            for one in DENOMINATIONS.values()
        }
        return {key: count for key, count in found.items() if count}

    def note_rows(self) -> list[dict[str, Any]]:
        """What the page draws: one row for each note and coin."""
        if not self.wants_notes:
            return []
        kinds = [one.key.replace(".", "_") for one in DENOMINATIONS.values() if _is_usual(one.key)]
        return [
            {"worth": self.fields[f"in_{key}"].label, "in": self[f"in_{key}"],
             "out": self[f"out_{key}"]}
            for key in kinds
        ]  # fmt: skip

    def clean_pan(self) -> str:
        """Capitals, as printed."""
        return str(self.cleaned_data["pan"]).upper()


class ShareForm(forms.Form):
    """What of it is for one consumer; more than is due only as an advance."""

    consumer = forms.RegexField(r"^[0-9]{6,12}$", widget=forms.HiddenInput)
    bill = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)
    amount = RupeesField(label=_("Amount, ₹"))
    is_advance = forms.BooleanField(label=_("Take it as an advance"), required=False)

    def clean_amount(self) -> Paise:
        """Above zero: a slipped sign looks like nothing else."""
        amount: Paise = self.cleaned_data["amount"]
        if amount <= 0:
            raise forms.ValidationError(_("More than zero is expected."))
        return amount


class TenderForm(forms.Form):
    """One tender. Which fields count depends on its kind; the others are left out of it."""

    tender = forms.ChoiceField(
        choices=[(word, looks.METHODS[method]) for word, method in TENDERS.items()],
        widget=forms.RadioSelect,
        initial="cash",
    )
    tender_amount = RupeesField(label=_("Of it, ₹"), required=False)
    micr_line = _text(_("MICR line, by reader"), most=80, data_micr="")
    instrument = _text(_("Number"), most=12)
    micr = _text(_("MICR"), most=9, figures=True)
    account_id = _text(_("Account"), most=6, figures=True)
    transaction_code = _text(_("Code"), most=2, figures=True)
    ifsc = _text(_("IFSC"), most=11)
    bank_name = _text(_("Drawn on bank"), most=80)
    instrument_date = forms.DateField(
        label=_("Its date"),
        required=False,
        input_formats=DAY_FORMATS,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    drawer = _text(_("Drawn by"), most=120)
    slip_number = _text(_("Number or RRN"), most=12)
    order_date = forms.DateField(
        label=_("Issued on"),
        required=False,
        input_formats=DAY_FORMATS,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    face = forms.ChoiceField(label=_("Order of ₹"), choices=_FACES, required=False)
    stamps = _text(_("Stamps on it, ₹"), most=40)
    approval = _text(_("Approval code"), most=12)
    last_four = forms.RegexField(
        r"^[0-9]{4}$",
        label=_("Card ends with"),
        required=False,
        max_length=4,
        error_messages={"invalid": _("Four digits.")},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    terminal = _text(_("Terminal"), most=16)
    batch = _text(_("Batch"), most=12)
    photo = PhotoField(label=_("Photo or scan"))

    def clean(self) -> dict[str, Any]:
        """What a reader read stands in its fields; what a kind needs is there."""
        cleaned = super().clean() or {}
        for name in ("instrument", "slip_number", "ifsc", "approval", "terminal", "batch"):
            cleaned[name] = "".join(str(cleaned.get(name, "")).upper().split())
        method = TENDERS.get(cleaned.get("tender", ""))
        if method in (Method.CHEQUE, Method.DEMAND_DRAFT):
            self._read_line(cleaned)
            self._name_bank(cleaned)
            if len(cleaned["instrument"]) not in (0, _PRINTED_DIGITS):
                self.add_error("instrument", _("Six digits, as on the lower edge."))
            self._need(cleaned, "instrument", "instrument_date", "bank_name")
        elif method is Method.POSTAL_ORDER:
            self._need(cleaned, "slip_number", "order_date", "face")
        elif method is Method.CARD:
            self._need(cleaned, "slip_number", "approval")
        return cleaned

    def paper_fields(self) -> list[forms.BoundField]:
        """What stands on the lower edge of a cheque, the reader's field before it."""
        names = ("micr_line", "instrument", "micr", "account_id", "transaction_code")
        return [self[name] for name in names]

    def bank_fields(self) -> list[forms.BoundField]:
        """What else stands on a cheque or draft."""
        return [self[name] for name in ("instrument_date", "bank_name", "ifsc", "drawer")]

    def slip_fields(self) -> list[tuple[forms.BoundField, str]]:
        """What stands on a postal order or card slip, with the kind that alone has it."""
        return [
            (self["slip_number"], ""),
            (self["order_date"], "postal"),
            (self["face"], "postal"),
            (self["stamps"], "postal"),
            (self["approval"], "card"),
            (self["last_four"], "card"),
            (self["terminal"], "card"),
            (self["batch"], "card"),
        ]

    @property
    def method(self) -> Method:
        """The tender in the words of the house."""
        return TENDERS[self.cleaned_data["tender"]]

    def asked(self, amount_paise: int, *, front: Attachment | None = None) -> TenderAsked:
        """The tender over an amount, without what belongs to other kinds."""
        cleaned, method = self.cleaned_data, self.method
        if method is Method.CASH:
            return TenderAsked(method=method, amount_paise=amount_paise)
        is_bank = method in (Method.CHEQUE, Method.DEMAND_DRAFT)
        return TenderAsked(
            method=method,
            amount_paise=amount_paise,
            instrument=cleaned[self.called("instrument")],
            instrument_date=None
            if method is Method.CARD
            else cleaned[self.called("instrument_date")],
            bank_name=cleaned["bank_name"] if is_bank else "",
            micr=cleaned["micr"] if is_bank else "",
            account_id=cleaned["account_id"] if is_bank else "",
            transaction_code=cleaned["transaction_code"] if is_bank else "",
            ifsc=cleaned["ifsc"] if is_bank else "",
            drawer=cleaned["drawer"] if is_bank else "",
            details=self._details(),
            front=front,
        )

    def check(self, asked: TenderAsked, *, on: date, policy: OfficePolicy) -> None:
        """Everything that keeps the paper from being taken, each at its field."""
        for found in problems(asked, on=on, policy=policy):
            name = self.called(found.field)
            if name not in self.errors:
                self.add_error(name, found.words)

    def called(self, field: str) -> str:
        """What this form calls a field of a tender: orders and slips have theirs apart."""
        is_slip = self.method in (Method.POSTAL_ORDER, Method.CARD)
        own = {"instrument": "slip_number", "instrument_date": "order_date"}
        return own.get(field, field) if is_slip else field

    def order_paise(self) -> int | None:
        """What a postal order with its stamps is worth, as typed; None for all else."""
        if self.method is not Method.POSTAL_ORDER or not self.cleaned_data.get("face"):
            return None
        return int(self.cleaned_data["face"]) + sum(self._stamps())

    def _details(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if self.method is Method.POSTAL_ORDER and cleaned.get("face"):
            return {"face_paise": int(cleaned["face"]), "stamps_paise": self._stamps()}
        if self.method is Method.CARD:
            names = ("approval", "last_four", "terminal", "batch")
            return {name: cleaned[name] for name in names if cleaned.get(name)}
        return {}

    def clean_stamps(self) -> str:
        """Amounts between blanks or commas, such as ``0.50 1``."""
        try:
            [*_amounts(self.cleaned_data["stamps"])]
        except NotMoney as error:
            raise forms.ValidationError(_("Write rupees such as 0.50 1.")) from error
        return str(self.cleaned_data["stamps"])

    def _stamps(self) -> list[int]:
        return [*_amounts(self.cleaned_data.get("stamps", ""))]

    def _read_line(self, cleaned: dict[str, Any]) -> None:
        if not cleaned.get("micr_line"):
            return
        try:
            read = micr.read_micr(cleaned["micr_line"])
        except micr.UnreadMicr as error:
            self.add_error("micr_line", str(error))
            return
        cleaned["instrument"], cleaned["micr"] = read.number, read.sort_code
        cleaned["account_id"], cleaned["transaction_code"] = read.account_id, read.transaction_code

    def _name_bank(self, cleaned: dict[str, Any]) -> None:
        """The bank as IFSC or MICR name it, unless the clerk has written another."""
        if not cleaned.get("bank_name"):
            code = cleaned["ifsc"] or ifsc.bank_of_sort_code(cleaned.get("micr", ""))
            cleaned["bank_name"] = ifsc.bank_name_of(code)[:80] if code else ""
            if ifsc.is_well_formed(cleaned["ifsc"]) and not ifsc.is_known(cleaned["ifsc"]):
                words = _("We know no branch with this code. Check it, or write the bank's name.")
                self.add_error("ifsc", words)

    def _need(self, cleaned: Mapping[str, Any], *names: str) -> None:
        for name in names:
            if name not in self.errors and not cleaned.get(name):
                self.add_error(name, _("This kind of tender needs it."))


class SlipForm(forms.Form):
    """One deposit slip: the channel, and the bank's slip number when the branch gave one."""

    channel = forms.CharField(max_length=24, widget=forms.HiddenInput)
    slip_number = forms.RegexField(
        r"^[A-Z0-9][A-Z0-9-]{2,23}$",
        label=_("Slip number"),
        required=False,
        error_messages={"invalid": _("3 to 24 capitals, digits and hyphens.")},
    )


class AnswerOverrideForm(forms.Form):
    """A supervisor's answer to a clerk whom a rule stopped."""

    words = _text(_("In words"), most=200)


def _amounts(text: str) -> Iterator[int]:
    for one in text.replace(",", " ").split():
        yield paise_from_rupees(one)


def _is_usual(key: str) -> bool:
    """Withdrawn notes are not offered at a window; whoever brings one is told by the clerk."""
    return DENOMINATIONS[key].accepted_until is None


def _notes() -> Iterator[tuple[str, str, int]]:
    """Name, label and worth of each field for notes and coins."""
    for one in DENOMINATIONS.values():
        worth = grouped_rupees(one.paise).removesuffix(".00")
        for side in ("in", "out"):
            yield f"{side}_{one.key.replace('.', '_')}", worth, one.paise
