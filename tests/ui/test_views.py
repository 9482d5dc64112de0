"""The theme cookie goes where it should and nowhere else; every component renders."""

import pytest
from django.http import Http404
from django.template.loader import render_to_string
from django.test import RequestFactory, override_settings
from django.utils.translation import override

from cspdcl.ui import views

rf = RequestFactory()


def test_the_theme_is_remembered_and_the_reader_stays():
    answer = views.set_theme(rf.post("/ui/theme/", {"theme": "dark", "next": "/breaks/?page=2"}))

    assert answer.status_code == 302
    assert answer["Location"] == "/breaks/?page=2"
    assert answer.cookies["theme"].value == "dark"
    assert answer.cookies["theme"]["samesite"] == "Lax"


@pytest.mark.parametrize(
    "back", ["https://elsewhere.example/", "//elsewhere.example", "", "javascript:0"]
)
def test_the_theme_never_sends_a_reader_elsewhere(back):
    answer = views.set_theme(rf.post("/ui/theme/", {"theme": "light", "next": back}))

    assert answer["Location"] == "/"


def test_a_theme_that_does_not_exist_is_not_kept():
    answer = views.set_theme(rf.post("/ui/theme/", {"theme": '"><script>', "next": "/"}))

    assert not answer.cookies


def test_the_theme_is_changed_by_a_post_only():
    assert views.set_theme(rf.get("/ui/theme/")).status_code == 405


def test_there_is_no_gallery_in_production():
    with override_settings(IS_PRODUCTION=True), pytest.raises(Http404):
        views.gallery(rf.get("/ui/gallery/"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_component_renders_with_the_samples(theme):
    request = rf.get("/ui/gallery/", {"state": "open"})
    request.COOKIES["theme"] = theme

    page = views.gallery(request).content.decode()

    assert f'data-bs-theme="{theme}"' in page
    assert 'class="proof"' in page
    assert 'class="chain chain-3"' in page
    assert 'class="chip is-on"' in page
    assert "style=" not in page
    assert "onclick" not in page


@pytest.mark.parametrize("code", [400, 403, 404, 500, 503])
def test_an_error_page_needs_no_context_and_speaks_hindi(code):
    assert f"Answer {code}" in render_to_string(f"{code}.html")
    with override("hi"):
        assert f"उत्तर {code}" in render_to_string(f"{code}.html")
