"""Addresses of refunds, disputes and the clock; the API has its own in refunds/api.py."""

from django.urls import path

from refunds.views import clock, disputes, refunds

app_name = "refunds"

urlpatterns = [
    path("refunds/", refunds.refunds, name="refunds"),
    path("refunds/ask/<str:reference>/", refunds.ask, name="ask"),
    path("refunds/<str:reference>/", refunds.refund, name="refund"),
    path("refunds/<str:reference>/decide/", refunds.decide, name="decide"),
    path("refunds/<str:reference>/done/", refunds.done, name="done"),
    path("disputes/", disputes.disputes, name="disputes"),
    path("disputes/<uuid:public_id>/", disputes.dispute, name="dispute"),
    path("disputes/<uuid:public_id>/answer/", disputes.answer, name="answer"),
    path("disputes/<uuid:public_id>/conclude/", disputes.conclude, name="conclude"),
    path("answers/<uuid:public_id>/decide/", disputes.decide, name="answer_decide"),
    path("answers/<uuid:public_id>/done/", disputes.done, name="answer_done"),
    path("clock/", clock.clock, name="clock"),
    path("clock/<str:reference>/back/", clock.came_back, name="came_back"),
]
