"""Addresses of the pages of the counters; the API has its own in counters/api.py."""

from django.urls import path

from counters.views import board, checks, safe, shifts, till

app_name = "counters"

urlpatterns = [
    path("counter/", till.counter, name="counter"),
    path("shift/", shifts.mine, name="shift"),
    path("shift/open/", shifts.open_, name="shift_open"),
    path("shift/hand-in/", shifts.ask, {"kind": "hand-in"}, name="shift_hand_in"),
    path("shift/give/", shifts.ask, {"kind": "give"}, name="shift_give"),
    path("shift/pay-out/", shifts.ask, {"kind": "pay-out"}, name="shift_pay_out"),
    path("shift/counterfeit/", checks.impound, name="counterfeit_new"),
    path("shifts/", shifts.index, name="shifts"),
    path("shifts/<uuid:public_id>/", shifts.shift, name="shift_page"),
    path("shifts/<uuid:public_id>/close/", shifts.begin_close, name="shift_begin_close"),
    path("shifts/<uuid:public_id>/count/", shifts.count, name="shift_count"),
    path("shifts/<uuid:public_id>/reasons/", shifts.explain, name="shift_explain"),
    path("shifts/<uuid:public_id>/accept/", shifts.accept, name="shift_accept"),
    path("shifts/<uuid:public_id>/recount/", shifts.recount, name="shift_recount"),
    path("cash-moves/<uuid:public_id>/", shifts.move, name="cash_move"),
    path("safes/", safe.index, name="safes"),
    path("safes/<slug:code>/", safe.page, name="safe"),
    path("safes/<slug:code>/float/", safe.issue, name="safe_float"),
    path("safes/<slug:code>/count/", safe.count, name="safe_count"),
    path("checks/", checks.index, name="checks"),
    path("checks/new/", checks.new, name="check_new"),
    path("checks/<uuid:public_id>/", checks.page, name="check"),
    path("checks/<uuid:public_id>/sheet/", checks.sheet, name="check_sheet"),
    path("counterfeits/", checks.register, name="counterfeits"),
    path("counterfeits/<uuid:public_id>/report/", checks.report, name="counterfeit_report"),
    path("counters/", board.counters, name="counters"),
    path("counters/<slug:code>/", board.counter_day, name="counter_day"),
    path("counters/<slug:code>/deposit/", board.deposit_make, name="deposit_make"),
    path("deposits/<slug:reference>/", board.deposit, name="deposit"),
]
