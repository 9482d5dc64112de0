"""ISO 20022 camt.053 bank statements, streamed: one line for each booked entry.

Amounts stand unsigned beside CdtDbtInd, which is the direction of the money also for a reversal
(RvslInd). A batch is one line, because the account moved once. A line's number counts entries: a
whole file often stands on one line of text.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
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

NAMESPACE: Final = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.0[2348]")
MESSAGES: Final = {
    "BkToCstmrAcctRpt": "an intraday account report (camt.052)",
    "BkToCstmrDbtCdtNtfctn": "a debit and credit notification (camt.054)",
}

SIGNS: Final = {"CRDT": 1, "DBIT": -1}
BOOKED: Final = "BOOK"
NOT_BOOKED: Final = frozenset({"PDNG", "INFO", "FUTR"})
NOT_PROVIDED: Final = "NOTPROVIDED"

# What a person reads of an entry, in the order of the file.
TEXTS: Final = frozenset(
    {"AddtlNtryInf", "AddtlTxInf", "Ustrd", "Ref", "Nm", "NtryRef", "EndToEndId", "InstrId"}
    | {"TxId", "ClrSysRef", "ChqNb", "UETR"}
)

_AMOUNT: Final = re.compile(r"([0-9]{1,13})(?:\.([0-9]{0,2})0*)?")
_STMT_DEPTH: Final = 3


def _read(file: BinaryIO) -> Iterator[Statement]:
    elements = _elements(file)
    keys = Keys()
    read = 0
    for _ in elements:  # the start of a Stmt: the reading below takes the rest of it
        reading = _Reading(keys, entries_before=read)
        lines = reading.lines(elements)
        # The balances stand before the entries: reading one line completes the page.
        first = next(lines, None)
        reading.statement.lines = lines if first is None else chain([first], lines)
        yield reading.statement
        for _line in lines:
            pass
        read = reading.entries


class _Reading:
    """One Stmt while it is read."""

    def __init__(self, keys: Keys, *, entries_before: int) -> None:
        self.statement = Statement(page=Page(must_balance=True), lines=())
        self.entries = entries_before
        self._keys = keys
        self._opening_code = ""

    def lines(self, elements: Iterator[etree._Element]) -> Iterator[StatementLine]:
        """The booked entries; what else stands in the Stmt goes into the page."""
        for element in elements:
            name = _name(element)
            if name == "Stmt":
                break
            try:
                if name == "Ntry":
                    self.entries += 1
                    if self._is_booked(element):
                        yield self._line(element)
                else:
                    self._turn(element, name)
            except ValueError as error:
                refuse(self.statement, self.entries, f"{name}: {error}")
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
            account = _text(element, "Id/IBAN") or _text(element, "Id/Othr/Id")
            currency = page.currency or _text(element, "Ccy")
            self.statement.page = replace(page, account=account, currency=currency)
        elif name == "ElctrncSeqNb" or (name == "Id" and not page.number):
            self.statement.page = replace(page, number=(element.text or "").strip())
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

    def _line(self, element: etree._Element) -> StatementLine:
        page = self.statement.page
        paise, currency = _money(element)
        sign = _sign(element)
        paise *= sign
        if not page.currency:
            page = self.statement.page = replace(page, currency=currency)
        if currency != page.currency:
            raise ValueError(f"expected an amount in {page.currency}, got {currency}")
        day = _date(element, "BookgDt") or _date(element, "ValDt") or page.closed_on
        if day is None:
            raise ValueError("expected a booking date or a value date")
        references = _references(element)
        reference = references.get("EndToEndId", "")
        channel_ref = _text(element, "AcctSvcrRef") or references.get("AcctSvcrRef", "")
        narration = _narration(element)
        return StatementLine(
            line=self.entries,
            key=self._keys.key(
                page.account,
                day=day,
                amount_paise=paise,
                reference=reference,
                channel_ref=channel_ref,
                narration=narration,
            ),
            kind=LineKind.CREDIT if sign > 0 else LineKind.DEBIT,
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


def _references(element: etree._Element) -> dict[str, str]:
    """The references of the one transaction inside the entry; a batch has none of its own."""
    details = list(islice(element.iterfind("{*}NtryDtls/{*}TxDtls"), 2))
    refs = _child(details[0], "Refs") if len(details) == 1 else None
    found = {} if refs is None else {_name(ref): (ref.text or "").strip() for ref in refs}
    return {name: text for name, text in found.items() if text and text != NOT_PROVIDED}


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


def _elements(file: BinaryIO) -> Iterator[etree._Element]:
    """The start of each Stmt, then each of its children complete, then the Stmt again.

    What has been yielded is dropped from memory when the next one is asked for.
    """
    depth = held = 0
    for event, element in events(file):
        if event == "start":
            depth += 1
            held += 1
            _check_place(element, depth=depth, held=held)
            if depth == _STMT_DEPTH and _name(element) == "Stmt":
                yield element
            continue
        parent = element.getparent()
        in_statement = depth == _STMT_DEPTH + 1 and parent is not None and _name(parent) == "Stmt"
        if in_statement or (depth == _STMT_DEPTH and _name(element) == "Stmt"):
            yield element
        if depth in {_STMT_DEPTH, _STMT_DEPTH + 1}:
            element.clear()
            if parent is not None:
                parent.remove(element)
            held = depth
        depth -= 1


def _check_place(element: etree._Element, *, depth: int, held: int) -> None:
    if depth > DEPTH_MAX:
        raise Malformed(f"elements are nested deeper than {DEPTH_MAX}")
    if held > ELEMENTS_MAX:
        raise Malformed(f"one entry has more than {ELEMENTS_MAX} elements")
    name = _name(element)
    for message, title in MESSAGES.items():
        if depth == 2 and name.startswith(message):  # the first versions end in V01
            raise Malformed(f"the file is {title}, expected a bank statement (camt.053)")
    if depth == 2 and name == "BkToCstmrStmt":
        namespace = str(element.tag).rpartition("}")[0].removeprefix("{")
        if not NAMESPACE.fullmatch(namespace):
            raise Malformed(
                f"expected camt.053 version 02, 03, 04 or 08, got {namespace or 'no namespace'}"
            )
    elif depth == 2 or (depth == 1 and name != "Document"):
        raise Malformed(f"expected Document/BkToCstmrStmt of camt.053, got {name}")


def _sniff(head: bytes) -> bool:
    return b"BkToCstmrStmt" in head or b"camt.053" in head


CAMT053: Final = StatementFormat(
    code="camt053",
    title="ISO 20022 camt.053 bank statement",
    sniff=_sniff,
    read=guarded(_read, limit=SIZE_MAX),
)
