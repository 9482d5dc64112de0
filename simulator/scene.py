"""What a simulated day takes from the configuration: offices, counters, fees and the cut-off."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

GATEWAY: Final = "razorpay"
CASH: Final = "cash"
CHEQUE: Final = "cheque"
TRANSFER: Final = "neft"
COLLECTION: Final = "sbi-collection"  # settlements and counter deposits arrive here
ECOLLECT: Final = "hdfc-ecollect"  # transfers of consumers arrive here

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
class Scene:
    """The part of an installation in which a day is played."""

    zones: Sequence[str]
    counters: Sequence[CounterSite]
    rates: Mapping[str, Rate]  # of the gateway, by method
    cutoff: time
    collection: Account
    ecollect: Account

    def fee_of(self, amount_paise: int, *, method: str) -> tuple[int, int]:
        """What the gateway may keep of a payment: fee and tax; a method without a rate is free."""
        rate = self.rates.get(method)
        return rate.fee_of(amount_paise) if rate else (0, 0)


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
    rates={
        "upi": Rate(0, 0, 180_000),
        "card": Rate(18_000, 0, 180_000),
        "netbanking": Rate(15_000, 0, 180_000),
    },
    cutoff=time(20),
    collection=Account(COLLECTION, "00000031234567890", "SBIN0000461"),
    ecollect=Account(ECOLLECT, "50200012345678", "HDFC0000060"),
)


def read_scene(path: Path) -> Scene:
    """The scene of a configuration file such as configuration/demo.toml."""
    with path.open("rb") as file:
        return scene_of(tomllib.load(file, parse_float=Decimal))


def scene_of(document: Mapping[str, Any]) -> Scene:
    """The scene of a configuration document; what it does not say is as in the demo."""
    channels = {row["code"]: row for row in _rows(document, "channels")}
    accounts = {row["code"]: row for row in _rows(document, "bank_accounts")}
    gateway = channels.get(GATEWAY, {})
    return Scene(
        zones=_zones(document) or DEFAULT.zones,
        counters=tuple(
            CounterSite(row["code"], row["office"]) for row in _rows(document, "counters")
        )
        or DEFAULT.counters,
        rates=_rates(gateway.get("fee_rates", ())) or DEFAULT.rates,
        cutoff=_time(gateway.get("settlement_cutoff")) or DEFAULT.cutoff,
        collection=_account(accounts.get(COLLECTION), DEFAULT.collection),
        ecollect=_account(accounts.get(ECOLLECT), DEFAULT.ecollect),
    )


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
    return time.fromisoformat(value) if isinstance(value, str) else value


def _account(row: Mapping[str, Any] | None, default: Account) -> Account:
    if row is None:
        return default
    return Account(row["code"], row["account_number"], row.get("ifsc", default.ifsc))
