"""Addresses of the sources of files."""

from django.urls import path

from sources.views import holidays, mappings, sources

app_name = "sources"

urlpatterns = [
    path("sources/", sources.listed, name="sources"),
    path("sources/<slug:code>/", sources.story, name="source"),
    path("sources/<slug:code>/fetch/", sources.fetch, name="fetch"),
    path("sources/<slug:code>/mappings/", mappings.listed, name="mappings"),
    path("sources/<slug:code>/mappings/begin/", mappings.begin, name="begin_mapping"),
    path("sources/<slug:code>/mappings/<int:version>/", mappings.story, name="mapping"),
    path(
        "sources/<slug:code>/mappings/<int:version>/preview/", mappings.preview, name="try_mapping"
    ),
    path("sources/<slug:code>/mappings/<int:version>/save/", mappings.save, name="save_mapping"),
    path(
        "sources/<slug:code>/mappings/<int:version>/answer/",
        mappings.answer,
        name="answer_mapping",
    ),
    path("holidays/", holidays.listed, name="holidays"),
    path("holidays/put/", holidays.put, name="put_holiday"),
    path("holidays/load/", holidays.load, name="load_holidays"),
    path("holidays/remove/", holidays.remove, name="remove_holiday"),
]
