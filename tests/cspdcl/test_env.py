"""The readers of the environment: what they take, what they refuse, and what they say."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from cspdcl.env import (
    PROJECT,
    Misconfigured,
    Mode,
    env_bool,
    env_int,
    env_key,
    env_keyring,
    env_list,
    env_mode,
    env_secret,
    env_str,
    random_key,
    random_keyring,
)


@pytest.fixture(autouse=True)
def _house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSPDCL_VAR", str(tmp_path))
    monkeypatch.setenv("CSPDCL_MODE", "test")


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("off", False)]
)
def test_yes_and_no_are_read(monkeypatch, text, value):
    monkeypatch.setenv("X", text)

    assert env_bool("X") is value


def test_what_is_not_said_takes_its_default():
    assert env_bool("X", True) is True
    assert env_int("X", 7) == 7
    assert env_str("X", "") == ""
    assert env_list("X", ["a"]) == ["a"]
    assert env_list("X") == []


def test_lists_are_split_at_commas(monkeypatch):
    monkeypatch.setenv("X", " a.example, b.example ,,")

    assert env_list("X") == ["a.example", "b.example"]


@pytest.mark.parametrize("read", [env_bool, env_int, env_str])
@pytest.mark.parametrize("given", [None, "", "  "])
def test_what_has_no_default_is_required(monkeypatch, read, given):
    if given is not None:
        monkeypatch.setenv("X", given)

    with pytest.raises(Misconfigured, match="X: is required and not set"):
        read("X")


# The same in every process: the parts of a divided test run must collect the same tests.
KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.mark.parametrize(
    ("read", "text", "says"),
    [
        (env_bool, "maybe", "X: expected yes or no, got 'maybe'"),
        (env_int, "1.5", "X: expected a whole number, got '1.5'"),
    ],
)
def test_nonsense_is_named(monkeypatch, read, text, says):
    monkeypatch.setenv("X", text)

    with pytest.raises(Misconfigured) as refusal:
        read("X")

    assert str(refusal.value) == says


def test_an_unknown_mode_is_refused(monkeypatch):
    monkeypatch.setenv("CSPDCL_MODE", "prod")

    with pytest.raises(Misconfigured, match="expected one of demo, development, test, production"):
        env_mode()


def test_the_mode_is_development_when_nothing_is_said(monkeypatch):
    monkeypatch.delenv("CSPDCL_MODE")

    assert env_mode() is Mode.DEVELOPMENT


def test_a_secret_comes_from_the_environment_or_from_a_file(monkeypatch, tmp_path):
    monkeypatch.setenv("X", "plain")
    (tmp_path / "y").write_text("from a file\n")
    monkeypatch.setenv("Y_FILE", str(tmp_path / "y"))

    assert env_secret("X") == "plain"
    assert env_secret("Y") == "from a file"


def test_a_secret_given_twice_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("X", "plain")
    monkeypatch.setenv("X_FILE", str(tmp_path / "x"))

    with pytest.raises(Misconfigured, match="X: is given twice, also by X_FILE"):
        env_secret("X")


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_secret_file_without_a_secret_is_refused(monkeypatch, tmp_path, content):
    if content is not None:
        (tmp_path / "x").write_text(content)
    monkeypatch.setenv("X_FILE", str(tmp_path / "x"))

    with pytest.raises(Misconfigured, match="X_FILE: "):
        env_secret("X")


def test_outside_production_a_secret_is_made_once_and_kept(tmp_path):
    first = env_secret("X", make=random_keyring)
    kept = tmp_path / "secrets" / "X"

    assert env_secret("X", make=random_keyring) == first
    assert kept.read_text() == first
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in kept.parent.iterdir()] == ["X"]


def test_production_refuses_to_make_a_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("CSPDCL_MODE", "production")

    with pytest.raises(Misconfigured, match="X: is required in production: set it, or X_FILE"):
        env_secret("X")

    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize(
    ("read", "text", "says"),
    [
        (env_key, "#", "expected 32 random bytes"),
        (env_key, "!" * 44, "expected 32 random bytes"),
        (env_keyring, "zzz", "expected id:key"),
        (env_keyring, "1:zzz", "expected 32 random bytes"),
        (env_keyring, f"0:{KEY}", "expected id:key"),
        (env_keyring, f"256:{KEY}", "expected id:key"),
        (env_keyring, f"1:{KEY},1:{KEY}", "key 1 is listed twice"),
        (env_keyring, f"1:{KEY},", "expected id:key"),
    ],
)
def test_a_key_that_could_not_encrypt_is_refused_at_the_start(monkeypatch, read, text, says):
    monkeypatch.setenv("X", text)

    with pytest.raises(Misconfigured, match=says) as refusal:
        read("X")

    assert text not in str(refusal.value)


def test_keys_in_their_form_are_taken(monkeypatch):
    key, ring = random_key(), f"2:{random_key()}, 1:{random_key()}"
    monkeypatch.setenv("X", key)
    monkeypatch.setenv("Y", ring)

    assert (env_key("X"), env_keyring("Y")) == (key, ring)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS: production names its hosts"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS: production names its hosts"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY: production needs 50 characters"),
        ({"FIELD_KEYS": "1:short"}, "FIELD_KEYS: expected 32 random bytes"),
        ({"SECOND_FACTOR_ROLES": "administrator"}, "SECOND_FACTOR_ROLES: must name finance"),
        ({"PUBLIC_URL": "http://payments.example.org"}, "PUBLIC_URL: expected https, got"),
        ({"PUBLIC_URL": "https://payments.example.org/x"}, "PUBLIC_URL: expected https://host"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
    ],
)
def test_production_does_not_start_half_configured(tmp_path, wrong, says):
    whole = {
        "CSPDCL_MODE": "production",
        "CSPDCL_VAR": str(tmp_path),
        "ALLOWED_HOSTS": "payments.example.org",
        "SECRET_KEY": "k" * 49 + "ey",
        "FIELD_KEYS": random_keyring(),
        "INDEX_KEY": random_key(),
        "AUDIT_SIGNING_KEY": random_key(),
        "DATABASE_URL": "postgresql://nobody@localhost/none",
        "REDIS_URL": "redis://localhost:1/0",
    }
    start = [sys.executable, "-c", "import cspdcl.settings"]

    done = subprocess.run(
        start, cwd=PROJECT, env={**whole, **wrong}, capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert says in done.stderr
    assert subprocess.run(start, cwd=PROJECT, env=whole, check=False).returncode == 0


def test_processes_that_start_together_agree_on_a_secret():
    ask = "from cspdcl.env import env_secret; print(env_secret('X'))"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", ask], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]

    answers = {child.communicate(timeout=60)[0] for child in children}

    assert len(answers) == 1
    assert len(answers.pop().strip()) == 64
