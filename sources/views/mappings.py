"""A mapping on screen: the sample beside the form, and how each of its rows reads."""

from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from channels_.models import BankAccount
from cspdcl.kernel.errors import DomainError
from people.access import Somebody, has_role, roles, signed_in
from people.roles import AUDITOR, FINANCE, FINANCE_APPROVER, FINANCE_OFFICER
from sources import looks, mappings, selectors
from sources.mapping_forms import MappingForm, initial_of
from sources.models import Mapping

MAPPING_READERS: Final = (*FINANCE, AUDITOR)
HEADERS_MAX: Final = 80


class SampleForm(forms.Form):
    """A file whose rows show what its columns mean."""

    file = forms.FileField(
        label=gettext_lazy("Sample"),
        allow_empty_file=True,
        help_text=gettext_lazy("A real file of the bank, up to 8 MB: CSV, Excel, text, XML, JSON."),
    )


class WordsForm(forms.Form):
    """Why, or the answer."""

    verdict = forms.ChoiceField(
        required=False, choices=[("approve", "approve"), ("reject", "reject")]
    )
    words = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@roles(*MAPPING_READERS)
@require_safe
def listed(request: HttpRequest, code: str) -> HttpResponse:
    """The versions of an account, and the beginning of the next one."""
    return _list(request, _account(request.user, code), SampleForm())


@roles(FINANCE_OFFICER)
@require_POST
def begin(request: HttpRequest, code: str) -> HttpResponse:
    """Begin the next version with a sample."""
    account = _account(request.user, code)
    form = SampleForm(request.POST, request.FILES)
    if not form.is_valid():
        return _list(request, account, form)
    sent = form.cleaned_data["file"]
    try:
        made = mappings.begin(account, sent, name=sent.name, maker=signed_in(request))
    except DomainError as refused:
        form.add_error("file", str(refused))
        return _list(request, account, form)
    return redirect("sources:mapping", code=code, version=made.version)


@roles(*MAPPING_READERS)
@require_safe
def story(request: HttpRequest, code: str, version: int) -> HttpResponse:
    """One version: its form, its sample, and how that reads."""
    found = _version(request.user, code, version)
    return _show(request, found, MappingForm(initial=initial_of(found.told)), told=found.told)


@roles(FINANCE_OFFICER)
@require_POST
def preview(request: HttpRequest, code: str, version: int) -> HttpResponse:
    """How the sample reads by what is typed now; nothing is kept."""
    found = _version(request.user, code, version)
    form = MappingForm(request.POST)
    told = form.told() if form.is_valid() else None
    context = {"version": found, "form": form, **_reading(found, told)}
    return render(request, "sources/_reading.html", context)


@roles(FINANCE_OFFICER)
@require_POST
def save(request: HttpRequest, code: str, version: int) -> HttpResponse:
    """Keep what is typed; with ``propose`` let a second person look at it."""
    user, found = signed_in(request), _version(request.user, code, version)
    form, words = MappingForm(request.POST), WordsForm(request.POST)
    if not form.is_valid() or not words.is_valid():
        return _show(request, found, form, told=None, words=words)
    told = form.told()
    try:
        mappings.save(found, told, by=user)
        if "propose" in request.POST:
            mappings.propose(found, reason=words.cleaned_data["words"], by=user)
    except DomainError as refused:
        words.add_error("words", str(refused))
        return _show(request, found, form, told=told, words=words)
    said = _("A second person looks at it now.") if "propose" in request.POST else _("Saved.")
    messages.success(request, said)
    return redirect("sources:mapping", code=code, version=version)


@roles(FINANCE_APPROVER)
@require_POST
def answer(request: HttpRequest, code: str, version: int) -> HttpResponse:
    """Put a proposed version in force, or reject it."""
    found = _version(request.user, code, version)
    words = WordsForm(request.POST)
    asked = words.cleaned_data if words.is_valid() else {"verdict": "", "words": ""}
    approves = asked["verdict"] == "approve"
    try:
        mappings.answer(found, approves=approves, words=asked["words"], checker=signed_in(request))
    except DomainError as refused:
        words.add_error("words", str(refused))
        form = MappingForm(initial=initial_of(found.told))
        return _show(request, found, form, told=found.told, words=words)
    said = _("The account's files are read by it from now on.") if approves else _("Rejected.")
    messages.success(request, said)
    return redirect("sources:mapping", code=code, version=version)


def _list(request: HttpRequest, account: BankAccount, form: SampleForm) -> HttpResponse:
    context = {
        "account": account,
        "versions": list(selectors.mappings_visible_to(request.user).filter(account=account)),
        "looks": looks.MAPPINGS,
        "form": form,
        "may_begin": has_role(request.user, FINANCE_OFFICER),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "sources/mappings.html", context, status=status)


def _show(
    request: HttpRequest,
    version: Mapping,
    form: MappingForm,
    *,
    told: mappings.Told | None,
    words: WordsForm | None = None,
) -> HttpResponse:
    is_maker = version.maker == request.user and has_role(request.user, FINANCE_OFFICER)
    waits = version.state == Mapping.State.PROPOSED
    with mappings.sample_of(version) as sample:
        raw = mappings.first_rows(told or version.told, sample)
    context = {
        "version": version,
        "form": form,
        "words": words or WordsForm(),
        "looks": looks.MAPPINGS,
        "raw": raw,
        "headers": _headers(raw),
        "may_edit": is_maker and version.state == Mapping.State.DRAFT,
        "may_answer": waits and has_role(request.user, FINANCE_APPROVER) and not is_maker,
        **_reading(version, told),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if words and words.errors else HTTPStatus.OK
    if form.is_bound and form.errors:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "sources/mapping.html", context, status=status)


def _reading(version: Mapping, told: mappings.Told | None) -> dict[str, Any]:
    if told is None:
        return {"tried": None}
    with mappings.sample_of(version) as sample:
        return {"tried": mappings.try_on(version.account, told, sample)}


def _headers(raw: list[tuple[int, list[str]]]) -> list[str]:
    """What may be the name of a column: the cells of the widest rows."""
    widest = max((len(row) for _number, row in raw), default=0)
    cells = (cell.strip() for _number, row in raw if len(row) == widest for cell in row)
    named = [cell for cell in cells if cell and any(char.isalpha() for char in cell)]
    return list(dict.fromkeys(named))[:HEADERS_MAX]


def _account(user: Somebody, code: str) -> BankAccount:
    found = selectors.accounts_visible_to(user).filter(code=code).first()
    if found is None:
        raise Http404
    return found


def _version(user: Somebody, code: str, version: int) -> Mapping:
    rows = selectors.mappings_visible_to(user)
    found = rows.filter(account__code=code, version=version).first()
    if found is None:
        raise Http404
    return found
