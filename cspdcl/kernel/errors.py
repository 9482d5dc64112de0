"""Four families of errors; each tells its caller what to do next."""

from typing import ClassVar


class DomainError(Exception):
    """A rule of the business refuses; say so to the person and change nothing. Never retried."""

    code: ClassVar[str] = "refused"


class Malformed(Exception):
    """The bytes are not what was agreed; the message names what was expected and where."""


class Unverified(Exception):
    """The sender could not prove who they are; nothing they said may be believed."""


class Transient(Exception):
    """It may work later; the caller may try again."""
