"""Addresses of the theme cookie and of the gallery."""

from django.urls import path

from cspdcl.ui import views

app_name = "ui"
urlpatterns = [
    path("theme/", views.set_theme, name="theme"),
    path("gallery/", views.gallery, name="gallery"),
]
