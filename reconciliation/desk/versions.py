"""Versions of rules: one person writes and proposes, another approves, and then runs use it.

What is approved is what was tried: a back-test of the very version, against the rules as they are.
A version holds from a business date on, and never for a day that is closed with a certificate.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any, ClassVar, Final

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from people import audit
from people.access import has_role
from people.models import User
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER
from reconciliation import tasks
from reconciliation.matching import backtest
from reconciliation.models import BackTest, DayClose, Rule
from reconciliation.rulebook import rules

log = logging.getLogger(__name__)

IN_THE_MAKING: Final = (Rule.State.DRAFT, Rule.State.PROPOSED)


class NotAVersion(DomainError):
    """What was written cannot be a version; ``field`` is where it must be mended, or empty."""

    code: ClassVar[str] = "not_a_version"

    def __init__(self, text: str | Promise, *, field: str = "") -> None:
        super().__init__(str(text))
        self.field = field


class NotTried(DomainError):
    """Nobody has seen what the version would change: its back-test is missing or out of date."""

    code: ClassVar[str] = "not_tried"


class NotYourVersion(DomainError):
    """The person may not take this part: who wrote a version never approves it."""

    code: ClassVar[str] = "not_your_version"


# ---- writing ----


@transaction.atomic
def draft(
    code: str, *, content: Mapping[str, Any], effective_from: date, reason: str, maker: User
) -> Rule:
    """Write the next version of a rule, or the first of a new one.

    Raises NotAVersion for what no pass understands, and while another version is in the making.
    """
    person = _finance(maker)
    _refuse_wrong(content, reason=reason)
    known = list(_versions(code).select_for_update())
    _refuse_other_books(known, content)
    if any(one.state in IN_THE_MAKING for one in known):
        raise NotAVersion(_("Another version of this rule is in the making."))
    _refuse_day(code, effective_from)
    rule = Rule.objects.create(
        code=code,
        version=max((one.version for one in known), default=0) + 1,
        state=Rule.State.DRAFT,
        effective_from=effective_from,
        reason=reason.strip(),
        maker=person,
        **_content(content),
    )
    _record(person, "drafted", rule)
    return rule


@transaction.atomic
def change(
    rule: Rule, *, content: Mapping[str, Any], effective_from: date, reason: str, maker: User
) -> Rule:
    """Write a draft anew; who does is its maker from then on."""
    person = _finance(maker)
    locked = _locked(rule, Rule.State.DRAFT)
    _refuse_wrong(content, reason=reason)
    _refuse_other_books([one for one in _versions(rule.code) if one.pk != rule.pk], content)
    _refuse_day(locked.code, effective_from)
    for name, value in _content(content).items():
        setattr(locked, name, value)
    locked.effective_from, locked.reason, locked.maker = effective_from, reason.strip(), person
    locked.save()
    _record(person, "redrafted", locked)
    return locked


def _content(content: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: content[name] for name in rules.CONTENT if name in content}
    return told | {"fallbacks": list(told.get("fallbacks") or [])}


def _refuse_wrong(content: Mapping[str, Any], *, reason: str) -> None:
    for field, text in rules.wrong_in(content).items():
        raise NotAVersion(text, field=field)
    if not reason.strip():
        raise NotAVersion(_("Say why: the second person and the auditor read it."), field="reason")


def _refuse_other_books(known: Sequence[Rule], content: Mapping[str, Any]) -> None:
    if any(one.leg != content["leg"] for one in known):
        raise NotAVersion(_("A rule stays with its two books; write another rule."), field="leg")


def _refuse_day(code: str, day: date) -> None:
    """A version begins after the one it follows, and after every day that is signed."""
    closed = DayClose.objects.filter(state=DayClose.State.CLOSED).aggregate(
        last=Max("business_date")
    )["last"]
    if closed is not None and day <= closed:
        raise NotAVersion(
            _("%(day)s is closed with a certificate; begin after it.")
            % {"day": f"{closed:%d-%m-%Y}"},
            field="effective_from",
        )
    held = _versions(code).filter(state=Rule.State.ACTIVE).first()
    if held is not None and day <= held.effective_from:
        raise NotAVersion(
            _("Version %(version)s holds from %(day)s; begin after that day.")
            % {"version": held.version, "day": f"{held.effective_from:%d-%m-%Y}"},
            field="effective_from",
        )


# ---- trying ----


@transaction.atomic
def try_over(rule: Rule, *, days: int = backtest.DAYS, by: User) -> BackTest:
    """Let a worker try a version over the last days; the answer stands on its page."""
    person = _finance(by)
    locked = _locked(rule, *IN_THE_MAKING)
    if not 1 <= days <= backtest.DAYS_MAX:
        text = _("From 1 to %(most)s days can be tried.") % {"most": backtest.DAYS_MAX}
        raise NotAVersion(text, field="days")
    until = backtest.last_day()
    try:
        with transaction.atomic():
            test = BackTest.objects.create(
                rule=locked,
                content_hash=rules.content_hash(locked),
                against=rules.beside(locked.effective_from),
                days=days,
                since=until - timedelta(days=days - 1),
                until=until,
                asked_by=person,
            )
    except IntegrityError as error:
        raise NotAVersion(_("It is being tried already."), field="days") from error
    audit.record(person, "rule.tried", ("rule", str(locked)), after={"days": days})
    transaction.on_commit(partial(_send, test.pk))
    return test


def _send(test_id: int) -> None:
    """Ring for a worker; if nobody hears, the sweep of the timetable finds the row."""
    try:
        tasks.try_rule.apply_async(args=[test_id], retry=False)
    except (OperationalError, OSError) as error:
        log.warning("back-test %s could not be queued: %s", test_id, error)


# ---- proposing and answering ----


@transaction.atomic
def propose(rule: Rule, *, maker: User) -> Rule:
    """Put a draft before a second person; from then on it is final. Only its writer proposes."""
    person = _finance(maker)
    locked = _locked(rule, Rule.State.DRAFT)
    if locked.maker_id != person.pk:
        raise NotYourVersion(_("Who wrote a version proposes it."))
    _refuse_day(locked.code, locked.effective_from)
    _refuse_untried(locked)
    locked.state = Rule.State.PROPOSED
    locked.save(update_fields=["state"])
    _record(person, "proposed", locked)
    return locked


@transaction.atomic
def approve(rule: Rule, *, checker: User, answer: str = "") -> Rule:
    """Bring a proposed version into force, and end the one it follows on the day before.

    Raises NotYourVersion for its maker, NotTried when the rules have moved since its back-test.
    """
    person = User.objects.get(pk=checker.pk)  # their roles as they are in this transaction
    if not has_role(person, FINANCE_APPROVER):
        raise NotYourVersion(_("A finance approver brings a rule into force."))
    locked = _locked(rule, Rule.State.PROPOSED)
    if locked.maker_id == person.pk:
        raise NotYourVersion(_("Who wrote a version does not approve it."))
    _refuse_day(locked.code, locked.effective_from)
    _refuse_untried(locked)
    _retire(locked.code, until=locked.effective_from - timedelta(days=1))
    locked.state, locked.checker, locked.checked_at = Rule.State.ACTIVE, person, now()
    locked.answer = answer.strip()[:300]
    locked.save(update_fields=["state", "checker", "checked_at", "answer"])
    _record(person, "approved", locked)
    log.info("rule %s from %s on, by %s", locked, locked.effective_from, person.username)
    return locked


@transaction.atomic
def withdraw(rule: Rule, *, by: User, answer: str = "") -> Rule:
    """Say no to a version, with a reason; its own maker may take it back without one."""
    person = _finance(by)
    locked = _locked(rule, *IN_THE_MAKING)
    is_own = locked.maker_id == person.pk
    if not is_own and not has_role(person, FINANCE_APPROVER):
        raise NotYourVersion(_("A finance approver answers a version."))
    if not is_own and not answer.strip():
        raise NotAVersion(_("Say why: the maker reads it."), field="answer")
    locked.state, locked.answer = Rule.State.WITHDRAWN, answer.strip()[:300]
    if not is_own:
        locked.checker, locked.checked_at = person, now()
    locked.save(update_fields=["state", "answer", "checker", "checked_at"])
    _record(person, "withdrawn", locked)
    return locked


def is_tried(rule: Rule) -> bool:
    """Whether a finished back-test is of this very version and of the rules as they are now."""
    return tried(rule) is not None


def tried(rule: Rule) -> BackTest | None:
    """The latest finished back-test that still speaks for the version."""
    return (
        rule.back_tests.filter(
            state=BackTest.State.DONE,
            content_hash=rules.content_hash(rule),
            against=rules.beside(rule.effective_from),
        )
        .order_by("-id")
        .first()
    )


def _refuse_untried(rule: Rule) -> None:
    if not is_tried(rule):
        raise NotTried(
            _("Try it first: a back-test of this very version, with the rules as they are now.")
        )


# ---- by the house ----


@transaction.atomic
def install(code: str, *, content: Mapping[str, Any], effective_from: date, reason: str) -> Rule:
    """Let a version hold at once, by the installation or its configuration: nobody is its maker.

    A version that began on the same day or later never held. Raises NotAVersion.
    """
    for field, text in rules.wrong_in(content).items():
        raise NotAVersion(text, field=field)
    known = list(_versions(code).select_for_update())
    later = [
        one
        for one in known
        if one.effective_until and one.effective_until >= max(effective_from, one.effective_from)
    ]
    if later:
        raise NotAVersion(
            _("Version %(version)s holds until %(day)s; begin after that day.")
            % {"version": later[0].version, "day": f"{later[0].effective_until:%d-%m-%Y}"},
            field="effective_from",
        )
    _retire(code, until=effective_from - timedelta(days=1))
    rule = Rule.objects.create(
        code=code,
        version=max((one.version for one in known), default=0) + 1,
        state=Rule.State.ACTIVE,
        effective_from=effective_from,
        reason=reason,
        **_content(content),
    )
    _record(audit.SYSTEM, "installed", rule)
    return rule


# ---- helpers ----


def _versions(code: str) -> QuerySet[Rule]:
    return Rule.objects.filter(code=code).order_by("version")


def _locked(rule: Rule, *states: Rule.State) -> Rule:
    """The version, locked with all of its rule, in one of the states."""
    known = {one.pk: one for one in _versions(rule.code).select_for_update()}
    locked = known[rule.pk]
    if locked.state not in states:
        raise NotAVersion(
            _("%(rule)s is not open any more: %(state)s.")
            % {"rule": locked, "state": locked.get_state_display()}
        )
    return locked


def _retire(code: str, *, until: date) -> None:
    for held in _versions(code).filter(state=Rule.State.ACTIVE):
        held.state, held.effective_until = Rule.State.RETIRED, until
        held.save(update_fields=["state", "effective_until"])


def _finance(user: User) -> User:
    person = User.objects.get(pk=user.pk)  # their roles as they are in this transaction
    if not has_role(person, FINANCE_OFFICER, FINANCE_APPROVER):
        raise NotYourVersion(_("A finance officer writes the rules."))
    return person


def _record(actor: User | str, what: str, rule: Rule) -> None:
    audit.record(
        actor,
        f"rule.{what}",
        ("rule", str(rule)),
        after={
            "state": rule.state,
            "effective_from": rule.effective_from.isoformat(),
            "reason": rule.reason,
            "answer": rule.answer,
            **rules.content_of(rule),
        },
    )
