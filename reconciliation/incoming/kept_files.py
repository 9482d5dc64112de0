"""Where the bytes of files are kept: by their hash, written aside, synced, then renamed."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from django.conf import settings

from channels_.models import StatementFile
from cspdcl.kernel.errors import Malformed

CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    path: Path
    sha256: str
    size: int


def path_of(file: StatementFile) -> Path:
    """Where the bytes of a file are kept."""
    return Path(settings.STATEMENTS_DIR) / file.sha256[:2] / file.sha256


def keep(stream: BinaryIO) -> Kept:
    """Copy the bytes to their place, by their hash: written aside, synced, then renamed."""
    folder = Path(settings.STATEMENTS_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=folder, prefix="arriving-", delete=False) as aside:
        try:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                _refuse_too_large(size)
                digest.update(chunk)
                aside.write(chunk)
            aside.flush()
            os.fsync(aside.fileno())
        except BaseException:
            Path(aside.name).unlink()
            raise
    name = digest.hexdigest()
    place = folder / name[:2] / name
    place.parent.mkdir(exist_ok=True)
    Path(aside.name).rename(place)
    _sync(place.parent)
    return Kept(path=place, sha256=name, size=size)


def _refuse_too_large(size: int) -> None:
    most = settings.STATEMENT_BYTES_MAX
    if size > most:
        raise Malformed(f"the file has more than {most} bytes; no more are read")


def _sync(folder: Path) -> None:
    """Until its folder is on the disk a renamed file may be lost with the power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refuse_other_bytes(file: StatementFile, path: Path) -> None:
    """What is released is what was handed in, to the bit."""
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        found = ""
    if found != file.sha256:
        raise Malformed("the bytes that were kept are not those that were handed in")
