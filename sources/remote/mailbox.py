"""Files attached to mails of one sender, read over IMAP with TLS; the mails stay as they are."""

import email
import imaplib
import io
import logging
import re
import socket
import ssl
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from datetime import date
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import parseaddr
from fnmatch import fnmatchcase
from itertools import count
from typing import Any, Final

from cspdcl.kernel.http import NotAllowed, NotSent, allowed_address, tls
from sources.remote.terms import (
    CONNECT_SECONDS,
    TEXT_MAX,
    Arrived,
    IsKnown,
    OutOfReach,
    Terms,
    plain,
    refuse_too_large,
)

log = logging.getLogger(__name__)

PORT: Final = 993
MAILS_MAX: Final = 500  # of one fetch
_CUT: Final = TEXT_MAX - 10  # of a name that gets a number
_MONTHS: Final = (  # of the protocol, in no language
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")
_WORD: Final = re.compile(r"[A-Za-z0-9._%+@/ -]+")
# What the library raises for headers that anybody may write.
_NO_MAIL: Final = (
    AttributeError,
    LookupError,
    MessageError,
    RecursionError,
    TypeError,
    ValueError,
)


def pull(terms: Terms, is_known: IsKnown) -> Iterator[Arrived]:
    """The attachments that fit, of the mails of the days that are asked for."""
    try:
        too_large = yield from _pull(terms, is_known)
    except (imaplib.IMAP4.error, ssl.SSLError, OSError) as error:
        raise OutOfReach(f"{terms.host}: {type(error).__name__}: {_told(error, terms)}") from error
    except (NotAllowed, NotSent) as error:
        raise OutOfReach(str(error)) from error
    refuse_too_large(too_large, most=_most(terms))


def _pull(terms: Terms, is_known: IsKnown) -> Generator[Arrived, None, list[str]]:
    """One mail after the other; answers which were too large."""
    too_large = []
    port = terms.port or PORT
    with closing(_Mailbox(terms.host, port, allowed_address(terms.host, port))) as box:
        box.login(terms.user, terms.secret)
        _ok(box.select(_quoted(terms.path.strip("/") or "INBOX"), readonly=True))
        validity = _ok(("OK", box.response("UIDVALIDITY")[1] or [b""]))[0] or b""
        since = _imap_day(min(terms.days))
        found = _ok(box.uid("SEARCH", "SINCE", since, "FROM", _quoted(terms.sender)))
        for uid in (found[0] or b"").split()[-MAILS_MAX:]:
            mark = f"{validity.decode()}:{uid.decode()}"
            if is_known("", mark):
                continue
            if _is_too_large(terms, box, uid.decode()):
                too_large.append(f"mail {uid.decode()}")
                continue
            yield from _attached(terms, box, uid.decode(), mark)
    return too_large


def _most(terms: Terms) -> int:
    return 2 * terms.bytes_max  # attached files grow by a third


def _is_too_large(terms: Terms, box: imaplib.IMAP4, uid: str) -> bool:
    told = _ok(box.uid("FETCH", uid, "(RFC822.SIZE)"))
    size = _SIZE.search(b" ".join(one for one in told if isinstance(one, bytes)))
    return size is None or int(size[1]) > _most(terms)


def _attached(terms: Terms, box: imaplib.IMAP4, uid: str, mark: str) -> Iterator[Arrived]:
    parts = _ok(box.uid("FETCH", uid, "(BODY.PEEK[])"))
    raw = next((one[1] for one in parts if isinstance(one, tuple)), b"")
    try:
        files = _files_of(terms, raw)
    except _NO_MAIL as error:  # whoever wrote it, the mails behind it are read
        log.warning("mail %s of %s cannot be read: %s", uid, terms.host, type(error).__name__)
        return
    for name, content in files.items():
        yield Arrived(name, mark, io.BytesIO(content))


def _files_of(terms: Terms, raw: bytes) -> dict[str, bytes]:
    """The attachments that fit, by their names; one whose name was there before is numbered."""
    mail = email.message_from_bytes(raw, policy=policy.default)
    files: dict[str, bytes] = {}
    for part in mail.iter_attachments() if _is_meant(terms, mail) else ():
        name = plain(part.get_filename() or "")
        content = part.get_payload(decode=True)
        if name and terms.wants(name) and isinstance(content, bytes):
            files[_numbered(name, files)] = content
    return files


def _numbered(name: str, known: Collection[str]) -> str:
    """The name, or ``name (2)`` and so on where it is taken."""
    if name not in known:
        return name
    return next(one for at in count(2) if (one := f"{name[:_CUT]} ({at})") not in known)


def _is_meant(terms: Terms, mail: EmailMessage) -> bool:
    """The server looks for the sender as a part of a text; here it is the address itself."""
    sender = parseaddr(str(mail.get("From", "")))[1]
    subject = " ".join(str(mail.get("Subject", "")).split())
    is_sender = sender.lower() == terms.sender.lower()
    return is_sender and fnmatchcase(subject.lower(), terms.subject.lower())


class _Mailbox(imaplib.IMAP4_SSL):
    """A connection to the address that was found to be allowed, under the server's own name."""

    def __init__(self, host: str, port: int, address: str) -> None:
        self._address = address
        super().__init__(host, port, ssl_context=tls(), timeout=CONNECT_SECONDS)

    def close(self) -> Any:
        """Hang up, whatever state the talk is in; a polite end may hang on a broken line."""
        self.shutdown()

    def _create_socket(self, timeout: float | None) -> ssl.SSLSocket:
        plain = socket.create_connection((self._address, self.port), timeout)
        return tls().wrap_socket(plain, server_hostname=self.host)


def _ok(answer: tuple[str, Any]) -> list[Any]:
    """What came with an answer; of a message a pair of bytes among them."""
    word, data = answer
    if word != "OK":
        raise imaplib.IMAP4.error(f"the server answered {word}")
    return list(data)


def _quoted(text: str) -> str:
    """A word of the protocol; what could end it early is refused."""
    if not _WORD.fullmatch(text):
        raise OutOfReach(f"expected letters and digits in {text!r}")
    return f'"{text}"'


def _imap_day(day: date) -> str:
    return f"{day.day:02d}-{_MONTHS[day.month - 1]}-{day.year}"


def _told(error: Exception, terms: Terms) -> str:
    text = str(error)
    return text.replace(terms.secret, "***") if terms.secret else text
