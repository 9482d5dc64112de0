"""Agencies as the file says them: row, float, terminals and keys."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from django.db.models import Model

from agencies import keys
from agencies.capabilities import EVERY
from agencies.doors import forget
from agencies.keys import NotKey
from agencies.models import Agency, AgencyKey, FloatAccount, Terminal
from channels_.models import Channel
from configuration.schema import Row
from cspdcl.kernel.money import grouped_rupees
from people.models import Office, User

ADAPTER: Final = "agency"

_PLAIN: Final = (
    *("name", "kind", "payment_max_paise", "day_max_paise"),
    *("opens_at", "closes_at", "hold_minutes"),
)


class Configuring(Protocol):
    """What a table needs of the pass over all tables."""

    actor: User | str
    secrets: Mapping[str, str]

    def put(self, model: Any, section: str, row: Row, values: Mapping[str, Any]) -> Any:
        """Create or update the row of this code; None when it lacks what it must have."""

    def store(
        self, model: Any, what: str, label: str, lookup: Mapping[str, Any], values: Row
    ) -> Any:
        """Create or update the row that is looked up."""

    def named(self, model: Any, code: str, path: str) -> Any:
        """The row a key names; an empty text names none."""

    def say(
        self, what: str, obj: Model, name: str, detail: str, *, is_recorded: bool = False
    ) -> None:
        """Note a change of a list or secret."""

    def added(self, what: str, label: str) -> None:
        """Note a new row that its action has recorded."""

    def tell(self, what: str, label: str, name: str, was: Any, became: Any) -> None:
        """Note one value that is another now."""

    def refuse(self, problem: str) -> None:
        """Note why the file cannot be."""


def apply_agency(row: Row, *, to: Configuring) -> None:
    """Make one agency what its row says."""
    path = f"agencies[{row['code']}]"
    values: Row = {name: row[name] for name in _PLAIN if name in row}
    if "active" in row:
        values["is_active"] = row["active"]
    if "channel" in row:
        channel = to.named(Channel, row["channel"], f"{path}.channel")
        if channel is None:
            return
        if channel.adapter != ADAPTER or channel.route != Channel.Route.SETTLEMENT:
            to.refuse(f"{path}.channel: expected a channel of the adapter {ADAPTER} that settles")
            return
        values["channel"] = channel
    agency = to.put(Agency, "agencies", row, values)
    if agency is None:
        return
    _float(agency, row, path, to)
    if "offices" in row:
        _offices(agency, row["offices"], path, to)
    for one in row.get("terminals", ()):
        _terminal(agency, one, f"{path}.terminals[{one['code']}]", to)
    for one in row.get("keys", ()):
        _key(agency, one, f"{path}.keys[{one['id']}]", to)
    forget()


def _float(agency: Agency, row: Row, path: str, to: Configuring) -> None:
    names = {"float": "kind", "credit_limit_paise": "credit_limit_paise"}
    values: Row = {column: row[name] for name, column in names.items() if name in row}
    if "alarm_paise" in row:
        values["alarm_paise"] = row["alarm_paise"]
    held = FloatAccount.objects.filter(agency=agency).first() or FloatAccount(agency=agency)
    kind = values.get("kind", held.kind)
    limit = values.get("credit_limit_paise", held.credit_limit_paise)
    if kind == FloatAccount.Kind.PREPAID and limit:
        to.refuse(f"{path}.credit_limit_paise: a prepaid float has none")
    elif held.balance_paise < -limit:
        to.refuse(
            f"{path}.credit_limit_paise: the float stands at {grouped_rupees(held.balance_paise)}"
        )
    else:
        to.store(FloatAccount, "float", agency.code, {"agency": agency}, values)


def _offices(agency: Agency, codes: Sequence[str], path: str, to: Configuring) -> None:
    wanted = {code: to.named(Office, code, f"{path}.offices") for code in codes}
    held = set(agency.offices.values_list("code", flat=True))
    if set(wanted) != held:
        agency.offices.set([office for office in wanted.values() if office is not None])
        was, became = ", ".join(sorted(held)) or "all", ", ".join(sorted(wanted)) or "all"
        to.say("agency", agency, "offices", f"{was} -> {became}")


def _terminal(agency: Agency, row: Row, path: str, to: Configuring) -> None:
    values: Row = {"place": row["place"]} if "place" in row else {}
    if "active" in row:
        values["is_active"] = row["active"]
    if "office" in row:
        values["office"] = to.named(Office, row["office"], f"{path}.office")
    lookup = {"agency": agency, "code": row["code"]}
    to.store(Terminal, "terminal", f"{agency.code} {row['code']}", lookup, values)


def _key(agency: Agency, row: Row, path: str, to: Configuring) -> None:
    held = AgencyKey.objects.filter(key_id=row["id"]).first()
    given = row.get("secret")
    secret = given.found_in(to.secrets) if given else None
    if secret is None and held is None:
        missing = f"the environment has no {given.env}" if given else "is required"
        to.refuse(f"{path}.secret: {missing}")
        return
    try:
        key = keys.put(
            agency,
            key_id=row["id"],
            secret=secret,
            capabilities=row.get("capabilities", held.capabilities if held else EVERY),
            addresses=row.get("addresses", held.addresses if held else []),
            actor=to.actor,
        )
    except NotKey as refused:
        to.refuse(f"{path}: {refused}")
        return
    if _shown(key) != _shown(held):  # keys.put has recorded it
        to.say("agency", agency, f"key {key.key_id}", "set", is_recorded=True)


def _shown(key: AgencyKey | None) -> tuple[object, ...] | None:
    """What of a key may have been changed."""
    if key is None:
        return None
    return key.pk, key.rotated_at, key.ended_at, key.capabilities, key.addresses
