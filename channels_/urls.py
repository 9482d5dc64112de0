"""Addresses of the channels' door."""

from django.urls import path

from channels_ import views

app_name = "channels"

urlpatterns = [
    path("in/<slug:channel_code>/", views.receive, name="receive"),
]
