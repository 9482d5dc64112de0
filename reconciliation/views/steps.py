"""The steps that can be taken with one break, a page each: what it does stands beside the form."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from attachments.forms import kept
from attachments.models import Kind as PaperKind
from cspdcl.kernel.errors import DomainError
from people.access import offices_of, roles, signed_in
from people.models import Office, User
from people.roles import FINANCE
from reconciliation import selectors
from reconciliation.desk import care, explain, letters, steps
from reconciliation.models import Break, BreakLetter, Decision, Reason, Stage
from reconciliation.step_forms import (
    AnswerStep,
    AskStep,
    DisputeStep,
    NoteStep,
    OwnerStep,
    SplitStep,
    TimingStep,
    WhyStep,
    day_of,
)

Kind = Decision.Kind
_Act = Callable[[HttpRequest, Break, forms.Form], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: its form, its words, and what is done with a valid form."""

    code: str
    title: str | Promise
    does: str | Promise
    icon: str
    form: type[forms.Form]
    act: _Act
    fits: Callable[[Break], bool] = lambda one: one.state == Break.State.OPEN


def _decide(kind: Decision.Kind) -> _Act:
    def act(request: HttpRequest, one: Break, form: forms.Form) -> str:
        asked = form.cleaned_data
        decision = steps.propose(
            one,
            kind=kind,
            why=asked["why"],
            maker=signed_in(request),
            until=day_of(asked.get("until")),
            letter_to=asked.get("letter_to", ""),
            parts=asked.get("parts", ()),
        )
        if decision.state == Decision.State.ALONE:
            return _("Done; it lies within your limit.")
        return _("Proposed. It acts when a second person approves it.")

    return act


def _note(request: HttpRequest, one: Break, form: forms.Form) -> str:
    user = signed_in(request)
    office = offices_of(user).order_by("path").first()
    if office is None:
        raise Http404
    paper = kept(form, "paper", kind=PaperKind.OTHER, office=office, by=user)
    if form.errors:
        return ""
    care.note(one, words=form.cleaned_data["words"], by=user, paper=paper)
    return _("Noted.")


def _hand_over(request: HttpRequest, one: Break, form: forms.Form) -> str:
    assert isinstance(form, OwnerStep)  # noqa: S101 - this step's own form
    asked = form.cleaned_data
    owner = form.people.get(asked["owner"])
    care.hand_over(one, owner=owner, due_on=asked["due_on"], by=signed_in(request))
    return _("Kept.")


def _ask(request: HttpRequest, one: Break, form: forms.Form) -> str:
    asked = form.cleaned_data
    letters.ask(one, words=asked["words"], to=asked["letter_to"], by=signed_in(request))
    return _("The question leaves in a moment; its answer is noted here.")


def _is_lone_credit(one: Break) -> bool:
    return (
        one.state == Break.State.OPEN
        and one.stage == Stage.BANK
        and one.reason
        in (Reason.UNIDENTIFIED_CREDIT, Reason.CREDITED_NOT_SETTLED, Reason.DUPLICATE)
    )


def _is_fee(one: Break) -> bool:
    return one.state == Break.State.OPEN and one.reason == Reason.FEE_DIFFERS


def _may_park(one: Break) -> bool:
    return one.state == Break.State.OPEN and not one.is_parked and one.stage != Stage.FEE


def _may_wait(one: Break) -> bool:
    return one.state == Break.State.OPEN and not one.is_parked


STEPS: Final[Mapping[str, Step]] = {
    one.code: one
    for one in (
        Step(
            code="note",
            title=gettext_lazy("Write a note"),
            does=gettext_lazy("It stays in the story of the break, with its paper."),
            icon="note",
            form=NoteStep,
            act=_note,
            fits=lambda _one: True,
        ),
        Step(
            code="owner",
            title=gettext_lazy("Owner and day"),
            does=gettext_lazy("Who cares for it, and by when it should be explained."),
            icon="user",
            form=OwnerStep,
            act=_hand_over,
        ),
        Step(
            code="wait",
            title=gettext_lazy("Wait until"),
            does=gettext_lazy(
                "The break leaves the list until the day has passed. It stays open in the proof."
            ),
            icon="clock",
            form=TimingStep,
            act=_decide(Kind.TIMING),
            fits=_may_wait,
        ),
        Step(
            code="suspense",
            title=gettext_lazy("Move to suspense"),
            does=gettext_lazy(
                "The break leaves the list and stands in suspense until the decision is undone. "
                "It stays open in the proof."
            ),
            icon="inbox",
            form=WhyStep,
            act=_decide(Kind.SUSPENSE),
            fits=_may_park,
        ),
        Step(
            code="ask",
            title=gettext_lazy("Ask the channel"),
            does=gettext_lazy("An e-mail leaves for who answers questions about this money."),
            icon="mail-question",
            form=AskStep,
            act=_ask,
        ),
        Step(
            code="dispute",
            title=gettext_lazy("Raise a dispute"),
            does=gettext_lazy(
                "When a second person agrees, a letter leaves that holds this against the channel "
                "or bank."
            ),
            icon="gavel",
            form=DisputeStep,
            act=_decide(Kind.DISPUTE),
        ),
        Step(
            code="split",
            title=gettext_lazy("Split the credit"),
            does=gettext_lazy(
                "The parts stand in the place of the credit, each with the name by which the next "
                "run finds it. They must come to the credit, to the paisa."
            ),
            icon="arrows-split",
            form=SplitStep,
            act=_decide(Kind.SPLIT),
            fits=_is_lone_credit,
        ),
        Step(
            code="fee",
            title=gettext_lazy("Accept the fee"),
            does=gettext_lazy(
                "What the channel kept is accepted for these lines; no run names them again."
            ),
            icon="percentage",
            form=WhyStep,
            act=_decide(Kind.FEE),
            fits=_is_fee,
        ),
    )
}


def steps_for(one: Break, *, is_decided: bool) -> list[dict[str, object]]:
    """The steps that fit a break now, for its page; while a decision waits only the light ones."""
    light = ("note", "owner", "ask")
    return [
        {
            "url": reverse("reconciliation:step", args=[one.public_id, step.code]),
            "title": step.title,
            "icon": step.icon,
        }
        for step in STEPS.values()
        if step.fits(one) and (not is_decided or step.code in light)
    ]


@roles(*FINANCE)
@require_http_methods(["GET", "POST"])
def take(request: HttpRequest, public_id: str, step: str) -> HttpResponse:
    """One step with one break: shown, and taken when it was filled in."""
    user = signed_in(request)
    one = get_object_or_404(selectors.visible_breaks(user), public_id=public_id)
    found = STEPS.get(step)
    if found is None:
        raise Http404
    is_sent = request.method == "POST"
    form = found.form(
        request.POST if is_sent else None,
        request.FILES if is_sent else None,
        initial=_initial(one),
    )
    if form.is_valid():
        try:
            said = found.act(request, one, form)
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            if not form.errors:
                messages.success(request, said)
                return redirect("reconciliation:break", one.public_id)
    context: dict[str, Any] = {
        "break": one,
        "reason": Reason(one.reason).label,
        "sentence": explain.sentence(one),
        "step": found,
        "form": form,
        "fits": found.fits(one),
        "paper": _paper(form, user) if is_sent and "paper" in form.fields else None,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "reconciliation/step.html", context, status=status)


@roles(*FINANCE)
@require_http_methods(["GET", "POST"])
def answer_letter(request: HttpRequest, public_id: str) -> HttpResponse:
    """Note what the channel answered, or that no answer is needed any more."""
    user = signed_in(request)
    letter = get_object_or_404(selectors.visible_letters(user), public_id=public_id)
    form = AnswerStep(request.POST if request.method == "POST" else None)
    if form.is_valid():
        end = letters.withdraw if request.POST.get("verdict") == "withdraw" else letters.note_answer
        try:
            end(letter, words=form.cleaned_data["words"], by=user)
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("Noted."))
            return redirect("reconciliation:break", letter.open_break.public_id)
    context = {
        "letter": letter,
        "break": letter.open_break,
        "form": form,
        "is_open": letter.state == BreakLetter.State.SENT,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "reconciliation/letter.html", context, status=status)


def _initial(one: Break) -> dict[str, object]:
    return {
        # What the ERP did is no question for the channel of the receipt.
        "letter_to": "" if one.stage == Stage.ERP else letters.contact_of(one.channel),
        "owner": one.owner.username if one.owner else "",
        "due_on": one.due_on,
    }


def _paper(form: forms.Form, user: User) -> object:
    """The paper that an earlier try of this form has kept, so that nobody sends it twice."""
    office: Office | None = offices_of(user).order_by("path").first()
    if office is None or form.is_valid():
        return None
    return kept(form, "paper", kind=PaperKind.OTHER, office=office, by=user)
