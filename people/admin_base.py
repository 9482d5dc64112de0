"""What the administration pages of every app build on: recorded writes, and read-only money."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from import_export import resources
from import_export.admin import ImportExportMixin
from import_export.formats.base_formats import CSV
from unfold.admin import ModelAdmin
from unfold.contrib.import_export.forms import ExportForm, ImportForm

from people import audit
from people.access import signed_in

if TYPE_CHECKING:
    from django.forms import ModelForm


class RecordedAdmin(ModelAdmin):  # type: ignore[misc]
    """Every write leaves an AuditEvent in its own transaction. Nothing is deleted by list."""

    personal: Sequence[str] = ()  # fields whose values stay out of the trail
    list_per_page = 50
    show_full_result_count = False

    def save_model(
        self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool
    ) -> None:
        """Save and record what was before and what is now."""
        super().save_model(request, obj, form, change)
        fields = form.changed_data
        audit.record(
            signed_in(request),
            f"{type(obj).__name__.lower()}.{'changed' if change else 'created'}",
            obj,
            before={n: self._told(n, form.initial.get(n)) for n in fields} if change else {},
            after={n: self._told(n, form.cleaned_data.get(n)) for n in fields},
        )

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Record first: afterwards the row has no number any more."""
        audit.record(
            signed_in(request),
            f"{type(obj).__name__.lower()}.removed",
            obj,
            before={"was": str(obj)},
        )
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """One by one, so that each is recorded."""
        for obj in queryset:
            self.delete_model(request, obj)

    def _told(self, name: str, value: Any) -> str:
        return "personal" if name in self.personal else str(value)


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]
    """Money and evidence: to be looked at here, and changed by their own actions only."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, *_args: Any) -> bool:
        """Never here."""
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        """Never here."""
        return False

    def has_delete_permission(self, *_args: Any) -> bool:
        """Never here."""
        return False


class RecordedResource(resources.ModelResource):  # type: ignore[misc]
    """An import whose every row leaves an AuditEvent; a preview keeps none of them."""

    def after_save_instance(self, instance: Model, _row: Any, **kwargs: Any) -> None:
        """Record the saved row by its own key, with its values."""
        fields = self.get_import_fields()
        audit.record(
            kwargs["user"],
            f"{type(instance).__name__.lower()}.imported",
            instance,
            after={field.column_name: field.export(instance) for field in fields},
        )


class MasterAdmin(ImportExportMixin, RecordedAdmin):  # type: ignore[misc]
    """A small master: edited here, or taken out, changed in a sheet and brought back."""

    import_form_class = ImportForm
    export_form_class = ExportForm
    formats = (CSV,)
    skip_admin_log = True  # the audit trail has it
