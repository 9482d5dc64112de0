"""The demo's installation: the sample configuration, its secrets and passwords made now."""

import secrets
import string
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from configuration.actions import apply
from people.roles import ROLES
from simulator.scene import GATEWAY, TRANSFER

ACTOR: Final = "demo"

_LETTERS: Final = string.ascii_letters + string.digits
_SPEAKABLE: Final = "abcdefghijkmnpqrstuvwxyz23456789"  # nothing that looks like something else


@dataclass(frozen=True, slots=True)
class Login:
    """One way into the demo."""

    role: str
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Installation:
    """What was made for this demo and is known nowhere else."""

    logins: list[Login]
    sending: Mapping[str, Any]  # the secrets with which the day is sent


def install(path: Path) -> Installation:
    """Apply the sample configuration; every secret it names is made now."""
    document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    made = {name: _secret(name) for name in _names(document)}
    apply(document, actor=ACTOR, secrets=made)
    channels = {row["code"]: row for row in document["channels"]}
    return Installation(
        logins=[
            Login(_titles(user["roles"]), user["username"], made[user["password"]["env"]])
            for user in document["users"]
            if "password" in user
        ],
        sending={
            GATEWAY: _chosen(channels[GATEWAY], made),
            TRANSFER: _chosen(channels[TRANSFER], made),
            "api_key": next(
                made[key["key"]["env"]]
                for user in document["users"]
                for key in user.get("api_keys", ())
            ),
        },
    )


def _names(value: Any) -> Iterator[str]:
    """Every name under which the document asks the environment for a secret."""
    if isinstance(value, dict) and set(value) == {"env"}:
        yield value["env"]
    elif isinstance(value, dict):
        for one in value.values():
            yield from _names(one)
    elif isinstance(value, list):
        for one in value:
            yield from _names(one)


def _secret(name: str) -> str:
    if "PASSWORD" in name:
        return "-".join("".join(secrets.choice(_SPEAKABLE) for _ in range(4)) for _ in range(4))
    if name.startswith("DEMO_KEY_"):
        prefix = "".join(secrets.choice(_LETTERS) for _ in range(12))
        return f"{prefix}.{secrets.token_urlsafe(32)}"
    return secrets.token_urlsafe(32)


def _chosen(channel: Mapping[str, Any], made: Mapping[str, str]) -> dict[str, str]:
    return {name: made[value["env"]] for name, value in channel["secrets"].items()}


def _titles(codes: list[str]) -> str:
    return ", ".join(str(ROLES[code].title) for code in codes)
