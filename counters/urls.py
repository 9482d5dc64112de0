"""Addresses of the pages of the counters; the API has its own in counters/api.py."""

from django.urls import path

from counters.views import board, till

app_name = "counters"

urlpatterns = [
    path("counter/", till.counter, name="counter"),
    path("counters/", board.counters, name="counters"),
    path("counters/<slug:code>/", board.counter_day, name="counter_day"),
    path("counters/<slug:code>/deposit/", board.deposit_make, name="deposit_make"),
    path("deposits/<slug:reference>/", board.deposit, name="deposit"),
]
