"""Addresses of the channels' door, and of those who keep the channels going."""

from django.urls import path

from channels_ import channel_pages, pages, views

app_name = "channels"

urlpatterns = [
    path("in/<slug:channel_code>/", views.receive, name="receive"),
    path("in/<slug:channel_code>/<path:path>", views.receive, name="receive_at"),
    path("operator/", pages.operator, name="operator"),
    path("operator/messages/", pages.messages, name="messages"),
    path("operator/messages/<slug:channel_code>/<path:event_key>/", pages.message, name="message"),
    path("operator/channels/<slug:channel_code>/", channel_pages.channel, name="channel"),
    path("operator/channels/<slug:channel_code>/pause/", channel_pages.pause, name="pause"),
    path("operator/channels/<slug:channel_code>/resume/", channel_pages.resume, name="resume"),
    path(
        "operator/channels/<slug:channel_code>/secrets/<slug:name>/",
        channel_pages.rotate,
        name="rotate",
    ),
    path("operator/replays/", channel_pages.replays, name="replays"),
    path("operator/replays/<int:replay_id>/", channel_pages.replay_state, name="replay_state"),
    path("operator/replay/<slug:channel_code>/<path:event_key>/", pages.replay, name="replay"),
]
