"""Addresses of attachments."""

from django.urls import path

from attachments import views

app_name = "attachments"

urlpatterns = [
    path("attachments/<uuid:public_id>/", views.content, name="content"),
    path("attachments/<uuid:public_id>/small/", views.small, name="small"),
]
