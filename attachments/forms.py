"""A form's field for a picture of a paper, and the paper that a sent form holds."""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from attachments import actions
from attachments.models import Attachment, Kind, State
from attachments.selectors import attachments_visible_to
from cspdcl.kernel.errors import DomainError
from people.models import Office, User

TAKEN: Final = "image/*,application/pdf"


class _Chooser(forms.FileInput):
    """The browser must not insist on a file: an earlier try may have kept one."""

    def use_required_attribute(self, initial: Any) -> bool:  # noqa: ARG002 - Django's own shape
        return False


class PhotoField(forms.FileField):
    """A picture from the camera or a file; ``camera_first`` opens the camera of a phone at once.

    That a required one is missing is said by ``kept``, which knows of earlier tries.
    """

    def __init__(
        self, *, camera_first: bool = True, required: bool = False, **options: Any
    ) -> None:
        attrs = {"accept": TAKEN, "data-photo": ""}
        if camera_first:
            attrs["capture"] = "environment"
        super().__init__(
            required=required,
            allow_empty_file=True,  # refused with our own words
            widget=_Chooser(attrs=attrs),
            **options,
        )

    def clean(self, data: Any, initial: Any = None) -> Any:
        """The upload; one that is far too large is not read at all."""
        if data in self.empty_values:
            return None
        upload = super().clean(data, initial)
        if isinstance(upload, UploadedFile) and (upload.size or 0) > settings.ATTACHMENT_BYTES_MAX:
            most = filesizeformat(settings.ATTACHMENT_BYTES_MAX)
            raise forms.ValidationError(_("The file is larger than %(most)s.") % {"most": most})
        return upload


def kept(form: forms.Form, name: str, *, kind: Kind, office: Office, by: User) -> Attachment | None:
    """The paper of a sent form: kept now, or by an earlier try of the same form, or none.

    Call it after ``is_valid``, also of a form that is not, and give the answer to
    components/photo.html: no one takes a picture twice because another field was wrong. What is
    refused is said at the field.
    """
    upload = form.cleaned_data.get(name)
    if not upload:
        before = _kept_before(form, name, kind=kind, office=office, by=by)
        if before is None and form.fields[name].required and name not in form.errors:
            form.add_error(name, _("Photograph the paper, or choose its file."))
        return before
    try:
        return actions.keep(upload.read(), kind=kind, office=office, by=by)
    except DomainError as refusal:
        form.add_error(name, str(refusal))
        return None


def _kept_before(
    form: forms.Form, name: str, *, kind: Kind, office: Office, by: User
) -> Attachment | None:
    try:
        public_id = UUID(form.data.get(f"{form.add_prefix(name)}_kept", ""))
    except ValueError:
        return None
    mine = attachments_visible_to(by).filter(uploaded_by=by, office=office, kind=kind)
    usable = mine.filter(state__in=[State.CLEAN, State.QUARANTINED])
    return usable.filter(public_id=public_id).first()
