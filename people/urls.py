"""Addresses of people."""

from django.urls import path

from people.views import account, audit, door

app_name = "people"

urlpatterns = [
    path("sign-in/", door.sign_in, name="sign_in"),
    path("sign-out/", door.sign_out, name="sign_out"),
    path("sign-in/code/", door.second_factor, name="second_factor"),
    path("sign-in/phone/", door.enrol, name="enrol"),
    path("account/", account.account, name="account"),
    path("audit/", audit.trail, name="audit"),
    path("audit/export.csv", audit.export, name="audit_export"),
]
