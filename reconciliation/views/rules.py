"""The rules of matching: their order and what each matches, their versions, and new ones."""

from datetime import date, timedelta
from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import AUDITOR, FINANCE, FINANCE_APPROVER, OPERATOR
from reconciliation import looks, selectors
from reconciliation.desk import versions
from reconciliation.forms import AnswerForm, NewRuleForm, RuleForm, TryForm
from reconciliation.matching import backtest, tallies
from reconciliation.models import BackTest, Rule
from reconciliation.rulebook import rule_words
from reconciliation.rulebook.rules import content_of

RULE_READERS: Final = (*FINANCE, AUDITOR, OPERATOR)
_MAKING: Final = versions.IN_THE_MAKING


@roles(*RULE_READERS)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """The rules in the order they are tried, with what each matched."""
    user = signed_in(request)
    every = list(selectors.visible_rules(user).order_by("code", "version"))
    held = sorted(
        (one for one in every if one.state == Rule.State.ACTIVE),
        key=lambda one: (one.priority, one.code),
    )
    making = {one.code: one for one in every if one.state in _MAKING}
    last = selectors.visible_runs(user).filter(tallies__isnull=False).first()
    of_run, of_days = tallies.of_run(last), tallies.of_days(last.business_date if last else today())
    known = {one.code for one in held}
    context = {
        "rows": [
            {
                "rule": one,
                "sentence": rule_words.sentence(one),
                "last": of_run.get(one.code),
                "month": of_days.get(one.code),
                "making": making.get(one.code),
            }
            for one in [*held, *(rule for code, rule in making.items() if code not in known)]
        ],
        "last": last,
        "used": sum(one.is_active for one in held),
        "resting": sum(not one.is_active for one in held),
        "waiting": [one for one in making.values() if one.state == Rule.State.PROPOSED],
        "looks": looks.RULES,
        "may_write": has_role(user, *FINANCE),
        "columns": [
            {"label": _("Order"), "is_end": True, "is_minor": True},
            {"label": _("Rule")},
            {"label": _("Since"), "is_minor": True},
            {"label": _("Last run"), "is_end": True, "is_minor": True},
            {"label": _("30 days"), "is_end": True, "is_minor": True},
            {"label": _("State")},
        ],
    }
    return render(request, "reconciliation/rules.html", context)


@roles(*RULE_READERS)
@require_safe
def story(request: HttpRequest, code: str) -> HttpResponse:
    """One rule: what it says now, and every version it had."""
    user = signed_in(request)
    known = _known(user, code)
    held = _held(known)
    shown = held or known[0]
    context = {
        "rule": shown,
        "is_held": held is not None,
        "sentence": rule_words.sentence(shown),
        "facts": rule_words.facts(shown),
        "versions": known,
        "making": next((one for one in known if one.state in _MAKING), None),
        "looks": looks.RULES,
        "month": tallies.of_days(backtest.last_day()).get(code, 0),
        "may_write": has_role(user, *FINANCE),
    }
    return render(request, "reconciliation/rule.html", context)


@roles(*RULE_READERS)
@require_safe
def version(request: HttpRequest, code: str, version: int) -> HttpResponse:
    """One version: what it says, what it would change, and who stands for it."""
    return _show(request, _version(signed_in(request), code, version))


# ---- writing ----


@roles(*FINANCE)
@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest) -> HttpResponse:
    """A rule that is not there yet: its name and its books, then what it says."""
    names = NewRuleForm(request.GET or None)
    if not names.is_bound or not names.is_valid():
        context = {"names": names}
        status = HTTPStatus.UNPROCESSABLE_ENTITY if names.errors else HTTPStatus.OK
        return render(request, "reconciliation/rule_new.html", context, status=status)
    code, leg = names.cleaned_data["code"], names.cleaned_data["leg"]
    return _written(request, code, leg=leg, before=None)


@roles(*FINANCE)
@require_http_methods(["GET", "HEAD", "POST"])
def write(request: HttpRequest, code: str) -> HttpResponse:
    """The next version of a rule; it begins as the one in force, or the last that was written."""
    known = _known(signed_in(request), code)
    return _written(request, code, leg=known[0].leg, before=_held(known) or known[0])


@roles(*FINANCE)
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, code: str, version: int) -> HttpResponse:
    """A draft, written anew."""
    rule = _version(signed_in(request), code, version)
    if rule.state != Rule.State.DRAFT:
        raise Http404
    return _written(request, code, leg=rule.leg, before=rule, draft=rule)


def _written(
    request: HttpRequest, code: str, *, leg: str, before: Rule | None, draft: Rule | None = None
) -> HttpResponse:
    form = RuleForm(request.POST or None, leg=leg, initial=_begun(before, draft))
    if request.method == "POST" and form.is_valid():
        told: dict[str, Any] = {
            "content": form.content(),
            "effective_from": form.cleaned_data["effective_from"],
            "reason": form.cleaned_data["reason"],
            "maker": signed_in(request),
        }
        try:
            rule = versions.change(draft, **told) if draft else versions.draft(code, **told)
        except DomainError as refused:
            field = getattr(refused, "field", "")
            form.add_error(field if field in form.fields else None, str(refused))
        else:
            messages.success(request, _("Written. Try it, then propose it."))
            return redirect("reconciliation:rule_version", code=code, version=rule.version)
    context = {"form": form, "code": code, "leg": leg, "before": before, "draft": draft}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "reconciliation/rule_write.html", context, status=status)


def _begun(before: Rule | None, draft: Rule | None) -> dict[str, Any]:
    """What the form begins with."""
    if before is None:
        return {"priority": 100, "tolerance_paise": 0, "is_active": True, "effective_from": today()}
    keys = [*before.fallbacks, "", ""]
    more = {"second": keys[0], "third": keys[1]}
    if draft is not None:
        more |= {"effective_from": draft.effective_from, "reason": draft.reason}
    else:
        more["effective_from"] = max(today(), before.effective_from + timedelta(days=1))
    return content_of(before) | more


@roles(*FINANCE)
@require_POST
def count_now(request: HttpRequest, code: str) -> HttpResponse:
    """What the version in the form would change of what is open now; said while it is written."""
    leg = request.POST.get("leg", "")
    known = selectors.visible_rules(signed_in(request)).filter(code=code).first()
    form = RuleForm(request.POST, leg=known.leg if known else leg)
    form.fields["reason"].required = False
    found = None
    if form.is_valid():
        content = form.content()
        # No row, and no version: minus one is a rule that the passes know by its number alone.
        day: date = form.cleaned_data["effective_from"]
        asked = Rule(pk=-1, code=code, version=0, effective_from=day, **content)
        found = backtest.count_now(asked)
    context = {"found": found, "is_wrong": not form.is_valid()}
    return render(request, "reconciliation/_rule_count.html", context)


# ---- trying, proposing, answering ----


@roles(*FINANCE)
@require_POST
def try_over(request: HttpRequest, code: str, version: int) -> HttpResponse:
    """Ask a worker for the back-test."""
    rule = _version(signed_in(request), code, version)
    form = TryForm(request.POST)
    if form.is_valid():
        try:
            versions.try_over(rule, days=form.cleaned_data["days"], by=signed_in(request))
        except DomainError as refused:
            form.add_error("days", str(refused))
        else:
            return redirect("reconciliation:rule_version", code=code, version=version)
    return _show(request, rule, try_form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@roles(*RULE_READERS)
@require_safe
def tried(request: HttpRequest, code: str, version: int) -> HttpResponse:
    """How far the back-test is; asked for again while it is at work."""
    rule = _version(signed_in(request), code, version)
    return render(request, "reconciliation/_rule_tried.html", _tried(signed_in(request), rule))


@roles(*FINANCE)
@require_POST
def propose(request: HttpRequest, code: str, version: int) -> HttpResponse:
    """Put a version before a second person."""
    rule = _version(signed_in(request), code, version)
    try:
        versions.propose(rule, maker=signed_in(request))
    except DomainError as refused:
        return _show(request, rule, refusal=str(refused), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    messages.success(request, _("Proposed. It holds when a finance approver approves it."))
    return redirect("reconciliation:rule_version", code=code, version=version)


@roles(*FINANCE)
@require_POST
def answer(request: HttpRequest, code: str, version: int) -> HttpResponse:
    """Approve a version, refuse it, or take one's own back."""
    user = signed_in(request)
    rule = _version(user, code, version)
    form = AnswerForm(request.POST)
    is_own = rule.maker_id == user.pk
    if form.is_valid() or (is_own and request.POST.get("verdict") == "reject"):
        said = form.cleaned_data.get("answer", "")
        try:
            if form.cleaned_data.get("verdict") == "approve":
                versions.approve(rule, checker=user, answer=said)
                told = _("Approved. It holds from %(day)s on.") % {
                    "day": f"{rule.effective_from:%d-%m-%Y}"
                }
            else:
                versions.withdraw(rule, by=user, answer=said)
                told = _("It does not come into force.")
        except DomainError as refused:
            form.add_error("answer", str(refused))
        else:
            messages.success(request, told)
            return redirect("reconciliation:rule_version", code=code, version=version)
    return _show(request, rule, answer_form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


# ---- helpers ----


def _known(user: User, code: str) -> list[Rule]:
    """The versions of a rule, the latest first."""
    known = list(selectors.visible_rules(user).filter(code=code).order_by("-version"))
    if not known:
        raise Http404
    return known


def _held(known: list[Rule]) -> Rule | None:
    return next((one for one in known if one.state == Rule.State.ACTIVE), None)


def _version(user: User, code: str, version: int) -> Rule:
    return get_object_or_404(selectors.visible_rules(user), code=code, version=version)


def _show(
    request: HttpRequest,
    rule: Rule,
    *,
    try_form: TryForm | None = None,
    answer_form: AnswerForm | None = None,
    refusal: str = "",
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    user = signed_in(request)
    rule = _version(user, rule.code, rule.version)
    before = [one for one in _known(user, rule.code) if one.version < rule.version]
    followed = next((one for one in before if one.state != Rule.State.WITHDRAWN), None)
    is_proposed = rule.state == Rule.State.PROPOSED
    is_mine = rule.maker_id == user.pk
    context = {
        "rule": rule,
        "sentence": rule_words.sentence(rule),
        "facts": rule_words.facts(rule),
        "followed": followed,
        "differences": rule_words.differences(rule, followed),
        "looks": looks.RULES,
        "is_mine": is_mine,
        "is_making": rule.state in _MAKING,
        "is_tried": versions.is_tried(rule),
        "may_write": has_role(user, *FINANCE),
        "may_answer": is_proposed and has_role(user, FINANCE_APPROVER) and not is_mine,
        "try_form": try_form or TryForm(),
        "answer_form": answer_form or AnswerForm(),
        "refusal": refusal,
        **_tried(user, rule),
    }
    return render(request, "reconciliation/rule_version.html", context, status=status)


_TITLES: Final = {
    "match": gettext_lazy("Would match"),
    "break": gettext_lazy("Would not match any more"),
    "change": gettext_lazy("Would match otherwise"),
}


def _tried(user: User, rule: Rule) -> dict[str, Any]:
    """The last back-test of a version, as its panel shows it."""
    test = selectors.visible_back_tests(user).filter(rule=rule).order_by("-id").first()
    is_done = test is not None and test.state == BackTest.State.DONE
    codes = dict(Rule.objects.values_list("pk", "code")) if is_done else {}
    found = test.found if test and is_done else {}
    return {
        "rule": rule,
        "test": test,
        "test_looks": looks.BACK_TESTS,
        "is_running": test is not None
        and test.state in (BackTest.State.QUEUED, BackTest.State.RUNNING),
        "found": [
            {
                "code": word,
                "title": _TITLES[word],
                "samples": [
                    {**sample, "code": codes.get(sample["rule"], "")}
                    for sample in found[word]["samples"]
                ],
                **{name: found[word][name] for name in ("count", "paise")},
            }
            for word in backtest.WORDS
            if word in found
        ],
        "entries": found.get("entries", 0),
    }
