"""Every address x every role, against tests/policy.toml: an address nobody listed fails."""

import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from django.conf import settings
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, resolve, reverse

from people.models import User
from people.roles import ROLES

POLICY: Final[Mapping[str, Mapping[str, Any]]] = tomllib.loads(
    (Path(__file__).parent / "policy.toml").read_text()
)
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
NOBODY: Final = "anonymous"


class Address(NamedTuple):
    """A pattern of the resolver by its full name, and what a view of the API answers to."""

    name: str
    route: str
    methods: frozenset[str]


def addresses() -> Iterator[Address]:
    """Everything the resolver knows."""
    yield from _walk(get_resolver().url_patterns, "", "")


def _walk(
    patterns: list[URLPattern | URLResolver], namespace: str, route: str
) -> Iterator[Address]:
    for one in patterns:
        here = route + str(one.pattern)
        if isinstance(one, URLResolver):
            inner = f"{namespace}{one.namespace}:" if one.namespace else namespace
            yield from _walk(one.url_patterns, inner, here)
        else:
            view = getattr(one.callback, "cls", None)
            actions = getattr(one.callback, "actions", None) or getattr(view, "roles", {})
            yield Address(
                f"{namespace}{one.name or ''}",
                here,
                frozenset(method.upper() for method in actions),
            )


def entry_of(name: str) -> str:
    """The heading of the policy that speaks of an address: its name, else the first that fits."""
    if name in POLICY:
        return name
    return next((one for one in POLICY if "*" in one and fnmatchcase(name, one)), name)


ADDRESSES: Final = list(addresses())


def test_every_address_is_listed_and_named() -> None:
    unlisted = [
        f"{one.name or 'without name'}: /{one.route}"
        for one in ADDRESSES
        if entry_of(one.name) not in POLICY
    ]

    assert not unlisted, "not in tests/policy.toml"


def test_every_heading_of_the_policy_is_an_address() -> None:
    known = {entry_of(one.name) for one in ADDRESSES}

    assert set(POLICY) <= known, "in tests/policy.toml, but nowhere in the addresses"


def test_what_needs_arguments_has_them() -> None:
    unknown = [one.name for one in ADDRESSES if one.name in POLICY and not _url(one.name)]

    assert not unknown, "needs arguments in tests/policy.toml"


def test_every_method_of_the_api_is_listed() -> None:
    unlisted = [
        f"{one.name} {method}"
        for one in ADDRESSES
        for method in one.methods
        if method not in POLICY.get(entry_of(one.name), {})
    ]

    assert not unlisted


def test_the_policy_names_roles_and_methods_that_exist() -> None:
    for name, entry in POLICY.items():
        methods = entry.keys() - {"arguments"}
        assert methods, f"{name} says nothing"
        assert methods <= set(METHODS), name
        for method in methods:
            who = entry[method]
            assert who in ("everyone", "signed_in") or set(who) <= set(ROLES), name


def cases() -> Iterator[tuple[str, str, str]]:
    """Name, address and method of everything that can be asked for."""
    for one in {address.name: address for address in ADDRESSES if address.name}.values():
        url = _url(one.name)
        for method in POLICY.get(entry_of(one.name), {}).keys() & set(METHODS):
            if url:
                yield one.name, url, method


def _url(name: str) -> str:
    """The address of a name with the arguments of the policy, or nothing."""
    try:
        return reverse(name, kwargs=POLICY.get(entry_of(name), {}).get("arguments"))
    except NoReverseMatch:
        return ""


CASES: Final = sorted(cases())


@pytest.mark.parametrize(("name", "url", "method"), CASES, ids=[f"{n} {m}" for n, _, m in CASES])
def test_each_role_gets_what_the_policy_says(
    name: str, url: str, method: str, users: Mapping[str, User], settings: Any
) -> None:
    settings.SECOND_FACTOR_ROLES = []
    who = POLICY[entry_of(name)][method]

    client = Client()
    found = {role: _may(client, users.get(role), url, method) for role in (*ROLES, NOBODY)}

    assert found == {role: _expected(role, who) for role in (*ROLES, NOBODY)}


def _expected(role: str, who: str | list[str]) -> bool:
    if isinstance(who, list):
        return role in who
    return who == "everyone" or role != NOBODY


def _may(client: Client, user: User | None, url: str, method: str) -> bool:
    """Whether the answer is one for somebody who may ask; a fault of ours is never one."""
    client.logout()
    if user is not None:
        client.force_login(user, backend="people.auth.PeopleBackend")
    answer = client.generic(method, url, content_type="application/json")
    assert answer.status_code < 500, f"{url} answers {answer.status_code}"
    if answer.status_code in (301, 302):
        target = resolve(answer["Location"].partition("?")[0]).view_name
        return target not in ("people:sign_in", "admin:login") or _is_open(url)
    return answer.status_code not in (401, 403)


def _is_open(url: str) -> bool:
    """What leads to the sign-in because that is what it is for."""
    return resolve(url).view_name in (
        "people:sign_in",
        "people:sign_out",
        "admin:login",
        "admin:logout",
    )


def test_the_sign_in_is_where_the_settings_say() -> None:
    assert reverse(settings.LOGIN_URL) == "/sign-in/"
