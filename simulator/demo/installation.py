"""The demo's installation: the sample configuration, its secrets and passwords made now."""

import secrets
import string
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from channels_.adapters.agency.simulate import KEY, SECRET
from configuration.actions import apply
from people.roles import ROLES
from simulator.scene import PlayedChannel, Scene, scene_of

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
    scene: Scene  # what is played in it
    sending: Mapping[str, Any]  # the secrets with which the day is sent


def install(path: Path, *, partners_url: str) -> Installation:
    """Apply the sample configuration with secrets made now, and partners at this address."""
    document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    for row in document["channels"]:
        if "api_url" in row:
            row["api_url"] = f"{partners_url}{urlsplit(row['api_url']).path}"
    made = {name: _secret(name) for name in _names(document)}
    scene = scene_of(document)
    rows = {row["code"]: row for row in document["channels"]}
    sending = {one.code: _keys(one, rows[one.code], made) for one in scene.channels}
    apply(document, actor=ACTOR, secrets=made)
    return Installation(
        logins=[
            Login(_titles(user["roles"]), user["username"], made[user["password"]["env"]])
            for user in document["users"]
            if "password" in user
        ],
        scene=scene,
        sending={
            **sending,
            **_agencies(document, made),
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


def _keys(
    channel: PlayedChannel, row: Mapping[str, Any], made: dict[str, str]
) -> Mapping[str, str]:
    """What the partner holds; where its secrets have a shape of their own, ours are put in too."""
    wanted = {name: value["env"] for name, value in row.get("secrets", {}).items()}
    if channel.simulation.make_keys is None:
        return {name: made[env] for name, env in wanted.items()}
    keys = channel.simulation.make_keys()
    made.update((env, keys.ours[name]) for name, env in wanted.items() if name in keys.ours)
    return keys.theirs


def _agencies(document: Mapping[str, Any], made: Mapping[str, str]) -> Mapping[str, Any]:
    """What agencies hold, by their channel: their keys are their own, not their channel's."""
    return {
        row["channel"]: {KEY: key["id"], SECRET: made[key["secret"]["env"]]}
        for row in document.get("agencies", ())
        for key in row["keys"][:1]
    }


def _titles(codes: list[str]) -> str:
    return ", ".join(str(ROLES[code].title) for code in codes)
