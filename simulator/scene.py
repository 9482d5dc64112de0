"""What a simulated day takes from the configuration: offices, counters, channels, accounts."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

from channels_ import registry
from channels_.asking import Exactness, terms_of
from channels_.contract import Setup
from channels_.simulation import News, Simulation, Takes

# Of the counters' channels these two are played: who brings cash, and who brings a cheque.
CASH: Final = "cash"
CHEQUE: Final = "cheque"
TERMINAL: Final = "card_terminal"  # the adapter of cards that are swiped at a counter

SETTLEMENT: Final = "settlement"
TRANSFER: Final = "transfer"
MIDNIGHT: Final = time(23, 59, 59)  # the cut-off of a channel that has none

_PARTS_PER_PERCENT: Final = 10_000
_MILLION: Final = 1_000_000


class Account(NamedTuple):
    """A bank account as its statement names it."""

    code: str
    number: str
    ifsc: str


class CounterSite(NamedTuple):
    """A counter and the office it belongs to."""

    code: str
    office: str


class Staff(NamedTuple):
    """The people of an office whose counters keep shifts, by their user names."""

    office: str
    clerks: Mapping[str, str]  # by the code of the counter
    supervisor: str
    finance: str


@dataclass(frozen=True, slots=True)
class Rate:
    """One line of the rate card in whole numbers: millionths of the amount, and tax on the fee."""

    millionths: int
    flat_paise: int
    tax_millionths: int

    def fee_of(self, amount_paise: int) -> tuple[int, int]:
        """Fee and tax of an amount, each rounded half up to the paisa."""
        fee = _share(amount_paise, self.millionths) + self.flat_paise
        return fee, _share(fee, self.tax_millionths)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedChannel:
    """A channel of the installation whose partner is played."""

    code: str
    name: str
    adapter: str
    route: str
    account: str  # code of the bank account where its money arrives
    narration: str = ""  # what the bank writes beside its settlements
    rates: Mapping[str, Rate] = field(default_factory=dict)  # by method
    cutoff: time = MIDNIGHT
    merchant_id: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def simulation(self) -> Simulation:
        """How its partner looks from outside."""
        found = registry.simulation(self.adapter)
        if found is None:
            raise LookupError(f"the adapter {self.adapter} has no simulate.py")
        return found

    @property
    def takes(self) -> Takes:
        """Whose money it takes, by its nature or as it was agreed."""
        agreed = terms_of(self.settings).category
        return Takes(agreed) if agreed in set(Takes) else self.simulation.takes

    @property
    def is_exact(self) -> bool:
        """Whether it takes nothing but the whole bill, by its nature or as it was agreed."""
        return self.simulation.is_exact or terms_of(self.settings).amount is Exactness.EXACT

    def fee_of(self, amount_paise: int, *, method: str) -> tuple[int, int]:
        """What the channel may keep of a payment: fee and tax; a method without a rate is free."""
        rate = self.rates.get(method)
        return rate.fee_of(amount_paise) if rate else (0, 0)

    def setup(self, secrets: Mapping[str, str]) -> Setup:
        """What the partner knows of us, with the secrets that it holds."""
        partner = self.simulation
        return Setup(
            merchant_id=self.merchant_id or partner.merchant_id,
            secrets=secrets,
            settings={**partner.settings, **self.settings},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The part of an installation in which a day is played."""

    zones: Sequence[str]
    counters: Sequence[CounterSite]
    channels: Sequence[PlayedChannel]
    accounts: Sequence[Account]
    deposits: str  # code of the account into which the counters pay
    staff: Sequence[Staff] = ()  # of offices that are played by people; the others hand in
    terminal: PlayedChannel | None = None  # where cards go that are swiped at a counter

    @property
    def machines(self) -> list[CounterSite]:
        """The counters that hand in what they took."""
        kept = {code for staff in self.staff for code in staff.clerks}
        return [site for site in self.counters if site.code not in kept]

    def of_route(self, route: str) -> list[PlayedChannel]:
        """The channels whose money is proved this way."""
        return [channel for channel in self.channels if channel.route == route]

    def channel(self, code: str) -> PlayedChannel:
        """The played channel with this code; KeyError when it is not played."""
        for channel in self.channels:
            if channel.code == code:
                return channel
        raise KeyError(code)


DEFAULT: Final = Scene(
    zones=("RPR-Z1", "RPR-Z2", "DRG-Z1", "DRG-Z2", "BSP-Z1", "BSP-Z2", "RGH-Z1", "JDP-Z1"),
    counters=(
        CounterSite("rpr1", "RPR-Z1"),
        CounterSite("rpr2", "RPR-Z2"),
        CounterSite("drg1", "DRG-Z1"),
        CounterSite("bsp1", "BSP-Z1"),
        CounterSite("rgh1", "RGH-Z1"),
        CounterSite("jdp1", "JDP-Z1"),
    ),
    channels=(
        PlayedChannel(
            code="razorpay",
            name="Razorpay",
            adapter="razorpay",
            route=SETTLEMENT,
            account="sbi-collection",
            narration="RAZORPAY SETTLEMENT",
            rates={
                "upi": Rate(0, 0, 180_000),
                "card": Rate(18_000, 0, 180_000),
                "netbanking": Rate(15_000, 0, 180_000),
            },
            cutoff=time(20),
        ),
        PlayedChannel(
            code="neft",
            name="NEFT",
            adapter="bank_transfer",
            route=TRANSFER,
            account="hdfc-ecollect",
        ),
    ),
    accounts=(
        Account("sbi-collection", "00000031234567890", "SBIN0000461"),
        Account("hdfc-ecollect", "50200012345678", "HDFC0000060"),
    ),
    deposits="sbi-collection",
)


def read_scene(path: Path) -> Scene:
    """The scene of a configuration file such as configuration/demo.toml."""
    with path.open("rb") as file:
        return scene_of(tomllib.load(file, parse_float=Decimal))


def scene_of(document: Mapping[str, Any]) -> Scene:
    """The scene of a configuration document; a table that it leaves out is as in ``DEFAULT``."""
    channels = list(_rows(document, "channels"))
    narrations = _narrations(document)
    counters = [CounterSite(row["code"], row["office"]) for row in _rows(document, "counters")]
    accounts = [
        Account(row["code"], row["account_number"], row.get("ifsc", ""))
        for row in _rows(document, "bank_accounts")
    ]
    played = tuple(_played(row, narrations) for row in channels if _is_played(row))
    deposits = next((row["bank_account"] for row in channels if row["code"] == CASH), "")
    terminals = [row for row in channels if row["adapter"] == TERMINAL and row.get("live")]
    return Scene(
        zones=_zones(document) or DEFAULT.zones,
        counters=tuple(counters) or DEFAULT.counters,
        channels=played if channels else DEFAULT.channels,
        accounts=tuple(accounts) or DEFAULT.accounts,
        deposits=deposits or DEFAULT.deposits,
        staff=tuple(_staff(document)),
        terminal=_played(terminals[0], narrations) if terminals else None,
    )


def _staff(document: Mapping[str, Any]) -> Iterator[Staff]:
    """The offices with a supervisor over them and clerks of their own; a clerk has one counter."""
    users = list(_rows(document, "users"))
    finance = next(
        (row["username"] for row in users if "finance_officer" in row.get("roles", ())), ""
    )
    parents = {row["code"]: row.get("parent") for row in _rows(document, "offices")}
    kept = [row for row in _rows(document, "counters") if row.get("keeps_shifts", True)]
    for office in dict.fromkeys(row["office"] for row in kept):
        above, over = office, []
        while above:
            over.append(above)
            above = parents.get(above) or ""
        supervisors = _people(users, role="supervisor", offices=over)
        clerks = _people(users, role="clerk", offices=[office])
        codes = [row["code"] for row in kept if row["office"] == office]
        if supervisors and clerks and finance:
            pairs = zip(codes, clerks, strict=False)  # a counter without a clerk hands in
            yield Staff(office, dict(pairs), supervisors[0], finance)


def _people(users: Sequence[Mapping[str, Any]], *, role: str, offices: Sequence[str]) -> list[str]:
    """Who has the role in one of the offices, the nearest first."""
    return [
        row["username"]
        for office in offices
        for row in users
        if role in row.get("roles", ()) and office in row.get("offices", ())
    ]


def _is_played(row: Mapping[str, Any]) -> bool:
    """Whether a channel is live, has a partner to play, and says enough to be proved."""
    simulation = registry.simulation(row["adapter"]) if row.get("live") else None
    if simulation is None or News.PAID not in simulation.news:
        return False
    if row["route"] == SETTLEMENT:
        return simulation.report is not None
    return bool(row["route"] == TRANSFER)


def _played(row: Mapping[str, Any], narrations: Mapping[str, str]) -> PlayedChannel:
    return PlayedChannel(
        code=row["code"],
        name=row.get("name", row["code"]),
        adapter=row["adapter"],
        route=row["route"],
        account=row["bank_account"],
        narration=narrations.get(row["code"], f"{row['code'].upper()} SETTLEMENT"),
        rates=_rates(row.get("fee_rates", ())),
        cutoff=_time(row.get("settlement_cutoff")) or MIDNIGHT,
        merchant_id=row.get("merchant_id", ""),
        settings=row.get("settings", {}),
    )


def _narrations(document: Mapping[str, Any]) -> dict[str, str]:
    """By channel the words by which an account's rules know its settlements."""
    return {
        rule["channel"]: f"{rule['words'].upper().removesuffix(' SETTLEMENT')} SETTLEMENT"
        for account in _rows(document, "bank_accounts")
        for rule in account.get("line_rules", ())
        if rule["meaning"] == SETTLEMENT and rule.get("words") and rule.get("channel")
    }


def _rows(document: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """The rows of a table, written as an array or as a table by code."""
    found = document.get(name, ())
    if isinstance(found, Mapping):
        yield from ({"code": code, **row} for code, row in found.items())
    else:
        yield from found


def _zones(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The offices that nobody stands under: consumers belong to them."""
    offices = list(_rows(document, "offices"))
    parents = {row.get("parent") for row in offices}
    return tuple(row["code"] for row in offices if row["code"] not in parents)


def _rates(rows: Sequence[Mapping[str, Any]]) -> dict[str, Rate]:
    return {
        row["method"]: Rate(
            millionths=_millionths(row.get("percent", 0)),
            flat_paise=int(row.get("flat_paise", 0)),
            tax_millionths=_millionths(row.get("tax_percent", 18)),
        )
        for row in rows
    }


def _millionths(percent: object) -> int:
    return int(Decimal(str(percent)) * _PARTS_PER_PERCENT)


def _share(amount_paise: int, millionths: int) -> int:
    return (amount_paise * millionths + _MILLION // 2) // _MILLION


def _time(value: time | str | None) -> time | None:
    if isinstance(value, str):
        return time.fromisoformat(value) if value else None
    return value
