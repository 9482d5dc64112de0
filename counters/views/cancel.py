"""The supervisor cancels a receipt, in its own shift."""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from counters import cancelling
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from payments.forms import CancelForm
from payments.selectors import receipts_visible_to
from payments.views.receipts import address_of
from people.access import roles, signed_in
from people.roles import SUPERVISOR


@roles(SUPERVISOR)
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, series: str, year: str, number: int) -> HttpResponse:
    """Ask why, then cancel the receipt, and with it all that the same paper has paid."""
    rows = receipts_visible_to(request.user).select_related("payment__counter")
    found = get_object_or_404(rows, series=series, year=year, number=number)
    form = CancelForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            undone = cancelling.cancel(
                found.payment_id,
                supervisor=signed_in(request),
                reason=form.cleaned_data["reason"],
            )
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _words(len(undone)) % {
                "receipt": found.label,
                "count": len(undone),
                "amount": grouped_rupees(sum(one.amount_paise for one in undone)),
            })  # fmt: skip
            return HttpResponseRedirect(address_of(found))
    together = cancelling.fall_together(found.payment)
    context = {
        "receipt": found,
        "payment": found.payment,
        "together": together if len(together) > 1 else [],
        "total_paise": sum(one.amount_paise for one in together),
        "form": form,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "counters/cancel.html", context, status=status)


def _words(count: int) -> str:
    if count > 1:
        return _("%(count)d receipts over %(amount)s are cancelled. Take their papers back.")
    return _("Receipt %(receipt)s over %(amount)s is cancelled. Take the paper back.")
