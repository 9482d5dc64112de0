"""Addresses of the channels' door, and of those who keep the channels going."""

from django.urls import path

from channels_ import pages, views

app_name = "channels"

urlpatterns = [
    path("in/<slug:channel_code>/", views.receive, name="receive"),
    path("in/<slug:channel_code>/<path:path>", views.receive, name="receive_at"),
    path("operator/", pages.operator, name="operator"),
    path("operator/messages/", pages.messages, name="messages"),
    path("operator/messages/<slug:channel_code>/<path:event_key>/", pages.message, name="message"),
    path("operator/replay/<slug:channel_code>/<path:event_key>/", pages.replay, name="replay"),
]
