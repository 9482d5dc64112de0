"""What is agreed for the counters, to read: policies of offices, and the rules with their dates."""

from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from counters import dated
from counters.dated import Dated
from counters.models import OfficePolicy
from counters.policy import LAW_CODE, law_of_cash, policies_of
from counters.selectors import (
    cash_rules_visible_to,
    return_charges_visible_to,
    surcharge_rates_visible_to,
)
from cspdcl.ui.looks import Look
from payments import looks
from people.access import Somebody, offices_of, roles
from people.models import Office
from people.roles import ADMINISTRATOR, READERS, SUPERVISOR

READ: Final = (SUPERVISOR, *READERS, ADMINISTRATOR)
PAGE_SIZE: Final = 50


class _Filter(forms.Form):
    q = forms.CharField(required=False, max_length=64)


@roles(*READ)
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Who runs their counters how, and which limits, charges and rates hold, held and will hold."""
    offices = Paginator(_offices(request), PAGE_SIZE).get_page(request.GET.get("page"))
    policies = policies_of(offices.object_list)
    rules = list(cash_rules_visible_to(request.user))
    if not any(rule.code == LAW_CODE and dated.has_begun(rule) for rule in rules):
        rules.append(law_of_cash())
    context = {
        "page": offices,
        "rows": [_policy_row(one, policies[one.pk]) for one in offices.object_list],
        "filters": [{"name": "q", "label": _("Office"), "kind": "text"}],
        "columns": _policy_columns(),
        "tables": _tables(request.user, rules),
    }
    return render(request, "counters/agreed.html", context)


def _offices(request: HttpRequest) -> Any:
    """The offices that have counters."""
    rows = offices_of(request.user).filter(counters__isnull=False).distinct().order_by("path")
    form = _Filter(request.GET)
    if form.is_valid() and (words := form.cleaned_data["q"].strip()):
        rows = rows.filter(Q(code__iexact=words) | Q(name__icontains=words))
    return rows


def _policy_columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Office")},
        {"label": _("Agreed for")},
        {"label": _("Taken"), "is_minor": True},
        {"label": _("Cheques")},
        {"label": _("Drawer, at most, ₹"), "is_end": True},
        {"label": _("Over or short, alone, ₹"), "is_end": True, "is_minor": True},
        {"label": _("Least part, ₹"), "is_end": True, "is_minor": True},
        {"label": _("At the window"), "is_minor": True},
    ]


def _policy_row(office: Office, policy: OfficePolicy) -> dict[str, Any]:
    own = policy.office if policy.pk else None
    return {
        "office": office,
        "agreed_for": own,
        "is_own": own == office,
        "policy": policy,
        "methods": [looks.METHODS[one] for one in policy.tenders],
        "holds": policy.post_dated == OfficePolicy.Late.HOLD,
    }


def _tables(user: Somebody, rules: Iterable[Dated]) -> list[dict[str, Any]]:
    """The three lists of rows with dates, each with its columns."""
    days = [
        {"label": _("First day")},
        {"label": _("Last day"), "is_minor": True},
        {"label": _("State")},
    ]
    return [
        {
            "title": _("Limits on cash"),
            "template": "counters/agreed_cash_row.html",
            "rows": _rows(rules),
            "columns": [
                {"label": _("Rule")},
                {"label": _("Limit, ₹"), "is_end": True},
                {"label": _("Counted for"), "is_minor": True},
                {"label": _("Office"), "is_minor": True},
                *days,
            ],
        },
        {
            "title": _("Charges for returned papers"),
            "template": "counters/agreed_charge_row.html",
            "rows": _rows(return_charges_visible_to(user)),
            "columns": [
                {"label": _("Rule")},
                {"label": _("Flat sum, ₹"), "is_end": True},
                {"label": _("Per cent of the paper"), "is_end": True},
                {"label": _("GST, per cent"), "is_end": True, "is_minor": True},
                {"label": _("Days without cheques"), "is_end": True, "is_minor": True},
                *days,
            ],
        },
        {
            "title": _("Late payment surcharge"),
            "template": "counters/agreed_rate_row.html",
            "rows": _rows(surcharge_rates_visible_to(user)),
            "columns": [
                {"label": _("Per cent a month")},
                {"label": _("First day")},
                {"label": _("State")},
            ],
        },
    ]


def _rows(rules: Iterable[Dated]) -> list[dict[str, Any]]:
    """Line by line, the earliest first, each with what it is today."""
    known = sorted(rules, key=lambda rule: (dated.line_of(rule), rule.valid_from))
    holding = dated.in_force(known)
    return [{"rule": rule, "look": _look(rule, holds=rule in holding)} for rule in known]


def _look(rule: Dated, *, holds: bool) -> Look:
    if not dated.has_begun(rule):
        return Look(_("to come"), "wait")
    return Look(_("in force"), "ok") if holds else Look(_("over"), "")
