"""Addresses of unknown money."""

from django.urls import path

from enquiries import views

app_name = "enquiries"

urlpatterns = [
    path("unknown-money/", views.unknown_money, name="unknown_money"),
    path("unknown-money/<str:reference>/", views.question, name="question"),
    path("unknown-money/<str:reference>/ask/", views.ask, name="ask"),
    path("unknown-money/<str:reference>/failed/", views.decide, name="decide"),
]
