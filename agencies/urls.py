"""Addresses of the pages of agencies; the partner API has its own in agencies/api.py."""

from django.urls import path

from agencies import pages

app_name = "agencies"

urlpatterns = [
    path("agencies/", pages.agencies, name="agencies"),
    path("agencies/float/<slug:public_id>/", pages.answer, name="answer"),
    path("agencies/<slug:code>/", pages.agency, name="agency"),
    path("agencies/<slug:code>/float/", pages.propose, name="propose"),
    path("agencies/<slug:code>/keys/<slug:key_id>/rotate/", pages.rotate, name="rotate"),
    path("agencies/<slug:code>/keys/<slug:key_id>/end/", pages.end, name="end"),
]
