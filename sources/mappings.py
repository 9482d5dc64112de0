"""Mappings of an account: a draft made against a sample, proposed, approved by another person."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from channels_.contract import Statement, StatementFormat, StatementLine
from channels_.formats import prove
from channels_.formats.mapped import bank_table, bank_table_format, raw_rows
from channels_.models import BankAccount
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError, Malformed
from people import audit
from people.access import has_role
from people.models import User
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER
from sources.day_words import as_words
from sources.models import Mapping as Version

SAMPLE_MAX: Final = 8 * 1024 * 1024
ROWS_SHOWN: Final = 30
STATE: Final = Version.State
Told = Mapping[str, Any]


class BadSample(DomainError):
    """The file is no sample that could be shown."""

    code: ClassVar[str] = "bad_sample"


class NotReady(DomainError):
    """The mapping does not read its own sample whole, or is not in the state for this."""

    code: ClassVar[str] = "not_ready"


class NotYourPart(DomainError):
    """The person may not take this part: who makes a mapping never approves it."""

    code: ClassVar[str] = "not_your_part"


# ---- reading the sample ----


@dataclass(frozen=True, slots=True)
class Tried:
    """How a mapping reads its sample: each row, what it comes to, and whether it proves."""

    fault: str = ""  # why nothing can be read at all
    rows: Sequence[tuple[int, StatementLine | None, str]] = ()  # number, as read, or why not
    line_count: int = 0
    refused_count: int = 0
    credit_paise: int = 0
    debit_paise: int = 0
    opening_paise: int | None = None
    closing_paise: int | None = None
    problem: str = ""  # why it does not prove
    notes: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        """Whether every row was read and nothing contradicts them."""
        return not (self.fault or self.problem or self.refused_count) and self.line_count > 0


def try_on(account: BankAccount, told: Told, sample: BinaryIO) -> Tried:
    """Read the whole sample by a mapping that may be anything a person has typed so far."""
    if not told.get("columns"):
        return Tried(fault=_("Say which columns hold the day and the amount; then it is read."))
    try:
        layout = _format_of(account, told, code="mapped")
        statement = next(layout.read(sample))
        lines = list(statement.lines)
    except (TypeError, ValueError, Malformed) as error:
        return Tried(fault=as_words(str(error)))
    return _tried(statement, lines)


def _tried(statement: Statement, lines: Sequence[StatementLine]) -> Tried:
    read: list[tuple[int, StatementLine | None, str]] = [(one.line, one, "") for one in lines]
    read += [(one.line, None, as_words(one.problem)) for one in statement.refusals]
    amounts = [one.amount_paise for one in lines]
    page = statement.page
    problem = None if statement.refusals else prove(page, sum(amounts), lines_count=len(lines))
    return Tried(
        rows=sorted(read, key=lambda one: one[0])[:ROWS_SHOWN],
        line_count=len(lines),
        refused_count=len(statement.refusals),
        credit_paise=sum(one for one in amounts if one > 0),
        debit_paise=-sum(one for one in amounts if one < 0),
        opening_paise=page.opening_paise,
        closing_paise=page.closing_paise,
        problem=problem or "",
        notes=statement.notes,
    )


def first_rows(told: Told, sample: BinaryIO) -> list[tuple[int, list[str]]]:
    """The sample as it is, before anything is mapped: its first rows, cell by cell."""
    try:
        return list(islice(raw_rows(sample, told), ROWS_SHOWN))
    except (TypeError, ValueError, Malformed):
        sample.seek(0)
        text = sample.read(64 * 1024).decode("utf-8-sig", errors="replace")
        rows = enumerate(text.splitlines()[:ROWS_SHOWN], start=1)
        return [(number, [line[:400]]) for number, line in rows]


def _format_of(account: BankAccount, told: Told, *, code: str) -> StatementFormat:
    own = {"account": account.account_number, "currency": account.currency}
    title = _("%(account)s, its own table") % {"account": account.name}
    return bank_table_format(bank_table({**own, **told, "code": code, "title": title}))


# ---- what the account may use ----


def live_format(account: BankAccount) -> StatementFormat | None:
    """How files of unknown layout of this account are read now; None: they are not."""
    live = Version.objects.filter(account=account, state=STATE.LIVE).first()
    return _format_of(account, live.told, code=live.code) if live else None


def approved_format(account: BankAccount, code: str) -> StatementFormat | None:
    """A version by its code, also a replaced one: what waited is loaded as it was read."""
    approved = Version.objects.filter(account=account, state__in=[STATE.LIVE, STATE.RETIRED])
    found = next((one for one in approved if one.code == code), None)
    return _format_of(account, found.told, code=found.code) if found else None


# ---- its life ----


@transaction.atomic
def begin(
    account: BankAccount, sample: BinaryIO, *, name: str, maker: User, like: Version | None = None
) -> Version:
    """Begin the next version against a sample; it starts as the one in force reads."""
    person = _maker(maker)
    sha256 = _keep(sample)
    BankAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
    versions = Version.objects.filter(account=account)
    like = like or versions.filter(state=STATE.LIVE).first()
    last = versions.order_by("-version").first()
    made = Version.objects.create(
        account=account,
        version=last.version + 1 if last else 1,
        told=like.told if like else {},
        sample_name=Path(name).name[:200],
        sample_sha256=sha256,
        maker=person,
    )
    _record(person, "begun", made)
    return made


@transaction.atomic
def save(version: Version, told: Told, *, by: User) -> Version:
    """Keep what was typed so far, right or wrong; only a draft changes, and only by its maker."""
    locked = _locked(version, STATE.DRAFT)
    if locked.maker_id != _maker(by).pk:
        raise NotYourPart(_("Who began a draft goes on with it."))
    if locked.told != dict(told):
        locked.told = dict(told)
        locked.save(update_fields=["told"])
        _record(by, "changed", locked)
    return locked


@transaction.atomic
def propose(version: Version, *, reason: str, by: User) -> Version:
    """Let a second person look; the mapping must read its sample to the last row."""
    locked = _locked(version, STATE.DRAFT)
    if locked.maker_id != _maker(by).pk:
        raise NotYourPart(_("Who began a draft proposes it."))
    _refuse_unready(locked)
    locked.state, locked.reason = STATE.PROPOSED, reason.strip()[:300]
    locked.save(update_fields=["state", "reason"])
    _record(by, "proposed", locked)
    return locked


@transaction.atomic
def answer(version: Version, *, approves: bool, words: str, checker: User) -> Version:
    """Put it in force instead of the one before, or reject it with why."""
    person = User.objects.get(pk=checker.pk)
    if not has_role(person, FINANCE_APPROVER):
        raise NotYourPart(_("A finance approver answers a proposal."))
    locked = _locked(version, STATE.PROPOSED)
    if locked.maker_id == person.pk:
        raise NotYourPart(_("Who made it does not approve it."))
    if not approves and not words.strip():
        raise NotReady(_("Say why: the maker reads it."))
    if approves:
        _refuse_unready(locked)
        before = Version.objects.select_for_update().filter(
            account=locked.account, state=STATE.LIVE
        )
        for one in before:
            one.state = STATE.RETIRED
            one.save(update_fields=["state"])
    locked.state = STATE.LIVE if approves else STATE.REJECTED
    locked.checker, locked.answer, locked.decided_at = person, words.strip()[:300], now()
    try:
        locked.save(update_fields=["state", "checker", "answer", "decided_at"])
    except IntegrityError as error:
        raise NotReady(_("Another version came into force just now; look again.")) from error
    _record(person, "approved" if approves else "rejected", locked)
    return locked


@contextmanager
def sample_of(version: Version) -> Iterator[BinaryIO]:
    """The bytes of its sample."""
    with _path(version.sample_sha256).open("rb") as stream:
        yield stream


def _refuse_unready(version: Version) -> None:
    with sample_of(version) as sample:
        tried = try_on(version.account, version.told, sample)
    if not tried.is_ready:
        first = next((problem for _number, _line, problem in tried.rows if problem), "")
        why = tried.fault or first or tried.problem or _("no line was read")
        raise NotReady(_("It does not read its sample whole: %(why)s") % {"why": why})


def _maker(user: User) -> User:
    person = User.objects.get(pk=user.pk)
    if not has_role(person, FINANCE_OFFICER):
        raise NotYourPart(_("A finance officer makes mappings."))
    return person


def _locked(version: Version, state: Version.State) -> Version:
    locked = Version.objects.select_for_update(of=("self",)).get(pk=version.pk)
    if locked.state != state:
        words = _("Version %(n)s is not as you saw it: %(state)s.")
        raise NotReady(words % {"n": locked.version, "state": locked.get_state_display()})
    return locked


def _record(by: User, what: str, version: Version) -> None:
    audit.record(
        by,
        f"mapping.{what}",
        ("mapping", f"{version.account.code} v{version.version}"),
        after={"state": version.state, "told": version.told, "sample": version.sample_sha256},
    )


def _keep(sample: BinaryIO) -> str:
    """Samples lie beside the files, by their content."""
    content = sample.read(SAMPLE_MAX + 1)
    if not content or len(content) > SAMPLE_MAX:
        raise BadSample(_("A sample has at least one byte and at most 8 MB."))
    sha256 = hashlib.sha256(content).hexdigest()
    path = _path(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        aside = path.with_suffix(".arriving")
        aside.write_bytes(content)
        aside.rename(path)
    return sha256


def _path(sha256: str) -> Path:
    return Path(settings.STATEMENTS_DIR) / sha256[:2] / sha256
