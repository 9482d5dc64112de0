"""Today's configuration as the file that would make it, without a secret in it."""

import json
from collections.abc import Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from agencies.models import Agency
from channels_.models import (
    BankAccount,
    BankLineRule,
    Channel,
    FeeRate,
    FileSource,
    LedgerSystem,
)
from configuration import breaks
from configuration.schema import FILES_OWED, SECTIONS, Row
from counters.models import CashRule, OfficePolicy, ReturnCharge, SurchargeRate
from payments.models import Counter
from people.actions import granted_offices
from people.models import Office, User
from people.roles import ROLES
from reconciliation.models import Rule
from sources.models import FetchPlan, Holiday


def document() -> dict[str, list[Row]]:
    """The whole configuration in the shape that ``actions.apply`` reads."""
    rows = {
        "offices": [
            _office(one) for one in Office.objects.select_related("parent").order_by("path")
        ],
        "users": [_user(one) for one in User.objects.order_by("username")],
        "bank_accounts": [_account(one) for one in BankAccount.objects.order_by("code")],
        "channels": [_channel(one) for one in Channel.objects.order_by("position", "code")],
        "ledger_systems": [_ledger(one) for one in LedgerSystem.objects.order_by("code")],
        "agencies": [
            _agency(one)
            for one in Agency.objects.select_related("channel", "float_account").order_by("code")
        ],
        "line_rules": [_line_rule(one) for one in _line_rules_of(None)],
        "counters": [_counter(one) for one in Counter.objects.order_by("code")],
        "counter_policies": [
            _policy(one)
            for one in OfficePolicy.objects.select_related("office").order_by("office__path")
        ],
        "cash_rules": [
            _cash_rule(one)
            for one in CashRule.objects.select_related("office").order_by("code", "valid_from")
        ],
        "return_charges": [
            _return_charge(one) for one in ReturnCharge.objects.order_by("code", "valid_from")
        ],
        "surcharge_rates": [
            _plain(one, "valid_from", "percent")
            for one in SurchargeRate.objects.order_by("valid_from")
        ],
        "holidays": [_plain(one, "day", "name", "state") for one in Holiday.objects.all()],
        "fetch_plans": [_fetch_plan(one) for one in FetchPlan.objects.order_by("code")],
        "rules": [_rule(one) for one in _rules()],
        "decision_limits": breaks.limits(),
        "break_terms": breaks.terms(),
    }
    return {name: rows[name] for name in SECTIONS if rows[name]}


def toml(content: Mapping[str, list[Row]]) -> str:
    """The document as TOML."""
    lines = [line for name, rows in content.items() for row in rows for line in _table(name, row)]
    return "\n".join(lines).lstrip("\n") + "\n"


# ---- rows ----


def _office(one: Office) -> Row:
    row = {"code": one.code, "name": one.name, "kind": one.kind}
    return {**row, "parent": one.parent.code if one.parent else ""}


def _user(one: User) -> Row:
    names = set(one.groups.values_list("name", flat=True))
    return {
        "username": one.username,
        "full_name": one.full_name,
        "email": one.email,
        "language": one.language,
        "active": one.is_active,
        "demo": one.is_demo,
        "roles": [code for code in ROLES if code in names],
        "offices": [office.code for office in granted_offices(one)],
    }


def _account(one: BankAccount) -> Row:
    row = _plain(one, "code", "name", "bank", "account_number", "ifsc", "currency")
    row |= _files_owed(one)
    return {**row, "line_rules": [_line_rule(rule) for rule in _line_rules_of(one)]}


def _files_owed(one: FileSource) -> Row:
    return {**_plain(one, *FILES_OWED), "file_due_at": _time(one.file_due_at)}


def _channel(one: Channel) -> Row:
    row = _plain(one, "code", "name", "adapter", "route", "position", "merchant_id")
    rates = FeeRate.objects.filter(channel=one).order_by(
        "method", "network", "valid_from", "from_paise"
    )
    fields = ("method", "network", "from_paise", "percent", "flat_paise", "tax_percent")
    return {
        **row,
        "live": one.is_live,
        "bank_account": one.bank_account.code if one.bank_account else "",
        "settlement_days": one.settlement_days,
        "settlement_cutoff": _time(one.settlement_cutoff),
        "credit_days": one.credit_days,
        **_files_owed(one),
        "receipt_series": one.receipt_series,
        "api_url": one.api_url,
        "settings": one.settings,
        "quiet_minutes": one.quiet_minutes or 0,
        "fee_rates": [
            {
                **_plain(rate, *fields, "valid_from"),
                "cap_paise": rate.cap_paise or 0,
            }
            for rate in rates
        ],
    }


def _ledger(one: LedgerSystem) -> Row:
    names = ("code", "name", "compared_from", "posting_days", "clarification_days")
    return {**_plain(one, *names), **_files_owed(one), "settings": one.settings}


def _agency(one: Agency) -> Row:
    account = one.float_account
    return {
        **_plain(one, "code", "name", "kind"),
        "channel": one.channel.code,
        "offices": [office.code for office in one.offices.order_by("path")],
        "active": one.is_active,
        "payment_max_paise": one.payment_max_paise or 0,
        "day_max_paise": one.day_max_paise or 0,
        "opens_at": _time(one.opens_at),
        "closes_at": _time(one.closes_at),
        "hold_minutes": one.hold_minutes,
        "float": account.kind,
        "credit_limit_paise": account.credit_limit_paise,
        "alarm_paise": account.alarm_paise,
        "keys": [
            {
                "id": key.key_id,
                "capabilities": list(key.capabilities),
                "addresses": list(key.addresses),
            }
            for key in one.keys.filter(ended_at=None).order_by("key_id")
        ],
        "terminals": [
            {
                **_plain(terminal, "code", "place"),
                "office": terminal.office.code if terminal.office else "",
                "active": terminal.is_active,
            }
            for terminal in one.terminals.select_related("office").order_by("code")
        ],
    }


def _line_rules_of(account: BankAccount | None) -> Iterator[BankLineRule]:
    return iter(BankLineRule.objects.filter(account=account).order_by("priority", "id"))


def _line_rule(one: BankLineRule) -> Row:
    row = _plain(one, "priority", "side", "code", "words", "meaning")
    return {**row, "channel": one.channel.code if one.channel else ""}


def _counter(one: Counter) -> Row:
    return {
        "code": one.code,
        "name": one.name,
        "office": one.office.code,
        "bank_account": one.bank_account.code if one.bank_account else "",
        "open": one.is_open,
        "keeps_shifts": one.keeps_shifts,
    }


def _policy(one: OfficePolicy) -> Row:
    names = [name for name in SECTIONS["counter_policies"].fields if name != "office"]
    return {"office": one.office.code, **_plain(one, *names)}


def _cash_rule(one: CashRule) -> Row:
    row = _plain(one, "code", "per", "effect", "limit_paise", "may_override", "law", "valid_from")
    office = one.office.code if one.office else ""
    return {**row, "office": office, "valid_until": one.valid_until or ""}


def _return_charge(one: ReturnCharge) -> Row:
    names = ("code", "flat_paise", "percent", "gst_percent", "barred_days", "valid_from")
    return {**_plain(one, *names), "valid_until": one.valid_until or ""}


def _fetch_plan(one: FetchPlan) -> Row:
    source = one.source
    return {
        **_plain(one, "code", "kind", "address", "user", "secret_name", "host_key", "sender"),
        **_plain(one, "subject", "pattern", "days_back", "keep_days"),
        "source": source.code if source else "",
        "at": _time(one.at),
        "every_minutes": one.every_minutes or 0,
        "active": one.is_active,
    }


def _rules() -> list[Rule]:
    """The rules in force, those that rest among them."""
    return list(Rule.objects.filter(state=Rule.State.ACTIVE).order_by("priority", "code"))


def _rule(one: Rule) -> Row:
    names = ("code", "priority", "leg", "key", "fallbacks", "cardinality", "tolerance_paise")
    window = -1 if one.window_days is None else one.window_days
    row = {**_plain(one, *names), "window_days": window}
    return {**row, **_plain(one, "direction", "ambiguity"), "active": one.is_active}


def _plain(one: object, *names: str) -> Row:
    return {name: getattr(one, name) for name in names}


def _time(value: time | None) -> str:
    return value.strftime("%H:%M") if value else ""


# ---- TOML ----


def _table(path: str, row: Row) -> Iterator[str]:
    yield ""
    yield f"[[{path}]]"
    tables = {name: value for name, value in row.items() if _is_table(value)}
    for name, value in row.items():
        if name not in tables:
            yield f"{name} = {_value(value)}"
    for name, rows in tables.items():
        for one in rows:
            yield from _table(f"{path}.{name}", one)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_value(k)} = {_value(v)}' for k, v in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    # A JSON string is a TOML string, but for one control character that JSON leaves as it is.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
