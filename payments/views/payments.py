"""The list of payments, the search that leads to one, and the list as CSV."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    QueryDict,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from channels_.selectors import channels_visible_to
from cspdcl.kernel.clock import today
from payments import listing, looks
from payments.forms import PaymentFilter
from payments.models import Payment
from payments.selectors import hides_sums, payments_visible_to, search
from people.access import roles, signed_in
from people.models import User
from people.roles import CLERK, OPERATOR, READERS, SUPERVISOR

PAYMENT_READERS: Final = (CLERK, SUPERVISOR, *READERS, OPERATOR)
PAGE_SIZE: Final = 50
DAYS_AT_FIRST: Final = 7


@roles(*PAYMENT_READERS)
@require_safe
def payments(request: HttpRequest) -> HttpResponse:
    """The payments of the last week, or whatever the filters ask for."""
    if not request.GET:
        request.GET = _first_query()  # type: ignore[assignment]  # so that the filters show it
    user = signed_in(request)
    form = _form(request, user)
    chosen = _narrowed(user, form)
    sums = listing.totals(chosen)
    is_hidden = hides_sums(user)
    rows = listing.ordered(chosen, request.GET.get("sort", listing.NEWEST))
    page = _CountedPaginator(rows, PAGE_SIZE, counted=sums["count"]).get_page(
        request.GET.get("page")
    )
    context = {
        "form": form,
        "found_by": request.GET.get("q", ""),
        "page": page,
        "sum_paise": None if is_hidden else sums["paise"],
        "columns": _columns(),
        "filters": _filters(form),
        "exports": []
        if is_hidden
        else [{"url": reverse("payments:export"), "label": "CSV", "icon": "file-spreadsheet"}],
        "sums": []
        if is_hidden
        else [
            {"label": _("payments of"), "count": sums["count"], "paise": sums["paise"]},
            {
                "label": _("of them paid"),
                "count": sums["paid_count"],
                "paise": sums["paid_paise"],
                "tone": "ok",
            },
        ],
        "states": looks.STATES,
        "methods": looks.METHODS,
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "payments/payments.html", context, status=status)


@roles(*PAYMENT_READERS)
@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """Lead to the one payment that has what was typed, else to the list of all that have."""
    words = request.GET.get("q", "").strip()
    visible = payments_visible_to(signed_in(request))
    found = list(search(visible, words).values_list("reference", flat=True)[:2]) if words else []
    if len(found) == 1:
        return HttpResponseRedirect(reverse("reconciliation:payment", args=found))
    query = QueryDict(mutable=True)
    query["q"] = words
    return HttpResponseRedirect(f"{reverse('payments:payments')}?{query.urlencode()}")


@roles(*PAYMENT_READERS)
@require_safe
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """What the list shows as CSV; nothing while it would tell what an open drawer holds."""
    user = signed_in(request)
    if hides_sums(user):
        messages.error(request, _("The list is to be had when your drawer is counted."))
        return HttpResponseRedirect(f"{reverse('payments:payments')}?{request.GET.urlencode()}")
    chosen = _narrowed(user, _form(request, user))
    name = f"payments-{today().isoformat()}.csv"
    return StreamingHttpResponse(
        listing.as_csv(chosen),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


class _CountedPaginator(Paginator):  # type: ignore[type-arg]  # not subscriptable at run time
    """A paginator that need not count again what the sums have counted."""

    def __init__(self, rows: QuerySet[Payment], size: int, *, counted: int) -> None:
        super().__init__(rows, size)
        self._counted = counted

    @cached_property
    def count(self) -> int:
        """As counted with the sum."""
        return self._counted


def _first_query() -> QueryDict:
    query = QueryDict(mutable=True)
    query["since"] = (today() - timedelta(days=DAYS_AT_FIRST - 1)).isoformat()
    return query


def _form(request: HttpRequest, user: User) -> PaymentFilter:
    channels = list(channels_visible_to(user).order_by("position", "code"))
    return PaymentFilter(request.GET, channels=channels)


def _narrowed(user: User, form: PaymentFilter) -> QuerySet[Payment]:
    """What is not understood narrows to nothing: a filter that is ignored would mislead."""
    visible = payments_visible_to(user)
    return listing.narrowed(visible, form.cleaned_data) if form.is_valid() else visible.none()


def _columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Reference")},
        {"label": _("Day, time"), "sort": "day", "is_minor": True},
        {"label": _("Consumer"), "is_minor": True},
        {"label": _("Channel"), "is_minor": True},
        {"label": _("Paid by"), "is_minor": True},
        {"label": _("Receipt"), "is_minor": True},
        {"label": _("State")},
        {"label": _("Amount, ₹"), "sort": "amount", "is_end": True},
    ]


def _filters(form: PaymentFilter) -> list[dict[str, Any]]:
    return [
        {"name": "state", "label": _("State"), "choices": _choices(form, "state")},
        {"name": "channel", "label": _("Channel"), "choices": _choices(form, "channel")},
        {
            "name": "method",
            "label": _("Paid by"),
            "choices": [{"value": code, "label": word} for code, word in looks.METHODS.items()],
        },
        {"name": "since", "label": _("From"), "kind": "day"},
        {"name": "until", "label": _("To"), "kind": "day"},
        {"name": "least", "label": _("From ₹"), "kind": "amount"},
        {"name": "most", "label": _("To ₹"), "kind": "amount"},
        {"name": "q", "label": _("Has"), "kind": "text"},
    ]


def _choices(form: PaymentFilter, name: str) -> list[dict[str, Any]]:
    field = form.fields[name]
    return [{"value": value, "label": label} for value, label in getattr(field, "choices", ())]
