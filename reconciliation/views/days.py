"""The closing of days: what is missing, who signs, each version with its certificate."""

from datetime import date, timedelta
from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import FINANCE, FINANCE_APPROVER, FINANCE_OFFICER, OPERATOR, READERS
from reconciliation import board, looks, selectors
from reconciliation.dayend import certificates, closing
from reconciliation.dayend.leaf import cause_row, leaf_of
from reconciliation.forms import AnswerForm, CloseForm
from reconciliation.models import DayClose

DAY_READERS: Final = (*READERS, OPERATOR)
DAYS_LISTED: Final = 45


@roles(*DAY_READERS)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """The last days, and where each stands on its way to a certificate."""
    rows = selectors.closing_days(signed_in(request), until=today(), days=DAYS_LISTED)
    context = {
        "rows": rows,
        "due": sum(row.state == "due" for row in rows),
        "open": sum(row.state == "open" for row in rows),
        "looks": looks.CLOSINGS,
        "columns": [
            {"label": _("Day")},
            {"label": _("Certificate")},
            {"label": _("Closed"), "is_minor": True},
            {"label": _("State")},
        ],
    }
    return render(request, "reconciliation/day_close_list.html", context)


@roles(*DAY_READERS)
@require_safe
def story(request: HttpRequest, day: date) -> HttpResponse:
    """One day: what is missing, its versions, what touched it, who signed."""
    return _show(request, day)


@roles(FINANCE_OFFICER, FINANCE_APPROVER)
@require_POST
def propose(request: HttpRequest, day: date) -> HttpResponse:
    """Propose to close the day, or to state it anew."""
    form = CloseForm(request.POST, is_restated=closing.live_close(day) is not None)
    if form.is_valid():
        try:
            closing.propose(day, maker=signed_in(request), reason=form.cleaned_data["reason"])
        except DomainError as refused:
            form.add_error("reason", str(refused))
        else:
            messages.success(request, _("Proposed. A finance approver signs it."))
            return redirect("reconciliation:day_close", day=day)
    return _show(request, day, close_form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@roles(*FINANCE)
@require_POST
def answer(request: HttpRequest, day: date) -> HttpResponse:
    """Sign the proposed version, or say why not."""
    user = signed_in(request)
    proposal = get_object_or_404(
        selectors.visible_closes(user), business_date=day, state=DayClose.State.PROPOSED
    )
    form = AnswerForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data["answer"]
        try:
            if form.cleaned_data["verdict"] == "approve":
                signed = closing.approve(proposal, checker=user, answer=said)
                told = _("%(number)s is signed.") % {"number": signed.number}
            else:
                closing.reject(proposal, checker=user, answer=said)
                told = _("Not signed. The day stays as it was.")
        except DomainError as refused:
            form.add_error("answer", str(refused))
        else:
            messages.success(request, told)
            return redirect("reconciliation:day_close", day=day)
    return _show(request, day, answer_form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _show(
    request: HttpRequest,
    day: date,
    *,
    close_form: CloseForm | None = None,
    answer_form: AnswerForm | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    user = signed_in(request)
    versions = list(selectors.visible_closes(user).filter(business_date=day).order_by("-id"))
    live = next((one for one in versions if one.state == DayClose.State.CLOSED), None)
    proposal = next((one for one in versions if one.state == DayClose.State.PROPOSED), None)
    waiting = closing.causes_waiting(day)
    missing = closing.obstacles(day) if live is None or waiting or proposal else []
    context: dict[str, Any] = {
        "day": day,
        "versions": [one for one in versions if one.state != DayClose.State.PROPOSED],
        "live": live,
        "proposal": proposal,
        "proposed": leaf_of(proposal) if proposal else None,
        "causes": [cause_row(certificates.cause_facts(one)) for one in waiting],
        "missing": missing,
        "state": selectors.closing_state(live, proposal, is_touched=bool(waiting)),
        "looks": looks.CLOSINGS,
        "version_looks": looks.DAY_CLOSES,
        "proof": board.proof_rows_of(live.run) if live else board.proof_rows(day),
        "close_form": close_form or CloseForm(is_restated=live is not None),
        "answer_form": answer_form or AnswerForm(),
        "refusals": _unshown(close_form, answer_form, proposal, user),
        "may_propose": has_role(user, *FINANCE),
        "may_sign": _may_answer(proposal, user),
        "is_mine": proposal is not None and proposal.maker_id == user.pk,
        "day_before": day - timedelta(days=1),
        "day_after": day + timedelta(days=1),
    }
    return render(request, "reconciliation/day_close.html", context, status=status)


def _unshown(
    close_form: CloseForm | None,
    answer_form: AnswerForm | None,
    proposal: DayClose | None,
    user: User,
) -> list[str]:
    """What was refused of a form that the page no longer shows, or never showed to this person."""
    hidden: list[CloseForm | AnswerForm] = []
    if close_form is not None and proposal is not None:
        hidden.append(close_form)
    if answer_form is not None and not _may_answer(proposal, user):
        hidden.append(answer_form)
    return [str(error) for form in hidden for errors in form.errors.values() for error in errors]


def _may_answer(proposal: DayClose | None, user: User) -> bool:
    return (
        proposal is not None
        and has_role(user, FINANCE_APPROVER)
        and (proposal.maker_id is None or proposal.maker_id != user.pk)
    )


# ---- certificates ----


@roles(*DAY_READERS)
@require_safe
def certificate(request: HttpRequest, day: date, version: int) -> HttpResponse:
    """A version as it is on paper."""
    close = signed_close(request, day, version)
    return render(request, "reconciliation/certificate.html", leaf_of(close))


@roles(*DAY_READERS)
@require_safe
def certificate_file(request: HttpRequest, day: date, version: int) -> HttpResponse:
    """The signed file of a version, always the same bytes."""
    close = signed_close(request, day, version)
    return HttpResponse(
        certificates.document(close),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{close.number}.json"'},
    )


def signed_close(request: HttpRequest, day: date, version: int) -> DayClose:
    """A signed version that the user may see; anything else is no page."""
    found = (
        selectors.visible_closes(signed_in(request))
        .filter(business_date=day, version=version, closed_at__isnull=False)
        .first()
    )
    if found is None:
        raise Http404
    return found
