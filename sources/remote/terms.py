"""What every puller is told, what it gives, and how it says that a place cannot be reached."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import BinaryIO, NamedTuple
from urllib.parse import unquote, urlsplit

from cspdcl.kernel.errors import Transient

CONNECT_SECONDS = 15.0
SECONDS_MAX = 600.0
TEXT_MAX = 300


class OutOfReach(Transient):
    """The place cannot be read now; the words name what failed, and no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A plan as its puller reads it, the secret opened."""

    address: str
    user: str
    secret: str
    host_key: str
    sender: str
    subject: str
    pattern: str
    days: tuple[date, ...]  # the latest first
    bytes_max: int

    @property
    def host(self) -> str:
        """The name of the server."""
        return urlsplit(self.address).hostname or ""

    @property
    def port(self) -> int | None:
        """Its port, where it is not the usual one."""
        try:
            return urlsplit(self.address).port
        except ValueError as error:
            raise OutOfReach(f"{self.host}: {error}") from error

    @property
    def path(self) -> str:
        """The folder behind the server's name."""
        return unquote(urlsplit(self.address).path)

    def wants(self, name: str) -> bool:
        """Whether a file of this name is meant."""
        return fnmatchcase(name.lower(), self.pattern.lower())


class Arrived(NamedTuple):
    """One file that came over; ``content`` is good until the next one is asked for."""

    name: str
    mark: str
    content: BinaryIO


def plain(text: str) -> str:
    """What somebody else wrote, without signs that no row can hold, and no longer than one."""
    kept = (sign for sign in text if unicodedata.category(sign) not in {"Cc", "Cs"})
    return "".join(kept)[:TEXT_MAX]


def refuse_too_large(names: Sequence[str], *, most: int) -> None:
    """Raise OutOfReach with what had more bytes than are read, if there was anything."""
    if names:
        raise OutOfReach(f"more than {most} bytes, so not read: {', '.join(names)}")


IsKnown = Callable[[str, str], bool]
Pull = Callable[[Terms, IsKnown], Iterator[Arrived]]
