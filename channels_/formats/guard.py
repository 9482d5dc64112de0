"""What every reader of a stranger's file checks first: size, archive, encoding, DOCTYPE."""

import codecs
import io
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import wraps
from typing import BinaryIO, Final, cast

from channels_.contract import Refusal, Statement, StatementReader
from cspdcl.kernel.errors import Malformed

MEGABYTE: Final = 1024 * 1024
CHUNK: Final = 256 * 1024
HEAD: Final = 4096
REFUSALS_MAX: Final = 1000
ROW_MAX: Final = 1000  # characters of a row that are kept

ZIP_MAGIC: Final = b"PK\x03\x04"
ZIP_MEMBERS_MAX: Final = 50
ZIP_RATIO_MAX: Final = 200  # statements are wordy, yet none shrinks more than this
ZIP_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})  # all that people send
# What the library says of an archive whose bytes were altered.
ZIP_FAULTS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    EOFError,
    RuntimeError,
    ValueError,
)

# Where a row or a cell of a sheet stands: <row r="7">, <c r="XFD7">.
_PLACE: Final = re.compile(
    rb"""<(?:\w+:)?(row|c)\s(?:[^<>]*?\s)?r\s*=\s*["']([A-Za-z]*)(\d+)["']"""
)
_DIGITS_MAX: Final = 12
_LETTERS_MAX: Final = 4
_AREA_ALWAYS: Final = 2_000_000  # cells that any sheet may span
_AREA_RATIO_MAX: Final = 50  # beyond that, cells spanned for each that is there
_OTHER_WORKBOOKS: Final = frozenset({"content.xml", "xl/workbook.bin"})  # ODS and XLSB

DOCTYPE_MARKS: Final = (b"<!DOCTYPE", b"<!ENTITY")


def guarded(reader: StatementReader, *, limit: int) -> StatementReader:
    """The reader behind the size limit; a zip archive is opened and each member read in turn."""

    @wraps(reader)
    def read(file: BinaryIO) -> Iterator[Statement]:
        check_size(file, limit=limit)
        if head_of(file).startswith(ZIP_MAGIC):
            for member in _members(file, limit=limit):
                yield from reader(member)
        else:
            yield from reader(file)

    return read


def check_size(file: BinaryIO, *, limit: int) -> None:
    """Refuse an empty or an oversize file before a byte of it is read; leave it at its start."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size == 0:
        raise Malformed("the file is empty")
    if size > limit:
        raise Malformed(f"the file has {size} bytes, at most {limit} are read")


def head_of(file: BinaryIO) -> bytes:
    """The first bytes of the file, which is left at its start."""
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0)
    return head


def open_text(file: BinaryIO, *, newline: str | None = None) -> io.TextIOWrapper:
    """The file as text: UTF-8 with or without a mark, and if it is not UTF-8 then cp1252.

    That order is the rule, because nothing but UTF-8 looks like UTF-8 by chance. NUL bytes, hence
    UTF-16 too, and bytes that neither encoding knows are refused.
    """
    encoding = "utf-8-sig" if _is_utf8(file) else "cp1252"
    if encoding == "cp1252":
        _check_cp1252(file)
    file.seek(0)
    return io.TextIOWrapper(cast("BinaryIO", _Unclosed(file)), encoding=encoding, newline=newline)


def refuse(statement: Statement, line: int, problem: str, *, row: object = None) -> None:
    """Note why a line cannot be read; give the file up when there are too many of them.

    ``row`` is what stands there, when it is a line of money and nothing that holds for the file.
    """
    if len(statement.refusals) >= REFUSALS_MAX:
        raise Malformed(f"line {line}: {problem}; more than {REFUSALS_MAX} lines cannot be read")
    statement.refusals.append(Refusal(line, problem, None if row is None else _shown(row)))


def has_lost_a_row(statement: Statement) -> bool:
    """Whether a line of money could not be read: then no sum of the file can agree."""
    return any(one.text is not None for one in statement.refusals)


def _shown(row: object) -> str:
    """A row as a person finds it again."""
    if isinstance(row, Mapping):
        cells = [f"{name}={cell}" for name, cell in row.items() if cell]
        text = " | ".join(cells)
    else:
        text = " | ".join(map(str, row)) if isinstance(row, list | tuple) else str(row)
    return " ".join(text.replace("\0", "").split())[:ROW_MAX]


def check_archive(file: BinaryIO, *, limit: int) -> None:
    """Refuse an archive (a workbook is one) that would unpack to more than it may."""
    check_size(file, limit=limit)
    try:
        with zipfile.ZipFile(file) as archive:
            _check_directory([i for i in archive.infolist() if not i.is_dir()], limit=limit)
    except ZIP_FAULTS as error:
        raise Malformed(f"the archive cannot be opened: {error}") from error
    file.seek(0)


def check_workbook(file: BinaryIO, *, limit: int) -> None:
    """The same for an XLSX workbook, and no sheet may be much wider or longer than it is full.

    The reader lays a sheet out whole: two cells in far corners would take all memory there is.
    """
    check_archive(file, limit=limit)
    with zipfile.ZipFile(file) as archive:
        names = set(archive.namelist())
        if "xl/workbook.xml" not in names or names & _OTHER_WORKBOOKS:
            raise Malformed("expected a workbook as Excel writes it, .xlsx")
        for name in sorted(names):
            try:
                with archive.open(name) as packed:
                    _check_cells(cast("BinaryIO", packed))
            except ZIP_FAULTS as error:
                raise Malformed(f"the workbook cannot be opened: {error}") from error
    file.seek(0)


def check_doctype(data: bytes) -> None:
    """Refuse markup that declares a document type or an entity: no statement needs one."""
    for mark in DOCTYPE_MARKS:
        if mark in data:
            raise Malformed(f"{mark.decode()} is not accepted in a statement")


class _Unclosed(io.BufferedIOBase):
    """Lends a file to a TextIOWrapper, which would close it otherwise."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        return self._file.read(-1 if size is None else size)

    read1 = read


def _is_utf8(file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    offset = 0
    valid = True
    while chunk := file.read(CHUNK):
        if (at := chunk.find(b"\0")) >= 0:
            raise Malformed(f"byte {offset + at} is NUL: expected text in UTF-8 or Windows-1252")
        if valid:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                valid = False
        offset += len(chunk)
    if not valid:
        return False
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _check_cp1252(file: BinaryIO) -> None:
    file.seek(0)
    offset = 0
    while chunk := file.read(CHUNK):
        try:
            chunk.decode("cp1252")
        except UnicodeDecodeError as error:
            where = offset + error.start
            raise Malformed(f"byte {where} is neither UTF-8 nor Windows-1252") from error
        offset += len(chunk)


def _members(file: BinaryIO, *, limit: int) -> Iterator[BinaryIO]:
    try:
        with zipfile.ZipFile(file) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            _check_directory(infos, limit=limit)
            left = limit
            for info in infos:
                with archive.open(info) as packed, tempfile.TemporaryFile() as plain:
                    left -= _unpack(cast("BinaryIO", packed), plain, limit=left)
                    if head_of(plain).startswith(ZIP_MAGIC):
                        raise Malformed("the archive holds another archive")
                    yield plain
    except ZIP_FAULTS as error:
        raise Malformed(f"the archive cannot be opened: {error}") from error


def _check_directory(infos: list[zipfile.ZipInfo], *, limit: int) -> None:
    if not infos:
        raise Malformed("the archive is empty")
    if len(infos) > ZIP_MEMBERS_MAX:
        raise Malformed(f"the archive holds {len(infos)} files, at most {ZIP_MEMBERS_MAX} are read")
    if any(info.flag_bits & 1 for info in infos):
        raise Malformed("the archive is encrypted")
    if any(info.compress_type not in ZIP_METHODS for info in infos):
        raise Malformed("the archive is packed in an unusual way; deflate is expected")
    unpacked = sum(info.file_size for info in infos)
    if unpacked > limit:
        raise Malformed(f"the archive unpacks to {unpacked} bytes, at most {limit} are read")
    for info in infos:
        if info.file_size > ZIP_RATIO_MAX * max(info.compress_size, 1):
            raise Malformed(f"the archive unpacks to more than {ZIP_RATIO_MAX} times its size")


def _check_cells(packed: BinaryIO) -> None:
    """Refuse a sheet whose last row and column span far more cells than it has."""
    rows = columns = cells = 0
    rest = b""
    while chunk := packed.read(CHUNK):
        text = rest + chunk
        cut = text.rfind(b"<")
        rest = text[cut:] if cut >= 0 else b""
        for what, letters, digits in _PLACE.findall(text[:cut] if cut >= 0 else text):
            cells += what == b"c"
            rows = max(rows, int(digits[:_DIGITS_MAX]))
            columns = max(columns, _column(letters))
    area = rows * max(columns, 1)
    if area > _AREA_ALWAYS and area > _AREA_RATIO_MAX * max(cells, 1):
        raise Malformed(
            f"a sheet spans {rows} rows and {columns} columns for {cells} cells: "
            "delete what is empty, or save it as CSV"
        )


def _column(letters: bytes) -> int:
    """The number of a column: A is 1, XFD is 16,384."""
    number = 0
    for letter in letters.upper()[:_LETTERS_MAX]:
        number = number * 26 + letter - ord("A") + 1
    return number


def _unpack(packed: BinaryIO, plain: BinaryIO, *, limit: int) -> int:
    """Copy at most ``limit`` bytes: what the archive says of its sizes may be a lie."""
    size = 0
    while chunk := packed.read(CHUNK):
        size += len(chunk)
        if size > limit:
            raise Malformed(f"the archive unpacks to more than {limit} bytes")
        plain.write(chunk)
    return size
