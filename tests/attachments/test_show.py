"""Over HTTP: the picture to who may see it, as nothing but a picture; and the form's field."""

import io

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from PIL import Image

from attachments import actions
from attachments.forms import PhotoField, kept
from attachments.models import Attachment, Kind, State
from people.models import AuditEvent
from tests.attachments import papers


class ProofForm(forms.Form):
    """What an app asks for."""

    number = forms.CharField()
    photo = PhotoField(label="Photograph of the cheque", required=True)


@pytest.fixture
def paper(users, offices) -> Attachment:
    """A cheque that the clerk of zone Z1 took."""
    return actions.keep(
        papers.jpeg(), kind=Kind.INSTRUMENT_FRONT, office=offices["Z1"], by=users["clerk"]
    )


def test_a_look_is_a_picture_and_is_noted(as_role, paper) -> None:
    client = as_role("auditor")

    small = client.get(reverse("attachments:small", args=[paper.public_id]))
    assert not AuditEvent.objects.filter(action="attachment.seen").exists()
    whole = client.get(reverse("attachments:content", args=[paper.public_id]))

    assert Image.open(io.BytesIO(small.content)).size == (160, 75)
    assert Image.open(io.BytesIO(whole.content)).size == (640, 300)
    for answer in (small, whole):
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Disposition"] == 'inline; filename="paper.jpg"'
    seen = AuditEvent.objects.get(action="attachment.seen")
    assert (seen.actor, seen.object_id) == ("auditor", str(paper.public_id))


def test_who_may_not_see_it_learns_nothing(as_role, paper, make_user, offices) -> None:
    elsewhere = Client()
    elsewhere.force_login(
        make_user("elsewhere", "clerk", offices=(offices["Z2"],)),
        backend="people.auth.PeopleBackend",
    )
    url = reverse("attachments:content", args=[paper.public_id])

    assert elsewhere.get(url).status_code == 404
    assert as_role("operator").get(url).status_code == 403
    assert Client().get(url).status_code == 302
    assert as_role("clerk").post(url).status_code == 405
    assert not AuditEvent.objects.filter(action="attachment.seen").exists()


def test_what_is_quarantined_is_shown_to_nobody(as_role, paper) -> None:
    Attachment.objects.filter(pk=paper.pk).update(state=State.QUARANTINED, reason="down")

    for name in ("attachments:content", "attachments:small"):
        answer = as_role("auditor").get(reverse(name, args=[paper.public_id]))
        assert answer.status_code == 409
        assert b"\xff\xd8\xff" not in answer.content
    assert not AuditEvent.objects.filter(action="attachment.seen").exists()


def test_the_component_links_what_is_clean_and_words_what_is_not(paper) -> None:
    def shown() -> str:
        request = RequestFactory().get("/")
        return render_to_string("components/attachment.html", {"attachment": paper}, request)

    url = reverse("attachments:content", args=[paper.public_id])
    assert f'href="{url}"' in shown()
    paper.state = State.QUARANTINED
    assert url not in shown()
    assert "waits for the virus scanner" in shown()
    paper.state = State.INFECTED
    assert "harmful, removed" in shown()


def sent(data: dict[str, str], upload: bytes | None = None) -> ProofForm:
    """The form as it comes in."""
    files: MultiValueDict[str, UploadedFile[bytes]] = MultiValueDict()
    if upload is not None:
        files["photo"] = SimpleUploadedFile("IMG.heic", upload)
    return ProofForm(data, files)


def test_a_form_keeps_its_picture_though_another_field_is_wrong(users, offices) -> None:
    where = {"kind": Kind.INSTRUMENT_FRONT, "office": offices["Z1"], "by": users["clerk"]}
    first = sent({"number": ""}, papers.jpeg())
    assert not first.is_valid()
    found = kept(first, "photo", **where)
    assert found is not None

    page = render_to_string("components/photo.html", {"field": first["photo"], "kept": found})
    assert f'name="photo_kept" value="{found.public_id}"' in " ".join(page.split())
    again = sent({"number": "000123", "photo_kept": str(found.public_id)})

    assert again.is_valid()
    assert kept(again, "photo", **where) == found
    assert not again.errors
    assert " required" not in str(again["photo"]), "the browser asks for no second file"
    assert Attachment.objects.count() == 1


def test_what_others_kept_or_nobody_kept_is_no_picture(users, offices, paper) -> None:
    for said in (str(paper.public_id), "nonsense", ""):
        form = sent({"number": "1", "photo_kept": said})
        assert form.is_valid()
        of_another = kept(
            form, "photo",
            kind=Kind.INSTRUMENT_FRONT, office=offices["Z1"], by=users["supervisor"],
        )  # fmt: skip
        assert of_another is None
        assert form.errors["photo"] == ["Photograph the paper, or choose its file."]


@pytest.mark.parametrize("upload", [b"", b"<svg/>", b"0" * (8 * 1024 * 1024 + 1)])
def test_a_refusal_is_said_at_the_field(users, offices, upload: bytes) -> None:
    form = sent({"number": "1"}, upload)
    form.is_valid()

    where = {"kind": Kind.INSTRUMENT_FRONT, "office": offices["Z1"], "by": users["clerk"]}
    assert kept(form, "photo", **where) is None
    assert len(form.errors["photo"]) == 1
