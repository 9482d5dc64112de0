"""Administration of what is agreed for the counters: policies of offices, and rules with dates."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.db.models import DecimalField, Field, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from import_export.admin import ExportMixin
from import_export.fields import Field as Column
from import_export.formats.base_formats import CSV
from import_export.widgets import ForeignKeyWidget, Widget
from unfold.contrib.import_export.forms import ExportForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from channels_.contract import Method
from counters import dated
from counters.dated import DatedRefused
from counters.models import CashRule, OfficePolicy, ReturnCharge, SurchargeRate
from counters.tenders import METHODS
from cspdcl.kernel.clock import today
from cspdcl.kernel.money import grouped_rupees
from payments import looks
from payments.forms import RupeesField
from people.admin_base import MasterAdmin, RecordedAdmin, RecordedResource
from people.models import Office

LABELS: Final[Mapping[str, str | Promise]] = {
    "office": _("Office"),
    "shows_running_total": _("The clerk sees what the drawer must hold"),
    "wants_denominations": _("Notes and coins are typed with each cash payment"),
    "receipt_paper": _("Receipts are printed on"),
    "drawer_limit_paise": _("Cash in a drawer, at most, ₹"),
    "difference_limit_paise": _("Over or short that a supervisor approves alone, ₹"),
    "part_from_paise": _("Least part payment, ₹"),
    "tenders": _("What is taken here; nothing chosen: all"),
    "post_dated": _("A cheque of a later day"),
    "cheque_months": _("Months for which cheques and drafts are good"),
    "days_to_bank": _("Days for which a paper must still be good when it is taken"),
    "cheque_from_paise": _("Least amount by cheque, ₹"),
    "clearing_days": _("Working days until a paper is overdue"),
    "dishonours_at_once": _("A bank's file undoes a payment without a person"),
    "code": _("Code"),
    "per": _("Counted for"),
    "effect": _("Allowed is"),
    "limit_paise": _("Limit, ₹"),
    "may_override": _("A supervisor may let it through, with a reason"),
    "law": _("Law, as the clerk is told"),
    "flat_paise": _("Flat sum, ₹"),
    "percent": _("Per cent"),
    "gst_percent": _("GST, per cent"),
    "barred_days": _("Days without cheques"),
    "valid_from": _("First day"),
    "valid_until": _("Last day"),
}
POSITIVE: Final = frozenset({"drawer_limit_paise", "part_from_paise", "limit_paise"})
TENDERS: Final = tuple((one.value, looks.METHODS[one]) for one in Method if one in METHODS)


class Rupees(RupeesField):
    """An amount of a rule, in paise when it comes from a row."""

    default_error_messages = {
        "least": _("Zero or more is expected."),
        "positive": _("More than zero is expected."),
    }

    def __init__(self, *, is_positive: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.is_positive = is_positive

    def to_python(self, value: Any) -> Any:
        """A disabled field brings the paise of its row; all else is typed in rupees."""
        paise = value if isinstance(value, int) else super().to_python(value)
        if paise is not None and paise < self.is_positive:
            code = "positive" if self.is_positive else "least"
            raise forms.ValidationError(self.error_messages[code], code=code)
        return paise


class Agreed(RecordedAdmin):
    """Amounts are written in rupees, whatever the column holds."""

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        """The field of a form under the words of this house."""
        name = db_field.name
        if name.endswith("_paise"):
            widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"})
            made: Any = Rupees(is_positive=name in POSITIVE, widget=widget)
        elif name == "tenders":
            choose = UnfoldAdminCheckboxSelectMultipleWidget
            made = forms.MultipleChoiceField(choices=TENDERS, required=False, widget=choose)
        else:
            if isinstance(db_field, DecimalField):
                kwargs |= {"min_value": 0, "max_value": 100}
            made = super().formfield_for_dbfield(db_field, request, **kwargs)
        if made is not None:
            made.label = LABELS.get(name, made.label)
        return made


# ---- policies of offices ----


class TendersWidget(Widget):  # type: ignore[misc]
    """Tenders in a sheet: words with blanks between them."""

    def clean(self, value: Any, _row: Any = None, **_kwargs: Any) -> list[str]:
        """The words, of which each must be known."""
        words = str(value or "").split()
        known = [code for code, _title in TENDERS]
        if unknown := [word for word in words if word not in known]:
            no_such = _("%(word)s is no tender; expected some of %(known)s.")
            raise ValueError(no_such % {"word": unknown[0], "known": ", ".join(known)})
        return [code for code in known if code in words]

    def render(self, value: Any, _obj: Any = None, **_kwargs: Any) -> str:
        """As a cell holds them."""
        return " ".join(value or [])


class OfficePolicyResource(RecordedResource):
    """Policies by the code of their office."""

    office = Column(
        attribute="office", column_name="office", widget=ForeignKeyWidget(Office, "code")
    )
    tenders = Column(attribute="tenders", column_name="tenders", widget=TendersWidget())

    class Meta:
        model = OfficePolicy
        import_id_fields = ("office",)
        fields = (
            *("office", "shows_running_total", "wants_denominations", "receipt_paper"),
            *("drawer_limit_paise", "difference_limit_paise", "part_from_paise", "tenders"),
            *("post_dated", "cheque_months", "days_to_bank", "cheque_from_paise"),
            *("clearing_days", "dishonours_at_once"),
        )
        skip_unchanged = True
        clean_model_instances = True


@admin.register(OfficePolicy)
class OfficePolicyAdmin(MasterAdmin, Agreed):
    """How offices run their counters; who has no row takes the nearest one above."""

    resource_classes: ClassVar = [OfficePolicyResource]
    fields = OfficePolicyResource.Meta.fields
    list_display = (
        *("office", "shows_running_total", "wants_denominations", "receipt_paper"),
        *("post_dated", "drawer_limit", "difference_limit", "clearing_days"),
    )
    list_filter = (
        *("shows_running_total", "wants_denominations", "receipt_paper", "post_dated"),
        "dishonours_at_once",
    )
    list_select_related = ("office",)
    search_fields = ("=office__code", "office__name")
    ordering = ("office__path",)

    def get_readonly_fields(
        self, _request: HttpRequest, obj: OfficePolicy | None = None
    ) -> tuple[str, ...]:
        """Another office's policy is another row."""
        return ("office",) if obj else ()

    @admin.display(description=_("Drawer, at most, ₹"), ordering="drawer_limit_paise")
    def drawer_limit(self, one: OfficePolicy) -> str:
        """In rupees."""
        return grouped_rupees(one.drawer_limit_paise)

    @admin.display(description=_("Over or short, ₹"), ordering="difference_limit_paise")
    def difference_limit(self, one: OfficePolicy) -> str:
        """In rupees."""
        return grouped_rupees(one.difference_limit_paise)


# ---- rules with dates ----


class Holds(admin.SimpleListFilter):
    """In force, to come, over."""

    title = _("in force")
    parameter_name = "holds"

    def lookups(self, *_args: Any) -> list[tuple[str, Any]]:
        """The three."""
        return [("now", _("today")), ("later", _("to come")), ("over", _("over"))]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows whose days are such."""
        has_last = queryset.model is not SurchargeRate
        over = Q(valid_until__lt=today()) if has_last else Q(pk__in=[])
        chosen = {
            "now": Q(valid_from__lte=today()) & ~over,
            "later": Q(valid_from__gt=today()),
            "over": over,
        }
        return queryset.filter(chosen.get(self.value() or "", Q()))


class DatedForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A row with dates; what has been in force can only be given its last day."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance
        if row.pk is None or not dated.has_begun(row):
            return
        for name, field in self.fields.items():
            field.disabled = name != dated.LAST_DAY or dated.is_over(row)
        if dated.LAST_DAY in self.fields and not dated.is_over(row):
            self.fields[dated.LAST_DAY].help_text = _(
                "This row has been in force and stays as it was; only its last day can be set. "
                "A changed figure is a new row from tomorrow or later."
            )

    def clean(self) -> dict[str, Any]:
        """Refuse what would change a day that is over."""
        said = super().clean() or self.cleaned_data
        if self.errors:
            return said
        row = copy(self.instance)
        for name, value in said.items():
            setattr(row, name, value)
        was = self.instance if self.instance.pk else None
        try:
            dated.check(row, was=was, begun=dated.lines_begun(type(row)))
        except DatedRefused as refused:
            self.add_error(refused.field, str(refused))
        return said


class DatedAdmin(ExportMixin, Agreed):  # type: ignore[misc]
    """Rules with dates: rows are added; what has been in force is never altered or removed."""

    form = DatedForm
    export_form_class = ExportForm
    formats = (CSV,)
    list_filter: Sequence[Any] = (Holds,)
    ordering: Sequence[str] = ("-valid_from",)

    def has_delete_permission(self, _request: HttpRequest, obj: Model | None = None) -> bool:
        """What is still to come may go; nothing goes by list."""
        return isinstance(obj, CashRule | ReturnCharge | SurchargeRate) and not dated.has_begun(obj)

    @admin.display(description=_("Limit, ₹"), ordering="limit_paise")
    def limit(self, one: CashRule) -> str:
        """In rupees."""
        return grouped_rupees(one.limit_paise)

    @admin.display(description=_("Flat sum, ₹"), ordering="flat_paise")
    def flat(self, one: ReturnCharge) -> str:
        """In rupees."""
        return grouped_rupees(one.flat_paise)


class CashRuleResource(RecordedResource):
    """Rules on cash as a sheet."""

    office = Column(
        attribute="office", column_name="office", widget=ForeignKeyWidget(Office, "code")
    )

    class Meta:
        model = CashRule
        fields = (
            *("code", "per", "effect", "limit_paise", "office", "may_override", "law"),
            *("valid_from", "valid_until"),
        )


@admin.register(CashRule)
class CashRuleAdmin(DatedAdmin):
    """Limits on cash; the law's own holds without a row."""

    resource_classes: ClassVar = [CashRuleResource]
    list_display = (
        *("code", "per", "effect", "limit", "office", "may_override"),
        *("valid_from", "valid_until"),
    )
    list_filter = (Holds, "per", "effect", "may_override")
    list_select_related = ("office",)
    search_fields = ("code", "law")
    ordering = ("code", "-valid_from")


class ReturnChargeResource(RecordedResource):
    """Charges as a sheet."""

    class Meta:
        model = ReturnCharge
        fields = (
            *("code", "flat_paise", "percent", "gst_percent", "barred_days"),
            *("valid_from", "valid_until"),
        )


@admin.register(ReturnCharge)
class ReturnChargeAdmin(DatedAdmin):
    """What the tariff adds for a returned paper."""

    resource_classes: ClassVar = [ReturnChargeResource]
    list_display = (
        *("code", "flat", "percent", "gst_percent", "barred_days"),
        *("valid_from", "valid_until"),
    )
    search_fields = ("code",)


class SurchargeRateResource(RecordedResource):
    """Rates as a sheet."""

    class Meta:
        model = SurchargeRate
        fields = ("percent", "valid_from")


@admin.register(SurchargeRate)
class SurchargeRateAdmin(DatedAdmin):
    """Late payment surcharge a month."""

    resource_classes: ClassVar = [SurchargeRateResource]
    list_display = ("valid_from", "percent")
