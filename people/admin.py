"""Administration of people and offices."""

from contextlib import suppress
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from import_export.fields import Field
from import_export.widgets import ForeignKeyWidget
from unfold.forms import AdminPasswordChangeForm, UserCreationForm

from people import actions, audit
from people.access import signed_in
from people.admin_base import MasterAdmin, ReadOnlyAdmin, RecordedAdmin, RecordedResource
from people.auth import revoke_api_key
from people.models import ApiKey, AuditEvent, Office, User
from people.roles import ROLES

# A role's group is data of the code.
with suppress(NotRegistered):
    admin.site.unregister(Group)


class OfficeResource(RecordedResource):
    """Offices by their code; a parent stands above its children in the sheet."""

    parent = Field(
        attribute="parent", column_name="parent", widget=ForeignKeyWidget(Office, "code")
    )

    class Meta:
        model = Office
        import_id_fields = ("code",)
        fields = ("code", "name", "kind", "parent")
        skip_unchanged = True

    def before_save_instance(self, instance: Office, _row: Any, **_kwargs: Any) -> None:
        """The path follows from the parent."""
        instance.path = actions.path_of(instance)


@admin.register(Office)
class OfficeAdmin(MasterAdmin):
    """The tree of offices. A code and a place in the tree are changed by ``configure``."""

    resource_classes: ClassVar = [OfficeResource]
    list_display = ("code", "name", "kind", "parent")
    list_filter = ("kind",)
    search_fields = ("code", "name")
    fields = ("code", "name", "kind", "parent")
    ordering = ("path",)

    def get_readonly_fields(
        self, _request: HttpRequest, obj: Office | None = None
    ) -> tuple[str, ...]:
        """What everything below hangs on stays as it was made."""
        return ("code", "parent") if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The path follows from the parent."""
        obj.path = actions.path_of(obj)
        super().save_model(request, obj, form, change)


class UserForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A person with their roles and offices."""

    roles = forms.MultipleChoiceField(
        label=_("Roles"),
        required=False,
        choices=[(role.code, role.title) for role in ROLES.values()],
        widget=forms.CheckboxSelectMultiple,
    )
    offices = forms.ModelMultipleChoiceField(
        label=_("Offices"), required=False, queryset=Office.objects.order_by("path")
    )

    class Meta:
        model = User
        fields = ("username", "full_name", "email", "language", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            names = self.instance.groups.values_list("name", flat=True)
            self.initial["roles"] = [name for name in names if name in ROLES]
            self.initial["offices"] = actions.granted_offices(self.instance)


@admin.register(User)
class UserAdmin(RecordedAdmin, DjangoUserAdmin):  # type: ignore[type-arg]
    """People: who they are, what they may do, where."""

    form = UserForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    personal = ("full_name", "email", "password", "password1", "password2")
    list_display = ("username", "full_name", "is_active", "joined_at")
    list_filter = ("is_active", "groups")
    search_fields = ("username", "full_name")
    ordering = ("username",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "full_name", "email", "language", "is_active")}),
        (_("What they may do, and where"), {"fields": ("roles", "offices")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "full_name", "password1", "password2")}),)
    actions = ("remove_second_factor",)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Roles and grants are what the form says."""
        super().save_related(request, form, formsets, change)
        if change:
            actions.set_roles(form.instance, set(form.cleaned_data["roles"]))
            actions.set_offices(form.instance, form.cleaned_data["offices"])

    def has_delete_permission(self, *_args: Any) -> bool:
        """People are switched off, never deleted: the trail names them."""
        return False

    @admin.action(description=_("Remove the second factor: the phone was lost"))
    def remove_second_factor(self, request: HttpRequest, queryset: Any) -> None:
        """So that they enrol again at the next sign-in."""
        gone = sum(actions.forget_devices(user, actor=signed_in(request)) for user in queryset)
        self.message_user(request, _("%d removed.") % gone, messages.SUCCESS)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """A password set by an administrator does not pass ``save_model``."""
        if (
            request.resolver_match
            and request.resolver_match.url_name == "auth_user_password_change"
        ):
            audit.record(signed_in(request), "user.password_set", obj)
        return super().log_change(request, obj, message)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys of machines, by what is shown of them."""

    list_display = ("name", "prefix", "user", "created_at", "last_used_at", "revoked_at")
    fields = list_display
    actions = ("revoke",)

    @admin.action(description=_("End these keys"))
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        """Ended keys open nothing from now on."""
        for key in queryset:
            revoke_api_key(key, actor=signed_in(request))


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """The trail as rows; the page /audit/ verifies and exports it."""

    list_display = ("at", "actor", "action", "object_type", "object_id", "seq")
    fields = (*list_display, "office", "payload")
    search_fields = ("actor", "action", "object_id")
    ordering = ("-id",)
