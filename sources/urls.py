"""Addresses of the sources of files."""

from django.urls import path

from sources.views import holidays

app_name = "sources"

urlpatterns = [
    path("holidays/", holidays.listed, name="holidays"),
    path("holidays/put/", holidays.put, name="put_holiday"),
    path("holidays/load/", holidays.load, name="load_holidays"),
    path("holidays/remove/", holidays.remove, name="remove_holiday"),
]
