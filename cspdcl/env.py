"""Typed readers of the environment: loud when something is wrong, and no default for a secret."""

import base64
import os
import re
import secrets
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

PROJECT: Final = Path(__file__).resolve().parent.parent

TRUE: Final = frozenset({"1", "true", "yes", "on"})
KEY_BYTES: Final = 32
FALSE: Final = frozenset({"0", "false", "no", "off"})


class Mode(StrEnum):
    """What this installation is for; only production refuses to help itself."""

    DEMO = "demo"
    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class Misconfigured(SystemExit):
    """A setting is missing or unreadable: the process ends and names it, without a traceback."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name
        self.problem = problem


def env_mode() -> Mode:
    """The mode named by CSPDCL_MODE, development when nothing is said."""
    value = env_str("CSPDCL_MODE", default=Mode.DEVELOPMENT)
    try:
        return Mode(value)
    except ValueError:
        known = ", ".join(Mode)
        raise Misconfigured("CSPDCL_MODE", f"expected one of {known}, got {value!r}") from None


def var_dir() -> Path:
    """Where everything lives that this installation writes: CSPDCL_VAR, or var/ of the project."""
    return Path(os.environ.get("CSPDCL_VAR") or PROJECT / "var").resolve()


def env_str(name: str, default: str | None = None) -> str:
    """A text; empty counts as not given, and what has no default must be given."""
    value = os.environ.get(name, "").strip()
    if value:
        return value
    if default is None:
        raise Misconfigured(name, "is required and not set")
    return default


def env_bool(name: str, default: bool | None = None) -> bool:
    """Yes or no: 1/0, true/false, yes/no, on/off."""
    value = env_str(name, default=None if default is None else str(default)).lower()
    if value not in TRUE | FALSE:
        raise Misconfigured(name, f"expected yes or no, got {value!r}")
    return value in TRUE


def env_int(name: str, default: int | None = None) -> int:
    """A whole number."""
    value = env_str(name, default=None if default is None else str(default))
    try:
        return int(value)
    except ValueError:
        raise Misconfigured(name, f"expected a whole number, got {value!r}") from None


def env_list(name: str, default: Sequence[str] = ()) -> list[str]:
    """Texts separated by commas, none when nothing is said; blanks around them do not count."""
    value = env_str(name, default=",".join(default))
    return [part.strip() for part in value.split(",") if part.strip()]


def env_socket(name: str) -> str:
    """Where a server listens: ``tcp://host:port`` or ``unix:///path``; empty when there is none."""
    value = env_str(name, default="")
    address = urlsplit(value)
    try:
        is_tcp = address.scheme == "tcp" and bool(address.hostname and address.port)
    except ValueError:  # a port that is none
        is_tcp = False
    is_unix = address.scheme == "unix" and address.path.startswith("/") and not address.netloc
    if value and not (is_tcp or is_unix):
        raise Misconfigured(name, f"expected tcp://host:port or unix:///path, got {value!r}")
    return value


def env_origin(name: str, default: str, *, is_https: bool) -> str:
    """Scheme and host, with a port if need be and nothing after it: ``https://pay.example.org``."""
    value = env_str(name, default=default).rstrip("/")
    if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", value):
        raise Misconfigured(name, f"expected https://host, got {value!r}")
    if is_https and not value.startswith("https://"):
        raise Misconfigured(name, f"expected https, got {value!r}")
    return value


def random_secret() -> str:
    """384 random bits that survive a shell, a URL and an environment file."""
    return secrets.token_urlsafe(48)


def random_key() -> str:
    """A 256-bit key in base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def random_keyring() -> str:
    """A ring of one key, number 1, in the form of FIELD_KEYS."""
    return f"1:{random_key()}"


def env_secret(name: str, *, make: Callable[[], str] = random_secret) -> str:
    """The secret NAME, or the content of the file NAME_FILE.

    Outside production a missing secret is made once, kept under var/secrets and read from there
    afterwards; production refuses to start without one.
    """
    value, file = os.environ.get(name, "").strip(), os.environ.get(f"{name}_FILE", "").strip()
    if value and file:
        raise Misconfigured(name, f"is given twice, also by {name}_FILE")
    if value:
        return value
    if file:
        return _read(f"{name}_FILE", Path(file))
    if env_mode() is Mode.PRODUCTION:
        raise Misconfigured(name, f"is required in production: set it, or {name}_FILE")
    return _kept(name, make)


def env_given_secret(name: str) -> str:
    """The secret NAME, or the content of NAME_FILE, of something that may be absent; else empty."""
    is_given = os.environ.get(name, "").strip() or os.environ.get(f"{name}_FILE", "").strip()
    return env_secret(name) if is_given else ""


def env_key(name: str) -> str:
    """A secret that is a 256-bit key in base64."""
    value = env_secret(name, make=random_key)
    _check_key(name, value)
    return value


def env_keyring(name: str) -> str:
    """A secret of the form ``id:key[,id:key]``, each with an id of its own between 1 and 255."""
    value = env_secret(name, make=random_keyring)
    seen: set[int] = set()
    for part in value.split(","):
        number, colon, key = part.strip().partition(":")
        if not colon or not (number.isascii() and number.isdigit() and 0 < int(number) < 256):
            raise Misconfigured(name, "expected id:key[,id:key] with ids from 1 to 255")
        if int(number) in seen:
            raise Misconfigured(name, f"key {number} is listed twice")
        seen.add(int(number))
        _check_key(name, key)
    return value


def _check_key(name: str, key: str) -> None:
    """Now, because the first message of a channel would be too late; the key itself is not told."""
    try:
        raw = base64.b64decode(key, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise Misconfigured(name, f"expected {KEY_BYTES} random bytes in base64")


def _read(name: str, path: Path) -> str:
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(name, f"cannot read {path}: {error}") from None
    if not value:
        raise Misconfigured(name, f"the file {path} is empty")
    return value


def _kept(name: str, make: Callable[[], str]) -> str:
    directory = var_dir() / "secrets"
    path = directory / name
    if not path.exists():
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = directory / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(make())
        except OSError as error:
            raise Misconfigured(name, f"cannot keep it in {directory}: {error}") from None
        # A link either puts the whole secret there or finds that another process was first.
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return _read(name, path)
