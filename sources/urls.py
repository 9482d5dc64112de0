"""Addresses of the sources of files."""

from django.urls import path

from sources.views import holidays, sources

app_name = "sources"

urlpatterns = [
    path("sources/", sources.listed, name="sources"),
    path("sources/<slug:code>/", sources.story, name="source"),
    path("sources/<slug:code>/fetch/", sources.fetch, name="fetch"),
    path("holidays/", holidays.listed, name="holidays"),
    path("holidays/put/", holidays.put, name="put_holiday"),
    path("holidays/load/", holidays.load, name="load_holidays"),
    path("holidays/remove/", holidays.remove, name="remove_holiday"),
]
