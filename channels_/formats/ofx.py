"""OFX statements of banks and cards, versions 1 (SGML) and 2 (XML), streamed by one reader.

Both are read as what they have in common: tags, and text behind some of them. Nothing is expanded
but the few entities that stand for one character, and a DOCTYPE is refused. A leaf of version 1
needs no closing tag, so only the known aggregates must be closed in order.

No opening balance is in these files, so nothing in them proves that all lines are there; what is
checked is the structure up to ``</OFX>``. The bank's id of a line (FITID) makes it itself.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import BinaryIO, Final, NamedTuple

from channels_.contract import LineKind, Page, Statement, StatementFormat, StatementLine
from channels_.formats.guard import CHUNK, MEGABYTE, check_doctype, guarded, open_text, refuse
from channels_.formats.identity import Keys
from channels_.formats.references import rrn_in, utr_among
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import PAISE_MAX

SIZE_MAX: Final = 2000 * MEGABYTE
TEXT_MAX: Final = 20_000  # of one tag with its text, or of one comment
FIELDS_MAX: Final = 200  # of one aggregate

STATEMENTS: Final = frozenset({"STMTRS", "CCSTMTRS"})
FOREIGN: Final = {"INVSTMTRS": "an investment statement"}
TRANSACTION: Final = "STMTTRN"
PENDING: Final = "STMTTRNP"
LIST: Final = "BANKTRANLIST"
ACCOUNTS: Final = frozenset({"BANKACCTFROM", "CCACCTFROM"})
# What must be closed in its place. Everything else is a leaf, or of no concern.
AGGREGATES: Final = (
    STATEMENTS
    | FOREIGN.keys()
    | ACCOUNTS
    | {TRANSACTION, PENDING, "OFX", "SONRS", "STATUS", "SIGNONMSGSRSV1", "STMTTRNRS"}
    | {"BANKMSGSRSV1", "CREDITCARDMSGSRSV1", "INVSTMTMSGSRSV1", "INVSTMTTRNRS", "CCSTMTTRNRS"}
    | {LIST, "BANKTRANLISTP", "LEDGERBAL", "AVAILBAL", "BALLIST", "BAL", "PAYEE"}
    | {"BANKACCTTO", "CCACCTTO", "CURRENCY", "ORIGCURRENCY"}
)

# A tag with the text behind it; or what says nothing about money, a comment or an instruction; or
# text that was kept from being read as tags.
_PIECE: Final = re.compile(
    r"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9._-]{0,63})\s*(?P<empty>/?)>(?P<text>[^<]*)"
    r"|<!--.*?-->[^<]*|<\?.*?\?>[^<]*|<!\[CDATA\[(?P<bare>.*?)\]\]>[^<]*",
    re.DOTALL,
)
_ENTITY: Final = re.compile(
    r"&(?:(amp|lt|gt|quot|apos|nbsp)|#([0-9]{1,6})|#[xX]([0-9A-Fa-f]{1,5}));"
)
_CHARACTERS: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}
_AMOUNT: Final = re.compile(r"([+-]?)([0-9]{0,13})(?:[.,]([0-9]{0,2})0*)?")
_DAY: Final = re.compile(r"([0-9]{8})(?:[0-9]{2,6}(?:\.[0-9]*)?)?(?:\[[^\]]*\])?")


class _Token(NamedTuple):
    name: str
    is_end: bool
    text: str
    line: int


class _Part(NamedTuple):
    """An aggregate that was closed, with its leaves; its own aggregates were told before.

    Of a statement the beginning is told too, without leaves.
    """

    name: str
    fields: dict[str, str]
    line: int
    is_start: bool = False


def _read(file: BinaryIO) -> Iterator[Statement]:
    parts = _parts(file)
    keys = Keys()
    found = False
    for part in parts:
        if not part.is_start:
            continue
        found = True
        statement = Statement(page=Page(), lines=())
        lines = _lines(statement, parts, keys, own=part.name)
        first = next(lines, None)
        statement.lines = lines if first is None else chain([first], lines)
        yield statement
        for _line in lines:
            pass
    if not found:
        raise Malformed("expected a statement (STMTRS or CCSTMTRS) in the file, found none")


def _lines(
    statement: Statement, parts: Iterator[_Part], keys: Keys, *, own: str
) -> Iterator[StatementLine]:
    """The transactions; account, currency and balance go into the page."""
    inside: dict[str, dict[str, str]] = {}  # aggregates that were closed inside the next one
    for part in parts:
        if part.name == own:
            _check_head(statement.page, part.line)
            return
        if part.name == TRANSACTION:
            _check_head(statement.page, part.line)
            try:
                yield _line(statement.page, part, inside, keys)
            except ValueError as error:
                refuse(statement, part.line, f"{TRANSACTION}: {error}", row=part.fields)
            inside = {}
        elif part.name == PENDING:
            statement.notes["pending"] = statement.notes.get("pending", 0) + 1
            inside = {}
        else:
            try:
                statement.page = _page(statement.page, part)
            except ValueError as error:
                refuse(statement, part.line, f"{part.name}: {error}")
            inside[part.name] = part.fields


def _check_head(page: Page, line: int) -> None:
    if not page.currency or not page.account:
        missing = "an account (ACCTID)" if page.currency else "a currency (CURDEF)"
        raise Malformed(f"line {line}: expected {missing} before the transactions")


def _page(page: Page, part: _Part) -> Page:
    if part.name in ACCOUNTS:
        return replace(page, account=part.fields.get("ACCTID", ""))
    if part.name == "CURDEF":
        return replace(page, currency=part.fields["CURDEF"].upper())
    if part.name == "LEDGERBAL":
        return replace(
            page,
            closing_paise=_paise(part.fields.get("BALAMT", "")),
            closed_on=_day(part.fields.get("DTASOF", "")),
        )
    return page


def _line(page: Page, part: _Part, inside: dict[str, dict[str, str]], keys: Keys) -> StatementLine:
    told = part.fields
    if "CORRECTFITID" in told:
        raise ValueError(f"expected a transaction, got a correction of {told['CORRECTFITID']!r}")
    currency = inside.get("CURRENCY", {}).get("CURSYM", page.currency)
    if currency.upper() != page.currency:
        raise ValueError(f"expected an amount in {page.currency}, got {currency}")
    day, paise = _day(told.get("DTPOSTED", "")), _paise(told.get("TRNAMT", ""))
    fitid, reference = told.get("FITID", ""), told.get("REFNUM", "")
    name = told.get("NAME") or inside.get("PAYEE", {}).get("NAME", "")
    narration = _joined(name, told.get("EXTDNAME", ""), told.get("MEMO", ""))
    return StatementLine(
        line=part.line,
        # A bank may word a line otherwise the next time; its id stays.
        key=keys.key(
            page.account,
            day=day,
            amount_paise=paise,
            reference="" if fitid else reference,
            channel_ref=fitid,
            narration="" if fitid else narration,
        ),
        kind=LineKind.DEBIT if paise < 0 else LineKind.CREDIT,
        amount_paise=paise,
        business_date=day,
        channel_ref=fitid,
        reference=reference,
        utr=utr_among(reference, fitid, narration),
        rrn=rrn_in(narration),
        instrument=told.get("CHECKNUM", ""),
        code=told.get("TRNTYPE", "").upper(),
        narration=narration,
    )


def _joined(*texts: str) -> str:
    """Each text once: many banks repeat the name at the start of the memo."""
    found: list[str] = []
    for text in filter(None, texts):
        if found and text.startswith(found[-1]):
            found.pop()
        found.append(text)
    return " ".join(found)


def _paise(text: str) -> int:
    found = _AMOUNT.fullmatch(text)
    if found is None or not (found[2] or found[3]):
        raise ValueError(f"expected an amount such as -1234.50, got {text!r}")
    paise = int(found[2] or 0) * 100 + int((found[3] or "").ljust(2, "0"))
    if paise > PAISE_MAX:
        raise ValueError(f"expected an amount of our world, got {text!r}")
    return -paise if found[1] == "-" else paise


def _day(text: str) -> date:
    """The day as the bank wrote it, in the bank's own time zone."""
    found = _DAY.fullmatch(text)
    try:
        return date.fromisoformat(found[1] if found else "")
    except ValueError:
        raise ValueError(f"expected a day such as 20260826, got {text!r}") from None


# ---- from tags to aggregates -------------------------------------------------------------------


def _parts(file: BinaryIO) -> Iterator[_Part]:
    """The aggregates as they are closed, and the currency, which stands before what it counts."""
    open_ones: list[tuple[_Token, list[tuple[str, str]]]] = []
    is_whole = False
    for token in _tokens(file):
        if token.name in AGGREGATES and token.is_end:
            yield _closed(open_ones, token)
            is_whole = not open_ones
        elif token.name in AGGREGATES:
            _check_start(token, [one.name for one, _leaves in open_ones])
            open_ones.append((token, []))
            if token.name in STATEMENTS:
                yield _Part(token.name, {}, token.line, is_start=True)
        elif open_ones:
            _take_leaf(open_ones[-1][1], token)
            if token.name == "CURDEF" and not token.is_end:
                yield _Part("CURDEF", {"CURDEF": token.text}, token.line)
    if not is_whole:
        wanted = open_ones[-1][0].name if open_ones else "OFX"
        raise Malformed(f"the file is cut short: expected </{wanted}>")


def _check_start(token: _Token, outer: Sequence[str]) -> None:
    name = token.name
    if (name == "OFX") == bool(outer):
        wanted = f"what stands inside <{outer[-1]}>" if outer else "<OFX>"
        raise Malformed(f"line {token.line}: expected {wanted}, got <{name}>")
    if name in FOREIGN:
        raise Malformed(f"line {token.line}: expected a bank's statement, got {FOREIGN[name]}")
    if name in outer or (name in {TRANSACTION, PENDING} and not STATEMENTS & set(outer)):
        raise Malformed(f"line {token.line}: expected no <{name}> inside <{outer[-1]}>")


def _closed(open_ones: list[tuple[_Token, list[tuple[str, str]]]], token: _Token) -> _Part:
    if token.name in STATEMENTS and open_ones and open_ones[-1][0].name == LIST:
        open_ones.pop()  # some banks never close it; the statement itself they do
    if not open_ones or open_ones[-1][0].name != token.name:
        wanted = f"</{open_ones[-1][0].name}>" if open_ones else "<OFX>"
        raise Malformed(f"line {token.line}: expected {wanted}, got </{token.name}>")
    begun, leaves = open_ones.pop()
    done = _Part(token.name, dict(reversed(leaves)), begun.line)  # the first of a name counts
    if token.name == "STATUS":
        _check_status(done)
    return done


def _take_leaf(leaves: list[tuple[str, str]], token: _Token) -> None:
    """Add a leaf to its aggregate; an end tag takes away what stood inside something unknown."""
    if not token.is_end:
        leaves.append((token.name, token.text))
        if len(leaves) > FIELDS_MAX:
            raise Malformed(f"line {token.line}: one aggregate has more than {FIELDS_MAX} fields")
        return
    for place in reversed(range(len(leaves))):
        if leaves[place][0] == token.name:
            if not leaves[place][1]:
                del leaves[place + 1 :]
            return


def _check_status(status: _Part) -> None:
    if status.fields.get("SEVERITY", "").upper() == "ERROR":
        code, text = status.fields.get("CODE", ""), status.fields.get("MESSAGE", "")
        raise Malformed(
            f"line {status.line}: expected a statement, the bank answered {code} {text[:100]}"
        )


def _tokens(file: BinaryIO) -> Iterator[_Token]:
    """The tags, each with the text behind it."""
    last: _Token | None = None
    for found, line in _pieces(file):
        bare = found["bare"]
        if bare is not None and last is not None:
            last = last._replace(text=f"{last.text} {bare}".strip())
        if not found["name"]:
            continue
        if last is not None:
            yield last
        name, is_end = found["name"].upper(), bool(found["end"])
        last = _Token(name, is_end, "" if is_end else _plain(found["text"]), line)
        if found["empty"]:
            yield last._replace(text="")
            last = _Token(name, True, "", line)
    if last is not None:
        yield last


def _pieces(file: BinaryIO) -> Iterator[tuple[re.Match[str], int]]:
    """What the file is made of, each with its line, up to the end of the file."""
    text = open_text(file)
    rest, line, is_more = "", 1, True
    while is_more:
        chunk = text.read(CHUNK)
        is_more = bool(chunk)
        rest += chunk
        at = max(rest.find("<"), 0)
        line += rest.count("\n", 0, at)
        while at < len(rest):
            found = _PIECE.match(rest, at)
            if found is None or (is_more and found.end() == len(rest)):
                break  # a piece is whole when the next one has begun
            if found.end() - at > TEXT_MAX:
                raise Malformed(f"line {line}: one tag is longer than {TEXT_MAX} characters")
            yield found, line
            line += rest.count("\n", at, found.end())
            at = found.end()
        rest = rest[at:]
        if len(rest) > TEXT_MAX or (rest.strip() and not is_more):
            check_doctype(rest[:20].upper().encode())
            raise Malformed(f"line {line}: expected a tag, got {rest[:20]!r}")


def _plain(text: str) -> str:
    return " ".join(_ENTITY.sub(_character, text).split())


def _character(found: re.Match[str]) -> str:
    name, number, hexadecimal = found.groups()
    if name:
        return _CHARACTERS[name]
    code = int(number) if number else int(hexadecimal, 16)
    return chr(code) if 32 <= code < 0xD800 else " "


def _sniff(head: bytes) -> bool:
    return b"OFXHEADER" in head or b"<OFX>" in head.upper()


OFX: Final = StatementFormat(
    code="ofx",
    title="OFX statement (SGML or XML)",
    sniff=_sniff,
    read=guarded(_read, limit=SIZE_MAX),
)
