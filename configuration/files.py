"""What the file says of who sends files: bank holidays, and where the files are fetched."""

from typing import Final
from urllib.parse import urlsplit

from django.db.models import Q

from channels_.models import BankAccount, Channel, LedgerSystem, Source
from configuration.agencies import Configuring
from configuration.schema import SECTIONS, Row
from sources import secrets
from sources.models import FetchPlan, Holiday, SourceSecret
from sources.remote import sftp
from sources.remote.terms import OutOfReach

_PLAIN: Final = (
    *("kind", "address", "user", "secret_name", "host_key", "sender", "subject", "pattern"),
    *("at", "every_minutes", "days_back", "keep_days"),
)
_KINDS: Final = (Channel, BankAccount, LedgerSystem)
_BEGINS: Final = {"sftp": "sftp://", "mailbox": "imaps://", "https": "https://"}


def apply_holiday(row: Row, *, to: Configuring) -> None:
    """Make one holiday what its row says; another state is another row."""
    lookup = {"day": row["day"], "state": row.get("state", "")}
    label = f"{row['day']} {lookup['state'] or '*'}"
    values = {name: row[name] for name in ("name",) if name in row}
    if not values and not Holiday.objects.filter(**lookup).exists():
        to.refuse(f"holidays[{label}].name: is required for a new holiday")
        return
    to.store(Holiday, SECTIONS["holidays"].what, label, lookup, values)


def apply_fetch_plan(row: Row, *, to: Configuring) -> None:
    """Make one plan what its row says; its secret goes to its source under its name."""
    path = f"fetch_plans[{row['code']}]"
    values: Row = {name: row[name] for name in _PLAIN if name in row}
    if "active" in row:
        values["is_active"] = row["active"]
    source = _source(row, path, to)
    if source is not None:
        values |= {kind.whose: None for kind in _KINDS} | {source.whose: source}
    elif "source" in row:
        return
    was = FetchPlan.objects.filter(code=row["code"]).first()
    if _is_refused({**_as_it_was(was), **values}, path, to):
        return
    plan = to.put(FetchPlan, "fetch_plans", row, values)
    if plan is not None:
        _secret(plan, row, path, to)


def _source(row: Row, path: str, to: Configuring) -> Source | None:
    code = row.get("source", "")
    for kind in _KINDS:
        found: Source | None = kind.objects.filter(code=code).first()
        if found is not None:
            return found
    if code:
        to.refuse(f"{path}.source: there is no channel, bank account or ERP {code}")
    return None


def _as_it_was(was: FetchPlan | None) -> Row:
    return {name: getattr(was, name) for name in _PLAIN} if was else {}


def _is_refused(values: Row, path: str, to: Configuring) -> bool:
    """What the database would refuse, said with its key."""
    kind, address = values.get("kind", ""), values.get("address", "")
    begins = _BEGINS.get(kind, "")
    problems = []
    if begins and not address.startswith(begins):
        problems.append(f"address: expected {begins}... for {kind}")
    if not _has_port(address):
        problems.append("address: expected a port from 0 to 65535")
    if kind == "sftp" and not values.get("host_key"):
        problems.append("host_key: is required, as the server's operator told it")
    elif kind == "sftp" and not _is_key(values["host_key"]):
        problems.append("host_key: expected a public key, ssh-ed25519 AAAA...")
    if kind == "mailbox" and not values.get("sender"):
        problems.append("sender: is required, the address whose mails count")
    if (values.get("at") is None) == (values.get("every_minutes") is None):
        problems.append("at: expected a time of the day, or every_minutes, and not both")
    for problem in problems:
        to.refuse(f"{path}.{problem}")
    return bool(problems)


def _has_port(address: str) -> bool:
    """Whether the port that it may name is one."""
    try:
        urlsplit(address).port  # noqa: B018 - reading it is the check
    except ValueError:
        return False
    return True


def _is_key(text: str) -> bool:
    try:
        sftp.host_key(text)
    except OutOfReach:
        return False
    return True


def _secret(plan: FetchPlan, row: Row, path: str, to: Configuring) -> None:
    source, given = plan.source, row.get("secret")
    if source is None or not plan.secret_name:
        return
    value = given.found_in(to.secrets) if given else None
    held = SourceSecret.objects.filter(
        Q(channel=plan.channel, bank_account=plan.bank_account, ledger=plan.ledger),
        name=plan.secret_name,
    )
    if value is None:
        if not held.exists():
            missing = f"the environment has no {given.env}" if given else "is required"
            to.refuse(f"{path}.secret: {missing}")
        return
    if secrets.put(source, name=plan.secret_name, value=value, by=to.actor):
        to.say("fetch_plan", plan, f"secret {plan.secret_name}", "set", is_recorded=True)
