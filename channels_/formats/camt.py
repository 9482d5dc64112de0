"""ISO 20022 camt.053 statements, camt.052 intraday reports and camt.054 notifications, streamed.

One line for each booked entry. Amounts stand unsigned beside CdtDbtInd, which is the direction of
the money also for a reversal (RvslInd). A batch is one line, because the account moved once; only a
notification gives the payments inside it, where they add up to it. A line's number counts entries:
a whole file often stands on one line of text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, partial
from itertools import chain, islice
from typing import BinaryIO, Final

from lxml import etree

from channels_.contract import (
    LineKind,
    Page,
    Statement,
    StatementFormat,
    StatementLine,
)
from channels_.formats.guard import MEGABYTE, guarded, refuse
from channels_.formats.identity import Keys
from channels_.formats.references import is_utr, rrn_in, utr_among
from channels_.formats.xml_stream import events
from cspdcl.kernel.errors import Malformed

SIZE_MAX: Final = 500 * MEGABYTE
DEPTH_MAX: Final = 40
ELEMENTS_MAX: Final = 200_000  # held at one time
NARRATION_MAX: Final = 2_000

NAMESPACE: Final = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(camt\.05[234])\.001\.(\d\d)")
NEWEST: Final = 12  # what is read of an entry is the same from version 02 on


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One of the three messages a bank makes of the same entries."""

    name: str
    title: str
    root: str
    part: str  # what stands for one account
    oldest: int = 2
    is_interim: bool = False
    splits: bool = False  # into the payments of a batch


STATEMENT: Final = Message(
    name="camt.053", title="a bank statement", root="BkToCstmrStmt", part="Stmt"
)
REPORT: Final = Message(
    name="camt.052",
    title="an intraday account report",
    root="BkToCstmrAcctRpt",
    part="Rpt",
    oldest=1,
    is_interim=True,
)
NOTIFICATION: Final = Message(
    name="camt.054",
    title="a debit and credit notification",
    root="BkToCstmrDbtCdtNtfctn",
    part="Ntfctn",
    is_interim=True,
    splits=True,
)
MESSAGES: Final = (STATEMENT, REPORT, NOTIFICATION)

SIGNS: Final = {"CRDT": 1, "DBIT": -1}
BOOKED: Final = "BOOK"
NOT_BOOKED: Final = frozenset({"PDNG", "INFO", "FUTR"})
NOT_PROVIDED: Final = "NOTPROVIDED"
# The last two are of version 01.
ACCOUNTS: Final = ("Id/IBAN", "Id/Othr/Id", "Id/BBAN", "Id/PrtryAcct/Id")

# What a person reads of an entry, in the order of the file.
TEXTS: Final = frozenset(
    {"AddtlNtryInf", "AddtlTxInf", "Ustrd", "Ref", "Nm", "NtryRef", "EndToEndId", "InstrId"}
    | {"TxId", "ClrSysRef", "ChqNb", "UETR"}
)

_AMOUNT: Final = re.compile(r"([0-9]{1,13})(?:\.([0-9]{0,2})0*)?")
_PART_DEPTH: Final = 3


def _read(message: Message, file: BinaryIO) -> Iterator[Statement]:
    elements = _elements(message, file)
    keys = Keys()
    read = 0
    for _ in elements:  # the start of a Stmt: the reading below takes the rest of it
        reading = _Reading(message, keys, entries_before=read)
        lines = reading.lines(elements)
        # The balances stand before the entries: reading one line completes the page.
        first = next(lines, None)
        reading.statement.lines = lines if first is None else chain([first], lines)
        yield reading.statement
        for _line in lines:
            pass
        read = reading.entries


class _Reading:
    """One Stmt, Rpt or Ntfctn while it is read."""

    def __init__(self, message: Message, keys: Keys, *, entries_before: int) -> None:
        self.statement = Statement(
            page=Page(must_balance=True, is_interim=message.is_interim), lines=()
        )
        self.entries = entries_before
        self._message = message
        self._keys = keys
        self._opening_code = ""

    def lines(self, elements: Iterator[etree._Element]) -> Iterator[StatementLine]:
        """The booked entries; what else stands in the Stmt goes into the page."""
        for element in elements:
            name = _name(element)
            if name == self._message.part:
                break
            try:
                if name == "Ntry":
                    self.entries += 1
                    if self._is_booked(element):
                        yield from list(self._lines_of(element))  # all of an entry, or none
                else:
                    self._turn(element, name)
            except ValueError as error:
                row = [text for part in element.itertext() if (text := str(part).strip())]
                is_line = name == "Ntry"
                refuse(
                    self.statement,
                    self.entries,
                    f"{name}: {error}",
                    row=row if is_line else None,
                )
        if self.statement.notes:
            # What is declared counts the entries that are not booked, too.
            self.statement.page = replace(
                self.statement.page, declared_count=None, declared_paise=None
            )

    def _is_booked(self, element: etree._Element) -> bool:
        status = _text(element, "Sts/Cd") or _text(element, "Sts") or BOOKED
        if status in NOT_BOOKED:
            self.statement.notes[status] = self.statement.notes.get(status, 0) + 1
        elif status != BOOKED:
            raise ValueError(f"expected the status BOOK, PDNG or INFO, got {status!r}")
        return status == BOOKED

    def _turn(self, element: etree._Element, name: str) -> None:
        page = self.statement.page
        if name == "Acct":
            account = next(filter(None, (_text(element, path) for path in ACCOUNTS)), "")
            currency = page.currency or _text(element, "Ccy")
            self.statement.page = replace(page, account=account, currency=currency)
        elif name == "ElctrncSeqNb" or (name == "Id" and not page.number):
            self.statement.page = replace(page, number=(element.text or "").strip())
        elif name in {"CreDtTm", "FrToDt"} and page.is_interim:
            # The day of an interim report is the day up to which, or on which, it was made.
            day = (_text(element, "ToDtTm") or (element.text or "").strip())[:10]
            if day:
                self.statement.page = replace(page, closed_on=date.fromisoformat(day))
        elif name == "Bal":
            self._balance(element)
        elif name == "TxsSummry":
            self.statement.page = _declared(page, element)

    def _balance(self, element: etree._Element) -> None:
        """Opening is OPBD, or the previous closing where there is none; CLBD closes."""
        code = _text(element, "Tp/CdOrPrtry/Cd")
        if code not in {"OPBD", "PRCD", "CLBD"}:
            return
        paise, currency = _money(element)
        # Some banks leave the indicator out of a balance, and mean a credit.
        paise *= SIGNS["CRDT"] if _child(element, "CdtDbtInd") is None else _sign(element)
        page = self.statement.page
        page = replace(page, currency=page.currency or currency)
        day = _date(element, "Dt")
        if code == "CLBD":
            page = replace(page, closed_on=day, closing_paise=paise)
        elif page.opening_paise is None or (code == "OPBD" and self._opening_code == "PRCD"):
            page = replace(page, opened_on=day, opening_paise=paise)
            self._opening_code = code
        self.statement.page = page
        if currency != page.currency:
            raise ValueError(f"expected a {code} balance in {page.currency}, got {currency}")

    def _lines_of(self, element: etree._Element) -> Iterator[StatementLine]:
        page = self.statement.page
        paise, currency = _money(element)
        paise *= _sign(element)
        if not page.currency:
            page = self.statement.page = replace(page, currency=currency)
        if currency != page.currency:
            raise ValueError(f"expected an amount in {page.currency}, got {currency}")
        day = _date(element, "BookgDt") or _date(element, "ValDt") or page.closed_on
        if day is None:
            raise ValueError("expected a booking date or a value date")
        details = self._details(element)
        parts = _parts(element, details, currency) if self._message.splits else ()
        if sum(part for _, part in parts) == paise and len(parts) > 1:
            batch = _text(element, "AcctSvcrRef") or _text(element, "NtryRef")
            for detail, part in parts:
                line = self._line(detail, _refs(detail), paise=part, day=day)
                yield line._replace(settlement_ref=batch, code=line.code or _code(element))
        else:
            # A batch has no references of its own: those of its payments would be misleading.
            references = _refs(details[0]) if len(details) == 1 else {}
            yield self._line(element, references, paise=paise, day=day)

    def _details(self, element: etree._Element) -> list[etree._Element]:
        """The payments inside; where the batch stays whole it is enough to know that it is one."""
        found: Iterator[etree._Element] = element.iterfind("{*}NtryDtls/{*}TxDtls")
        return list(found if self._message.splits else islice(found, 2))

    def _line(
        self, element: etree._Element, references: dict[str, str], *, paise: int, day: date
    ) -> StatementLine:
        reference = references.get("EndToEndId", "")
        channel_ref = _text(element, "AcctSvcrRef") or references.get("AcctSvcrRef", "")
        narration = _narration(element)
        return StatementLine(
            line=self.entries,
            key=self._keys.key(
                self.statement.page.account,
                day=day,
                amount_paise=paise,
                reference=reference,
                channel_ref=channel_ref,
                narration=narration,
            ),
            kind=LineKind.CREDIT if paise > 0 else LineKind.DEBIT,
            amount_paise=paise,
            business_date=day,
            channel_ref=channel_ref,
            reference=reference,
            utr=_utr(references, channel_ref, reference, narration),
            rrn=rrn_in(narration),
            instrument=references.get("ChqNb", ""),
            code=_code(element),
            narration=narration,
        )


def _declared(page: Page, element: etree._Element) -> Page:
    count = _text(element, "TtlNtries/NbOfNtries")
    if count and not (count.isascii() and count.isdigit()):
        raise ValueError(f"expected the number of entries, got {count!r}")
    return replace(page, declared_count=int(count) if count else None)


def _utr(references: dict[str, str], *others: str) -> str:
    for named in (references.get("ClrSysRef", ""), references.get("TxId", "")):
        if is_utr(named.upper()):
            return named.upper()
    return utr_among(*others)


def _code(element: etree._Element) -> str:
    domain = [_text(element, f"BkTxCd/Domn/{path}") for path in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")]
    return "-".join(filter(None, domain)) or _text(element, "BkTxCd/Prtry/Cd")


def _narration(element: etree._Element) -> str:
    """Every text of the entry once; a large batch is cut, its account line stays one line."""
    texts: dict[str, None] = {}
    length = 0
    for node in element.iter():
        if _name(node) not in TEXTS:
            continue
        text = " ".join((node.text or "").split())
        if text and text != NOT_PROVIDED and text not in texts:
            texts[text] = None
            length += len(text) + 1
        if length > NARRATION_MAX:
            break
    return " ".join(texts)[:NARRATION_MAX]


def _refs(detail: etree._Element) -> dict[str, str]:
    """The references of one payment."""
    refs = _child(detail, "Refs")
    found = {} if refs is None else {_name(ref): (ref.text or "").strip() for ref in refs}
    return {name: text for name, text in found.items() if text and text != NOT_PROVIDED}


def _parts(
    entry: etree._Element, details: Sequence[etree._Element], currency: str
) -> list[tuple[etree._Element, int]]:
    """The payments of a batch with their signed amounts; none where one has no such amount."""
    parts: list[tuple[etree._Element, int]] = []
    for detail in details:
        amount = _child(detail, "Amt")
        holder = detail if amount is not None else detail.find(_any_namespace("AmtDtls/TxAmt"))
        if holder is None or _child(holder, "Amt") is None:
            return []
        paise, theirs = _money(holder)
        if theirs != currency:
            return []
        own = _child(detail, "CdtDbtInd") is not None
        parts.append((detail, paise * _sign(detail if own else entry)))
    return parts


def _money(element: etree._Element) -> tuple[int, str]:
    amount = _child(element, "Amt")
    if amount is None:
        raise ValueError("expected an Amt")
    text = (amount.text or "").strip()
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError(f"expected an amount such as 1234.50, got {text!r}")
    paise = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    return paise, amount.get("Ccy", "")


def _sign(element: etree._Element) -> int:
    indicator = _text(element, "CdtDbtInd")
    if indicator not in SIGNS:
        raise ValueError(f"expected CdtDbtInd CRDT or DBIT, got {indicator!r}")
    return SIGNS[indicator]


def _date(element: etree._Element, name: str) -> date | None:
    """The day as the bank wrote it, in the bank's own time zone."""
    text = _text(element, f"{name}/Dt") or _text(element, f"{name}/DtTm")
    if not text:
        return None
    return date.fromisoformat(text[:10])


def _text(element: etree._Element, path: str) -> str:
    found = element.find(_any_namespace(path))
    return "" if found is None else (found.text or "").strip()


@cache
def _any_namespace(path: str) -> str:
    return "/".join(f"{{*}}{step}" for step in path.split("/"))


def _child(element: etree._Element, name: str) -> etree._Element | None:
    return element.find(f"{{*}}{name}")


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _elements(message: Message, file: BinaryIO) -> Iterator[etree._Element]:
    """The start of each Stmt, then each of its children complete, then the Stmt again.

    What has been yielded is dropped from memory when the next one is asked for.
    """
    depth = held = 0
    for event, element in events(file):
        if event == "start":
            depth += 1
            held += 1
            _check_place(message, element, depth=depth, held=held)
            if depth == _PART_DEPTH and _name(element) == message.part:
                yield element
            continue
        parent = element.getparent()
        is_part = depth == _PART_DEPTH and _name(element) == message.part
        in_part = depth == _PART_DEPTH + 1 and parent is not None and _name(parent) == message.part
        if in_part or is_part:
            yield element
        if depth in {_PART_DEPTH, _PART_DEPTH + 1}:
            element.clear()
            if parent is not None:
                parent.remove(element)
            held = depth
        depth -= 1


def _check_place(message: Message, element: etree._Element, *, depth: int, held: int) -> None:
    if depth > DEPTH_MAX:
        raise Malformed(f"elements are nested deeper than {DEPTH_MAX}")
    if held > ELEMENTS_MAX:
        raise Malformed(f"one entry has more than {ELEMENTS_MAX} elements")
    if depth == 1 and _name(element) != "Document":
        raise Malformed(f"expected Document/{message.root} of {message.name}, got {_name(element)}")
    if depth == 2:
        _check_message(message, element)


def _check_message(message: Message, element: etree._Element) -> None:
    name = _name(element).removesuffix("V01")
    for other in MESSAGES:
        if name == other.root and other is not message:
            raise Malformed(
                f"the file is {other.title} ({other.name}), "
                f"expected {message.title} ({message.name})"
            )
    if name != message.root:
        raise Malformed(f"expected Document/{message.root} of {message.name}, got {name}")
    namespace = str(element.tag).rpartition("}")[0].removeprefix("{")
    found = NAMESPACE.fullmatch(namespace)
    if found is None or found[1] != message.name or not message.oldest <= int(found[2]) <= NEWEST:
        raise Malformed(
            f"expected {message.name} version {message.oldest:02} to {NEWEST}, "
            f"got {namespace or 'no namespace'}"
        )


def _format(message: Message, title: str) -> StatementFormat:
    marks = (message.root.encode(), message.name.encode())
    return StatementFormat(
        code=message.name.replace(".", ""),
        title=title,
        sniff=lambda head: any(mark in head for mark in marks),
        read=guarded(partial(_read, message), limit=SIZE_MAX),
    )


CAMT053: Final = _format(STATEMENT, "ISO 20022 camt.053 bank statement")
CAMT052: Final = _format(REPORT, "ISO 20022 camt.052 intraday report")
CAMT054: Final = _format(NOTIFICATION, "ISO 20022 camt.054 notification of credits and debits")
