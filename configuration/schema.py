"""What a configuration file may say. Every refusal names the key and what was expected there."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.conf import settings

from agencies.capabilities import EVERY
from agencies.models import Agency, FloatAccount
from channels_.contract import Method
from channels_.models import BankLineRule, Channel, FileSource
from channels_.registry import adapters
from counters.models import CashRule, OfficePolicy
from counters.tenders import METHODS
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import PAISE_MAX
from people.models import Office
from people.roles import FINANCE, READERS, ROLES
from reconciliation.models import Decision, Leg, Reason, Rule
from reconciliation.rulebook.rules import Key
from sources.models import FetchPlan

Row = dict[str, Any]
Read = Callable[[Any], Any]


class ConfigurationRefused(DomainError):
    """The file says something that cannot be; nothing was changed."""

    code = "configuration_refused"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class Unexpected(ValueError):
    """A value is not what its key takes; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class SecretValue:
    """A secret as the file gives it: as text, or as the name under which the environment has it."""

    text: str = ""
    env: str = ""

    def found_in(self, secrets: Mapping[str, str]) -> str | None:
        """The secret itself; None when the environment does not have it."""
        return secrets.get(self.env) or None if self.env else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One kind of table: how each of its keys is read, and which a new row must have."""

    what: str
    key: str
    fields: Mapping[str, Read]
    required: frozenset[str] = field(default_factory=frozenset)
    once: tuple[str, ...] = ()  # what no two rows have in common; its key, when empty
    tables: Mapping[str, "Section"] = field(default_factory=dict)


# ---- readers of one value ----


def text(most: int, *, shape: str = "", least: int = 0) -> Read:
    """A text of at most so many characters, perhaps of a shape."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or not least <= len(value) <= most or "\0" in value:
            raise Unexpected(f"a text of {least or 'no'} to {most} characters")
        if shape and not re.fullmatch(shape, value):
            raise Unexpected(f"a text like {shape}")
        return value

    return read


def one_of(*known: str) -> Read:
    """One word of a closed list."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise Unexpected(f"one of {', '.join(known)}")
        return value

    return read


def whole(least: int, most: int) -> Read:
    """A whole number within bounds."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Unexpected(f"a whole number from {least} to {most}")
        return value

    return read


def yes_no(value: Any) -> bool:
    """``true`` or ``false``."""
    if not isinstance(value, bool):
        raise Unexpected("true or false")
    return value


def decimal(places: int, most: int) -> Read:
    """A number with so many decimals, not negative; it never passes through a float."""

    def read(value: Any) -> Decimal:
        expected = f"a number from 0 to {most} with at most {places} decimals"
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            raise Unexpected(expected)
        try:
            number = Decimal(value)
            exact = number.quantize(Decimal(1).scaleb(-places))
        except InvalidOperation:
            raise Unexpected(expected) from None
        if exact != number or not 0 <= number <= most:
            raise Unexpected(expected)
        return exact

    return read


def clock_time(value: Any) -> time | None:
    """A time of day in India, ``20:00``; an empty text is none."""
    if value == "":
        return None
    if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        return time.fromisoformat(value)
    if isinstance(value, time) and value.tzinfo is None:
        return value
    raise Unexpected("a time such as 20:00")


def minutes(value: Any) -> int | None:
    """A number of minutes; 0 is none."""
    return whole(0, 10_080)(value) or None


def limit(value: Any) -> int | None:
    """An amount in paise that something may reach; 0 is no limit."""
    return whole(0, PAISE_MAX)(value) or None


def agreed(value: Any) -> dict[str, Any]:
    """What was agreed with a partner: names that its adapter knows, checked with the channel."""
    if not isinstance(value, dict):
        raise Unexpected("a table of names and values")
    return value


def calendar_day(value: Any) -> date:
    """A day, ``2026-04-01``."""
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Unexpected("a day such as 2026-04-01") from None


def last_day(value: Any) -> date | None:
    """The last day that something holds; an empty text is none."""
    return None if value == "" else calendar_day(value)


def window(value: Any) -> int | None:
    """A number of working days; -1 is any day."""
    days = whole(-1, 30)(value)
    return None if days == -1 else int(days)


def list_of(read_one: Read) -> Read:
    """A list of such values, none twice."""

    def read(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Unexpected("a list")
        found = [read_one(one) for one in value]
        if len(set(found)) != len(found):
            raise Unexpected("a list without repetition")
        return found

    return read


def secret(value: Any) -> SecretValue:
    """A secret: a text, or ``{ env = "NAME" }``."""
    if isinstance(value, str) and value:
        return SecretValue(text=value)
    if isinstance(value, dict) and set(value) == {"env"} and isinstance(value["env"], str):
        return SecretValue(env=value["env"])
    raise Unexpected('a text, or { env = "NAME" }')


def named_secrets(value: Any) -> dict[str, SecretValue]:
    """A table of secrets by their names."""
    if not isinstance(value, dict):
        raise Unexpected("a table of secrets by name")
    return {name: secret(one) for name, one in value.items()}


def adapter_code(value: Any) -> str:
    """The folder of an adapter."""
    return str(one_of(*sorted(adapters()))(value))


# ---- the tables ----

OFFICE: Final = text(24, least=1, shape=r"[A-Za-z0-9][A-Za-z0-9_-]*")
RULE: Final = text(32, least=1, shape=r"[A-Za-z0-9_-]+")
CODE: Final = text(24, least=1, shape=r"[a-z0-9][a-z0-9_-]*")

LINE_RULES: Final = Section(
    what="line_rule",
    key="priority",
    fields={
        "priority": whole(1, 32767),
        "side": one_of(*BankLineRule.Side.values),
        "code": text(16),
        "words": text(120),
        "meaning": one_of(*BankLineRule.Meaning.values),
        "channel": text(24),
    },
    required=frozenset({"meaning"}),
)

FEE_RATES: Final = Section(
    what="fee_rate",
    key="method",
    fields={
        "method": one_of(*(method.value for method in Method)),
        "network": text(24),
        "percent": decimal(4, 100),
        "flat_paise": whole(0, 10**9),
        "from_paise": whole(0, PAISE_MAX),
        "cap_paise": limit,
        "tax_percent": decimal(2, 100),
        "valid_from": calendar_day,
    },
    required=frozenset({"valid_from"}),
    once=("method", "network", "valid_from", "from_paise"),
)

API_KEYS: Final = Section(
    what="api_key",
    key="name",
    fields={"name": text(80, least=1), "key": secret},
    required=frozenset({"key"}),
)

AGENCY_KEYS: Final = Section(
    what="agency_key",
    key="id",
    fields={
        "id": text(40, least=4, shape=r"[A-Za-z0-9_-]+"),
        "secret": secret,
        "capabilities": list_of(one_of(*EVERY)),
        "addresses": list_of(text(43, least=2)),
    },
)

TERMINALS: Final = Section(
    what="terminal",
    key="code",
    fields={
        "code": text(24, least=1, shape=r"[A-Za-z0-9._-]+"),
        "office": text(24),
        "place": text(120),
        "active": yes_no,
    },
)

# Where files are fetched; of a web server {day} is a day, {day:%d%m%Y} too.
ADDRESS: Final = (
    r"(sftp|imaps|https)://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/([^\s{}]|\{day(:[%A-Za-z_.-]+)?\})*)?"
)

# What whoever sends files owes, and what becomes of them.
FILES_OWED: Final[Mapping[str, Read]] = {
    "file_due_at": clock_time,
    "file_days": one_of(*FileSource.Days.values),
    "file_due_days": whole(0, 30),
    "file_policy": one_of(*FileSource.Policy.values),
    "file_compared": yes_no,
}

# In the order they are applied: what a row names must be there before it.
SECTIONS: Final[Mapping[str, Section]] = {
    "offices": Section(
        what="office",
        key="code",
        fields={
            "code": OFFICE,
            "name": text(120, least=1),
            "kind": one_of(*Office.Kind.values),
            "parent": text(24),
        },
        required=frozenset({"name", "kind"}),
    ),
    "users": Section(
        what="user",
        key="username",
        fields={
            "username": text(64, least=1, shape=r"[A-Za-z0-9][A-Za-z0-9._@+-]*"),
            "full_name": text(120, least=1),
            "email": text(254),
            "language": one_of(*(code for code, _name in settings.LANGUAGES)),
            "active": yes_no,
            "demo": yes_no,
            "roles": list_of(one_of(*ROLES)),
            "offices": list_of(OFFICE),
            "password": secret,
        },
        required=frozenset({"full_name", "roles"}),
        tables={"api_keys": API_KEYS},
    ),
    "bank_accounts": Section(
        what="bank_account",
        key="code",
        fields={
            "code": CODE,
            "name": text(120, least=1),
            "bank": text(80, least=1),
            "account_number": text(35, least=1, shape=r"[A-Z0-9]+"),
            "ifsc": text(11, shape=r"([A-Z]{4}0[A-Z0-9]{6})?"),
            "currency": text(3, least=3, shape=r"[A-Z]{3}"),
            **FILES_OWED,
        },
        required=frozenset({"name", "bank", "account_number"}),
        tables={"line_rules": LINE_RULES},
    ),
    "channels": Section(
        what="channel",
        key="code",
        fields={
            "code": CODE,
            "name": text(80, least=1),
            "adapter": adapter_code,
            "route": one_of(*Channel.Route.values),
            "live": yes_no,
            "position": whole(0, 32767),
            "merchant_id": text(64),
            "bank_account": text(24),
            "settlement_days": whole(0, 30),
            "settlement_cutoff": clock_time,
            "credit_days": whole(0, 30),
            **FILES_OWED,
            "receipt_series": text(12, least=1, shape=r"[A-Z0-9-]+"),
            "api_url": text(200, shape=r"(https?://[^/\s]+(/[^\s]*)?)?"),
            "settings": agreed,
            "quiet_minutes": minutes,
            "secrets": named_secrets,
        },
        required=frozenset({"name", "adapter", "route"}),
        tables={"fee_rates": FEE_RATES},
    ),
    "ledger_systems": Section(
        what="ledger_system",
        key="code",
        fields={
            "code": CODE,
            "name": text(80, least=1),
            "compared_from": calendar_day,
            "posting_days": whole(0, 30),
            "clarification_days": whole(0, 250),
            **FILES_OWED,
            "settings": agreed,
        },
        required=frozenset({"name", "compared_from"}),
    ),
    "agencies": Section(
        what="agency",
        key="code",
        fields={
            "code": CODE,
            "name": text(80, least=1),
            "kind": one_of(*Agency.Kind.values),
            "channel": CODE,
            "offices": list_of(OFFICE),
            "active": yes_no,
            "payment_max_paise": limit,
            "day_max_paise": limit,
            "opens_at": clock_time,
            "closes_at": clock_time,
            "hold_minutes": whole(1, 1440),
            "float": one_of(*FloatAccount.Kind.values),
            "credit_limit_paise": whole(0, PAISE_MAX),
            "alarm_paise": whole(0, PAISE_MAX),
        },
        required=frozenset({"name", "kind", "channel"}),
        tables={"keys": AGENCY_KEYS, "terminals": TERMINALS},
    ),
    "line_rules": LINE_RULES,
    "counters": Section(
        what="counter",
        key="code",
        fields={
            "code": text(24, least=1, shape=r"[A-Za-z0-9][A-Za-z0-9_-]*"),
            "name": text(80, least=1),
            "office": OFFICE,
            "bank_account": text(24),
            "open": yes_no,
            "keeps_shifts": yes_no,
        },
        required=frozenset({"name", "office"}),
    ),
    "counter_policies": Section(
        what="counter_policy",
        key="office",
        fields={
            "office": OFFICE,
            "shows_running_total": yes_no,
            "wants_denominations": yes_no,
            "receipt_paper": one_of(*OfficePolicy.Paper.values),
            "drawer_limit_paise": whole(1, PAISE_MAX),
            "difference_limit_paise": whole(0, PAISE_MAX),
            "part_from_paise": whole(1, PAISE_MAX),
            "tenders": list_of(one_of(*(one.value for one in Method if one in METHODS))),
            "post_dated": one_of(*OfficePolicy.Late.values),
            "cheque_months": whole(1, 3),
            "days_to_bank": whole(0, 20),
            "cheque_from_paise": whole(0, PAISE_MAX),
            "clearing_days": whole(0, 32767),
            "dishonours_at_once": yes_no,
        },
    ),
    "cash_rules": Section(
        what="cash_rule",
        key="code",
        fields={
            "code": RULE,
            "per": one_of(*CashRule.Per.values),
            "effect": one_of(*CashRule.Effect.values),
            "limit_paise": whole(1, PAISE_MAX),
            "office": text(24),
            "may_override": yes_no,
            "law": text(80),
            "valid_from": calendar_day,
            "valid_until": last_day,
        },
        required=frozenset({"per", "effect", "limit_paise"}),
        once=("code", "valid_from"),
    ),
    "return_charges": Section(
        what="return_charge",
        key="code",
        fields={
            "code": RULE,
            "flat_paise": whole(0, PAISE_MAX),
            "percent": decimal(2, 100),
            "gst_percent": decimal(2, 100),
            "barred_days": whole(0, 32767),
            "valid_from": calendar_day,
            "valid_until": last_day,
        },
        once=("code", "valid_from"),
    ),
    "surcharge_rates": Section(
        what="surcharge_rate",
        key="valid_from",
        fields={"valid_from": calendar_day, "percent": decimal(2, 100)},
        required=frozenset({"percent"}),
    ),
    "holidays": Section(
        what="holiday",
        key="day",
        fields={
            "day": calendar_day,
            "name": text(80, least=1),
            "state": text(2, shape=r"([A-Z]{2})?"),
        },
        required=frozenset({"name"}),
        once=("day", "state"),
    ),
    "fetch_plans": Section(
        what="fetch_plan",
        key="code",
        fields={
            "code": CODE,
            "source": CODE,
            "kind": one_of(*FetchPlan.Kind.values),
            "address": text(300, least=9, shape=ADDRESS),
            "user": text(120),
            "secret": secret,
            "secret_name": text(32, shape=r"[a-z0-9_]*"),
            "host_key": text(2000, shape=r"[ -~]*"),
            "sender": text(254, shape=r"[^@\s\"]*(@[^@\s\"]+)?"),
            "subject": text(120),
            "pattern": text(120, least=1),
            "at": clock_time,
            "every_minutes": minutes,
            "days_back": whole(0, 30),
            "keep_days": whole(1, 36_500),
            "active": yes_no,
        },
        required=frozenset({"source", "kind", "address"}),
    ),
    "rules": Section(
        what="rule",
        key="code",
        fields={
            "code": text(32, least=1, shape=r"[a-z0-9][a-z0-9_-]*"),
            "priority": whole(1, 32767),
            "leg": one_of(*Leg.values),
            "key": one_of(*Key.values),
            "cardinality": one_of(*Rule.Cardinality.values),
            "fallbacks": list_of(one_of(*Key.values)),
            "tolerance_paise": whole(0, 100),
            "window_days": window,
            "direction": one_of(*Rule.Direction.values),
            "ambiguity": one_of(*Rule.Ambiguity.values),
            "active": yes_no,
            "effective_from": calendar_day,
        },
        required=frozenset({"priority", "leg", "key", "cardinality"}),
    ),
    "decision_limits": Section(
        what="decision_limit",
        key="kind",
        fields={
            "kind": one_of(*Decision.Kind.values),
            "role": one_of(*FINANCE),
            "alone_paise": whole(0, PAISE_MAX),
            "approve_paise": whole(0, PAISE_MAX),
        },
        once=("kind", "role"),
    ),
    "break_terms": Section(
        what="break_term",
        key="reason",
        fields={
            "reason": one_of(*Reason.values),
            "working_days": whole(0, 250),
            "escalate_to": one_of(*READERS),
        },
        required=frozenset({"working_days", "escalate_to"}),
    ),
}


def understood(document: Mapping[str, Any]) -> dict[str, list[Row]]:
    """The document with every value read; refuses it whole, naming all that is wrong."""
    known = ", ".join(SECTIONS)
    problems = [f"{x}: is no key; expected one of {known}" for x in document if x not in SECTIONS]
    read = {
        name: _rows(document[name], section, name, problems)
        for name, section in SECTIONS.items()
        if name in document
    }
    if problems:
        raise ConfigurationRefused(problems)
    return read


def _rows(value: Any, section: Section, path: str, problems: list[str]) -> list[Row]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        problems.append(f"{path}: expected tables, each written as [[{path}]]")
        return []
    rows: list[Row] = []
    for index, one in enumerate(value):
        here = f"{path}[{one.get(section.key, index)}]"
        if section.key not in one:
            problems.append(f"{here}.{section.key}: is required")
            continue
        rows.append(_row(one, section, here, problems))
    _refuse_repetition(rows, section, path, problems)
    return rows


def _row(value: Mapping[str, Any], section: Section, path: str, problems: list[str]) -> Row:
    row: Row = {}
    for name, one in value.items():
        here = f"{path}.{name}"
        if name in section.tables:
            row[name] = _rows(one, section.tables[name], here, problems)
        elif name not in section.fields:
            known = ", ".join([*section.fields, *section.tables])
            problems.append(f"{here}: is no key; expected one of {known}")
        else:
            try:
                row[name] = section.fields[name](one)
            except Unexpected as error:
                problems.append(f"{here}: expected {error}, got {_shown(name, one)}")
    return row


def _refuse_repetition(
    rows: Sequence[Row], section: Section, path: str, problems: list[str]
) -> None:
    names = section.once or (section.key,)
    seen: set[tuple[Any, ...]] = set()
    for row in rows:
        mine = tuple(row.get(name, "") for name in names)
        if mine in seen:
            problems.append(f"{path}[{row.get(section.key)}]: is there twice")
        seen.add(mine)


def _shown(name: str, value: Any) -> str:
    """The value as the file has it, but for secrets."""
    if name in {"password", "key", "secret", "secrets"}:
        return "something else"
    return repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:57]}..."
