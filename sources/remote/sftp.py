"""Files in a folder of an SFTP server, whose key must be the one that was agreed."""

import asyncio
import stat
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, Final, TypeVar

import asyncssh

from cspdcl.kernel.http import NotAllowed, NotSent, allowed_address
from sources.remote.terms import (
    CONNECT_SECONDS,
    SECONDS_MAX,
    Arrived,
    IsKnown,
    OutOfReach,
    Terms,
    refuse_too_large,
)

T = TypeVar("T")

PORT: Final = 22
_CHUNK: Final = 1 << 18
_KEY_BEGINS: Final = "-----BEGIN"


def pull(terms: Terms, is_known: IsKnown) -> Iterator[Arrived]:
    """The files of the folder that fit the pattern and are not known.

    One that is too large does not hold up those behind it; OutOfReach names it at the end.
    """
    too_large = []
    try:
        with asyncio.Runner() as runner, _folder(terms, runner) as client:
            for name, mark in _listed(terms, _run(runner, client.readdir(terms.path or "."))):
                if is_known(name, mark):
                    continue
                with tempfile.TemporaryFile() as content:
                    path = str(PurePosixPath(terms.path or ".") / name)
                    if not _run(runner, _copy(client, path, content, most=terms.bytes_max)):
                        too_large.append(name)
                        continue
                    content.seek(0)
                    yield Arrived(name, mark, content)
    except asyncssh.HostKeyNotVerifiable as error:
        raise OutOfReach("the server showed another key than the one that was agreed") from error
    except (asyncssh.Error, OSError, TimeoutError) as error:
        raise OutOfReach(f"{terms.host}: {type(error).__name__}") from error
    except (NotAllowed, NotSent) as error:
        raise OutOfReach(str(error)) from error
    refuse_too_large(too_large, most=terms.bytes_max)


def host_key(text: str) -> asyncssh.SSHKey:
    """The public key of a server. Raises OutOfReach for what is none."""
    try:
        return asyncssh.import_public_key(text)
    except ValueError as error:
        raise OutOfReach("the host_key of the plan is no public key") from error


def _own_key(secret: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(secret)
    except ValueError as error:
        raise OutOfReach("the secret of the plan begins like a private key and is none") from error


@contextmanager
def _folder(terms: Terms, runner: asyncio.Runner) -> Iterator[asyncssh.SFTPClient]:
    connection = _run(runner, _connect(terms))
    try:
        client = _run(runner, _start(connection))
        try:
            yield client
        finally:
            client.exit()
    finally:
        connection.close()
        _run(runner, connection.wait_closed())


async def _start(connection: asyncssh.SSHClientConnection) -> asyncssh.SFTPClient:
    return await connection.start_sftp_client()


async def _connect(terms: Terms) -> asyncssh.SSHClientConnection:
    port = terms.port or PORT
    is_key = terms.secret.startswith(_KEY_BEGINS)
    return await asyncssh.connect(
        allowed_address(terms.host, port),
        port,
        username=terms.user,
        password=None if is_key else terms.secret,
        client_keys=[_own_key(terms.secret)] if is_key else None,
        known_hosts=([host_key(terms.host_key)], [], []),
        config=None,
        agent_path=None,
        connect_timeout=CONNECT_SECONDS,
        login_timeout=CONNECT_SECONDS,
    )


def _listed(terms: Terms, found: Any) -> Iterator[tuple[str, str]]:
    """Plain files by their names, the oldest first; size and time tell one that was replaced."""
    rows = []
    for one in found:
        name, attrs = str(one.filename), one.attrs
        is_file = attrs.permissions is None or stat.S_ISREG(attrs.permissions)
        if is_file and terms.wants(name) and "/" not in name:
            rows.append((attrs.mtime or 0, name, f"{attrs.size}:{attrs.mtime}"))
    for _at, name, mark in sorted(rows):
        yield name, mark


async def _copy(client: asyncssh.SFTPClient, path: str, content: Any, *, most: int) -> bool:
    """Bring one file over; False for one that is larger than it may be."""
    async with client.open(path, "rb") as there:
        told = (await there.stat()).size
        if told is not None and told > most:
            return False
        size = 0
        while chunk := await there.read(_CHUNK):
            size += len(chunk)
            if size > most:
                return False
            content.write(chunk)
    return True


def _run(runner: asyncio.Runner, what: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        return await asyncio.wait_for(what, SECONDS_MAX)

    return runner.run(bounded())
