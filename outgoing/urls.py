"""Addresses of what leaves the house."""

from django.urls import path

from outgoing import views

app_name = "outgoing"

urlpatterns = [
    path("outgoing/", views.outgoing, name="outgoing"),
    path("outgoing/again/", views.many_again, name="many_again"),
    path("outgoing/erp.csv", views.erp_export, name="erp_export"),
    path("outgoing/<uuid:public_id>/", views.one, name="one"),
    path("outgoing/<uuid:public_id>/again/", views.again, name="again"),
    path("outgoing/<uuid:public_id>/letter.pdf", views.letter, name="letter"),
    path("outgoing/<uuid:public_id>/sent/", views.sent, name="sent"),
]
