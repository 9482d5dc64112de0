"""Addresses of the pages of payments; the API has its own in payments/api.py."""

from django.urls import path

from payments.views import ask, check, pay, payments, receipts

app_name = "payments"

_RECEIPT = "receipts/<slug:series>/<slug:year>/<int:number>/"

urlpatterns = [
    path("ask/<slug:channel_code>/", ask.ask, name="ask_root"),
    path("ask/<slug:channel_code>/<path:path>", ask.ask, name="ask"),
    path("check/", check.ask, name="check_form"),
    path("check/<str:token>/", check.check, name="check"),
    path("payments/", payments.payments, name="payments"),
    path("payments/find/", payments.find, name="find"),
    path("payments/export.csv", payments.export, name="export"),
    path("pay/begin/", pay.begin_upi, name="pay_begin"),
    path("pay/<str:reference>/", pay.pay, name="pay"),
    path("pay/<str:reference>/state/", pay.pay_state, name="pay_state"),
    path("pay/<str:reference>/qr.svg", pay.pay_code, name="pay_code"),
    path(_RECEIPT, receipts.receipt, name="receipt"),
    path(f"{_RECEIPT}print/", receipts.print_receipt, name="print_receipt"),
    path(f"{_RECEIPT}receipt.pdf", receipts.receipt_pdf, name="receipt_pdf"),
]
