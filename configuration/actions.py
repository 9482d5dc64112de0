"""Making the installation what a file says: in one transaction, showing and recording each change.

A key that the file leaves out keeps its value; a row that it leaves out stays. Lists inside a row
(line rules, fee rates, roles, offices) are whole: what they leave out goes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Model

from channels_.models import BankAccount, BankLineRule, Channel, FeeRate
from channels_.registry import adapter
from channels_.secrets import WentBack, missing_secrets, set_secret
from channels_.setups import HOUSE_SETTINGS
from configuration.agencies import apply_agency
from configuration.breaks import LIMITS, TERMS, apply_limit, apply_term
from configuration.counters import DATED, POLICIES, apply_dated, apply_policy
from configuration.files import apply_fetch_plan, apply_holiday
from configuration.ledgers import SECTION as LEDGERS
from configuration.ledgers import apply_ledger
from configuration.matching import SECTION, apply_rule
from configuration.schema import (
    FILES_OWED,
    SECTIONS,
    ConfigurationRefused,
    Row,
    SecretValue,
    understood,
)
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from payments.models import Counter
from people import actions as people_actions
from people import audit
from people.auth import digest_of_key, is_api_key
from people.models import ApiKey, Office, User
from people.roles import ROLES

_LOCK: Final = 7_302_001  # one configuration at a time
_PERSONAL: Final = frozenset({"full_name", "email"})  # named in the trail, not shown in it


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the installation and the file: ``+`` new, ``~`` other, ``-`` gone."""

    sign: str
    what: str
    code: str
    detail: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.sign, self.what, self.code, self.detail) if part)


def apply(
    document: Mapping[str, Any],
    *,
    actor: User | str,
    dry_run: bool = False,
    secrets: Mapping[str, str],
) -> list[Change]:
    """Create and update what the document says; a dry run finds the same changes and keeps none.

    ``secrets`` answers ``{ env = "NAME" }``: the environment for the command, what the demo made
    for the demo.
    """
    rows = understood(document)
    change = _Configuring(actor=actor, secrets=secrets)
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            change.everything(rows)
            if change.problems:
                raise ConfigurationRefused(change.problems)
            transaction.set_rollback(dry_run)
    except IntegrityError as error:
        raise ConfigurationRefused([f"the database refuses: {error}".strip()]) from error
    return change.made


def wanted_secrets(document: Mapping[str, Any]) -> list[str]:
    """The names under which a document looks for its secrets in the environment."""
    found: list[str] = []
    for rows in understood(document).values():
        for row in rows:
            keys = [one.get("key") for one in row.get("api_keys", ())]
            keys += [one.get("secret") for one in row.get("keys", ())]
            given = [
                row.get("password"),
                row.get("secret"),
                *row.get("secrets", {}).values(),
                *keys,
            ]
            found += [one.env for one in given if isinstance(one, SecretValue) and one.env]
    return found


class _Configuring:
    """One pass over the tables, collecting the changes it makes and what it must refuse."""

    def __init__(self, *, actor: User | str, secrets: Mapping[str, str]) -> None:
        self.made: list[Change] = []
        self.problems: list[str] = []
        self.actor = actor
        self.secrets = secrets

    def everything(self, rows: Mapping[str, Sequence[Row]]) -> None:
        """Each table in an order in which what a row names is there before it."""
        for row in self._parents_first(rows.get("offices", ())):
            self._office(row)
        self._each(rows, ("users", self._user), ("bank_accounts", self._bank_account))
        self._each(rows, ("channels", self._channel), (LEDGERS, partial(apply_ledger, to=self)))
        for row in rows.get("bank_accounts", ()):
            if "line_rules" in row:
                account = BankAccount.objects.filter(code=row["code"]).first()
                self._line_rules(row["line_rules"], account, f"bank_accounts[{row['code']}].")
        if "line_rules" in rows:
            self._line_rules(rows["line_rules"], None, "")
        self._each(rows, ("agencies", partial(apply_agency, to=self)), ("counters", self._counter))
        self._each(
            rows,
            (POLICIES, partial(apply_policy, to=self)),
            (SECTION, partial(apply_rule, to=self)),
            (LIMITS, partial(apply_limit, to=self)),
            (TERMS, partial(apply_term, to=self)),
        )
        for section in DATED:
            apply_dated(section, rows.get(section, ()), to=self)
        self._each(rows, ("holidays", partial(apply_holiday, to=self)))
        self._each(rows, ("fetch_plans", partial(apply_fetch_plan, to=self)))

    @staticmethod
    def _each(rows: Mapping[str, Sequence[Row]], *steps: tuple[str, Callable[[Row], None]]) -> None:
        for name, step in steps:
            for row in rows.get(name, ()):
                step(row)

    # ---- one table each ----

    def _parents_first(self, rows: Sequence[Row]) -> list[Row]:
        waiting = {row["code"]: row for row in rows}
        ordered: list[Row] = []
        while waiting:
            ready = [r for r in waiting.values() if r.get("parent", "") not in waiting]
            if not ready:
                self.refuse(f"offices: these stand below each other: {', '.join(waiting)}")
                return []
            ordered.extend(waiting.pop(row["code"]) for row in ready)
        return ordered

    def _office(self, row: Row) -> None:
        path = f"offices[{row['code']}]"
        values: Row = {name: row[name] for name in ("name", "kind") if name in row}
        if "parent" in row:
            values["parent"] = self.named(Office, row["parent"], f"{path}.parent")
        before = Office.objects.filter(code=row["code"]).first()
        parent = values.get("parent", before.parent if before else None)
        if parent and before and parent.path.startswith(before.path):
            self.refuse(f"{path}.parent: {parent.code} is below {before.code}")
            return
        values["path"] = f"{parent.path if parent else '/'}{row['code']}/"
        office = self.put(Office, "offices", row, values, quiet={"path"})
        if before and office and before.path != office.path:
            self._move_below(before.path, office.path)

    @staticmethod
    def _move_below(old: str, new: str) -> None:
        for office in Office.objects.filter(path__startswith=old):
            office.path = new + office.path.removeprefix(old)
            office.save(update_fields=["path"])

    def _user(self, row: Row) -> None:
        path = f"users[{row['username']}]"
        if row.get("demo") and settings.IS_PRODUCTION:
            self.refuse(f"{path}.demo: production has no demo users")
            return
        is_new = not User.objects.filter(username=row["username"]).exists()
        values: Row = {
            name: row[name] for name in ("full_name", "email", "language") if name in row
        }
        values |= {f"is_{name}": row[name] for name in ("active", "demo") if name in row}
        if is_new:
            values["password"] = "!"  # noqa: S105 - Django's mark of "no password opens this"
        user = self.put(User, "users", row, values, key="username", quiet={"password"})
        if user is None:
            return
        self._roles(user, row)
        self._user_offices(user, row, path)
        if "password" in row:
            self._password(user, row["password"], path)
        for key in row.get("api_keys", ()):
            self._api_key(user, key, f"{path}.api_keys[{key['name']}]")

    def _roles(self, user: User, row: Row) -> None:
        wanted = set(row.get("roles", ()))
        held = set(user.groups.filter(name__in=ROLES).values_list("name", flat=True))
        if "roles" in row and wanted != held:
            people_actions.set_roles(user, wanted)
            self._say_list("user", user, "roles", held, wanted)

    def _user_offices(self, user: User, row: Row, path: str) -> None:
        if "offices" not in row:
            return
        wanted = {code: self.named(Office, code, f"{path}.offices") for code in row["offices"]}
        granted = people_actions.granted_offices(user)
        held = {office.code: office for office in granted}
        for code in wanted.keys() - held.keys():
            if office := wanted[code]:
                people_actions.grant_office(user, office)
        for code in held.keys() - wanted.keys():
            people_actions.withdraw_office(user, held[code])
        if wanted.keys() != held.keys():
            self._say_list("user", user, "offices", set(held), set(wanted))

    def _password(self, user: User, value: SecretValue, path: str) -> None:
        password = value.found_in(self.secrets)
        if password is None:
            if not user.has_usable_password():
                self.refuse(f"{path}.password: the environment has no {value.env}")
        elif not user.check_password(password):
            user.set_password(password)
            user.save(update_fields=["password"])
            self.say("user", user, "password", "set")

    def _api_key(self, user: User, row: Row, path: str) -> None:
        held = ApiKey.objects.filter(user=user, name=row["name"], revoked_at=None)
        given: SecretValue | None = row.get("key")
        key = given.found_in(self.secrets) if given else None
        if key is None:
            if not held.exists():
                missing = f"the environment has no {given.env}" if given else "is required"
                self.refuse(f"{path}.key: {missing}")
            return
        if not is_api_key(key):
            self.refuse(f"{path}.key: expected 12 letters and digits, a dot, and 32 or more signs")
            return
        prefix, digest = key.partition(".")[0], digest_of_key(key)
        if held.filter(digest=digest).exists():
            return
        held.exclude(digest=digest).update(revoked_at=now())
        ApiKey.objects.update_or_create(
            prefix=prefix,
            defaults={"user": user, "name": row["name"], "digest": digest, "revoked_at": None},
        )
        self.say("user", user, f"api_key {row['name']}", "set")

    def _bank_account(self, row: Row) -> None:
        fields = ("name", "bank", "account_number", "ifsc", "currency", *FILES_OWED)
        values = {name: row[name] for name in fields if name in row}
        self.put(BankAccount, "bank_accounts", row, values)

    def _channel(self, row: Row) -> None:
        path = f"channels[{row['code']}]"
        fields = (
            *("name", "adapter", "route", "position", "merchant_id", "settlement_days"),
            *("settlement_cutoff", "credit_days", "receipt_series", *FILES_OWED),
            *("api_url", "settings", "quiet_minutes"),
        )
        values = {name: row[name] for name in fields if name in row}
        if "live" in row:
            values["is_live"] = row["live"]
        if "bank_account" in row:
            values["bank_account"] = self.named(
                BankAccount, row["bank_account"], f"{path}.bank_account"
            )
        channel = self.put(Channel, "channels", row, values)
        if channel is None:
            return
        known = {**adapter(channel.adapter).settings, **HOUSE_SETTINGS}
        for name in channel.settings.keys() - known.keys():
            expected = ", ".join(known) or "nothing"
            self.refuse(f"{path}.settings.{name}: {channel.adapter} agrees on {expected}")
        for name, value in row.get("secrets", {}).items():
            self._secret(channel, name, value, f"{path}.secrets.{name}")
        if "fee_rates" in row:
            self._fee_rates(channel, row["fee_rates"])
        if channel.is_live and (missing := missing_secrets(channel)):
            self.refuse(f"{path}.live: needs the secrets {', '.join(missing)}")

    def _secret(self, channel: Channel, name: str, value: SecretValue, path: str) -> None:
        found = value.found_in(self.secrets)
        if found is None:
            if name in missing_secrets(channel):
                self.refuse(f"{path}: the environment has no {value.env}")
            return
        before = channel.secrets.filter(name=name, state="current").values_list("pk", flat=True)
        held = list(before)
        try:
            made = set_secret(channel, name=name, value=found, actor=self.actor)
        except WentBack:
            return  # it was rotated since; the environment has not heard of it
        except DomainError as error:
            self.refuse(f"{path}: {error}")
            return
        if made.pk not in held:  # set_secret has recorded it
            self.made.append(Change("~", "channel", channel.code, f"secret {name} set"))

    def _fee_rates(self, channel: Channel, rows: Sequence[Row]) -> None:
        kept = []
        for row in rows:
            lookup = {
                "channel": channel,
                "method": row["method"],
                "network": row.get("network", ""),
                "valid_from": row.get("valid_from"),
                "from_paise": row.get("from_paise", 0),
            }
            names = ("percent", "flat_paise", "cap_paise", "tax_percent")
            values = {name: row[name] for name in names if name in row}
            label = f"{channel.code} {row['method']}{'/' if row.get('network') else ''}"
            label += f"{row.get('network', '')} from {row.get('valid_from')}"
            label += f" above {row['from_paise']}" if row.get("from_paise") else ""
            if row.get("valid_from") is None:
                self.refuse(
                    f"channels[{channel.code}].fee_rates[{row['method']}].valid_from: is required"
                )
                continue
            rate = self.store(FeeRate, "fee_rate", label, lookup, values)
            kept.append(rate.pk)
        self._remove("fee_rate", FeeRate.objects.filter(channel=channel).exclude(pk__in=kept))

    def _line_rules(self, rows: Sequence[Row], account: BankAccount | None, path: str) -> None:
        kept = []
        for row in rows:
            here = f"{path}line_rules[{row['priority']}]"
            values = {n: row.get(n, "") for n in ("code", "words")}
            values |= {"meaning": row.get("meaning"), "side": row.get("side", "both")}
            values["channel"] = self.named(Channel, row.get("channel", ""), f"{here}.channel")
            if not (values["code"] or values["words"]) or not values["meaning"]:
                self.refuse(f"{here}: needs meaning, and code or words")
                continue
            label = f"{account.code if account else 'all'} {row['priority']}"
            lookup = {"account": account, "priority": row["priority"]}
            kept.append(self.store(BankLineRule, "line_rule", label, lookup, values).pk)
        stale = BankLineRule.objects.filter(account=account).exclude(pk__in=kept)
        self._remove("line_rule", stale)

    def _counter(self, row: Row) -> None:
        path = f"counters[{row['code']}]"
        values: Row = {"name": row["name"]} if "name" in row else {}
        if "open" in row:
            values["is_open"] = row["open"]
        if "keeps_shifts" in row:
            values["keeps_shifts"] = row["keeps_shifts"]
        if "office" in row:
            values["office"] = self.named(Office, row["office"], f"{path}.office")
            if values["office"] is None:
                return
        if "bank_account" in row:
            values["bank_account"] = self.named(
                BankAccount, row["bank_account"], f"{path}.bank_account"
            )
        self.put(Counter, "counters", row, values)

    # ---- what all tables share ----

    def put(
        self,
        model: Any,
        section: str,
        row: Row,
        values: Mapping[str, Any],
        *,
        key: str = "code",
        quiet: Iterable[str] = (),
    ) -> Any:
        """Create or update the row of this code; None when a new one lacks what it must have."""
        what, code = SECTIONS[section].what, row[key]
        exists = model.objects.filter(**{key: code}).exists()
        missing = SECTIONS[section].required - row.keys()
        if missing and not exists:
            for name in sorted(missing):
                self.refuse(f"{section}[{code}].{name}: is required for a new {what}")
            return None
        return self.store(model, what, code, {key: code}, values, quiet=quiet)

    def store(
        self,
        model: Any,
        what: str,
        label: str,
        lookup: Mapping[str, Any],
        values: Mapping[str, Any],
        *,
        quiet: Iterable[str] = (),
    ) -> Any:
        """Create or update the row that is looked up, and tell each difference."""
        rows = model.objects
        found = rows.select_for_update(of=["self"]).filter(**lookup).first()
        if found is None:
            found = rows.create(**lookup, **values)
            self.made.append(Change("+", what, label, str(values.get("name", ""))))
            self._record(f"{what}.created", found, {}, _shown(values, quiet))
            return found
        before = {name: getattr(found, name) for name in values}
        differs = [name for name, value in values.items() if before[name] != value]
        for name in differs:
            setattr(found, name, values[name])
            if name not in quiet:
                self.tell(what, label, name.removeprefix("is_"), before[name], values[name])
        if differs:
            found.save(update_fields=differs)
            kept = {name: before[name] for name in differs}
            became = {name: values[name] for name in differs}
            self._record(f"{what}.changed", found, _shown(kept, quiet), _shown(became, quiet))
        return found

    def _remove(self, what: str, rows: Iterable[Model]) -> None:
        for row in rows:
            self.made.append(Change("-", what, str(row)))
            self._record(f"{what}.removed", (what, str(row)[:80]), {"was": str(row)}, {})
            row.delete()

    def named(self, model: Any, code: str, path: str) -> Any:
        """The row a key names; an empty text names none."""
        if not code:
            return None
        found = model.objects.filter(code=code).first()
        if found is None:
            self.refuse(f"{path}: there is no {_title(model)} {code}")
        return found

    def added(self, what: str, label: str) -> None:
        """Note a new row that its action has recorded."""
        self.made.append(Change("+", what, label))

    def tell(self, what: str, label: str, name: str, was: Any, became: Any) -> None:
        """Note one value that is another now."""
        detail = f"{name} {_word(was)} -> {_word(became)}"
        self.made.append(Change("~", what, label, detail))

    def say(
        self, what: str, obj: Model, name: str, detail: str, *, is_recorded: bool = False
    ) -> None:
        """Note a change of a list or secret; recorded here unless its action has done so."""
        code = getattr(obj, "code", None) or getattr(obj, "username", "")
        self.made.append(Change("~", what, str(code), f"{name} {detail}"))
        if not is_recorded:
            self._record(f"{what}.changed", obj, {}, {name: detail})

    def _say_list(self, what: str, user: User, name: str, held: set[str], wanted: set[str]) -> None:
        was, became = ", ".join(sorted(held)) or "none", ", ".join(sorted(wanted)) or "none"
        self.made.append(Change("~", what, user.username, f"{name} {was} -> {became}"))
        self._record(f"{what}.changed", user, {name: sorted(held)}, {name: sorted(wanted)})

    def _record(
        self,
        action: str,
        obj: Model | tuple[str, str],
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> None:
        told = [{name: _word(value) for name, value in facts.items()} for facts in (before, after)]
        audit.record(self.actor, action, obj, before=told[0], after=told[1])

    def refuse(self, problem: str) -> None:
        """Note why the file cannot be; nothing of it is kept then."""
        self.problems.append(problem)


def _title(model: type[Model]) -> str:
    return {"bankaccount": "bank account"}.get(model.__name__.lower(), model.__name__.lower())


def _shown(values: Mapping[str, Any], quiet: Iterable[str]) -> dict[str, Any]:
    """What of a change may stand in the trail."""
    return {
        name: "personal" if name in _PERSONAL else value
        for name, value in values.items()
        if name not in quiet
    }


def _word(value: Any) -> str:
    """A value in a line of the difference."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(getattr(value, "code", value))
