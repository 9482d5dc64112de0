"""What a bank's narration says of a credit: UTR, RRN, the payer, and for whom the money is.

Every bank prints its own way; each has its patterns here, and what none of them fits is read by
general ones. Everything is bound to a marker or a place: a number that merely stands there is
nothing yet. A wrong reference is worse than none, so unsure means empty; docs/narrations.md has
the measured accuracy.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from channels_.formats.references import is_utr, rrn_in, utr_among

GENERAL: Final = "general"
BANKS: Final = ("SBIN", "HDFC", "ICIC", "UTIB")  # as an IFSC begins: SBI, HDFC, ICICI, Axis


class Narration(NamedTuple):
    """What a narration says; empty where it says nothing for certain."""

    utr: str = ""
    rrn: str = ""
    ifsc: str = ""  # of the payer's branch
    payer: str = ""  # name, as printed
    account: str = ""  # the virtual account, as printed
    consumer: str = ""  # digits behind our prefix, or behind a word for a consumer number
    rest: str = ""  # what is left: numbers in it may still name a consumer


def bank_of(ifsc: str) -> str:
    """Whose way of printing an account's statement has."""
    return ifsc[:4].upper() if ifsc[:4].upper() in BANKS else GENERAL


def read_narration(text: str, *, bank: str = GENERAL, prefixes: Sequence[str] = ()) -> Narration:
    """Read one narration as a bank prints it; prefixes are those of our virtual accounts."""
    bare = " ".join(text[:_LONGEST].upper().split())
    account, digits = _virtual_account(bare, prefixes) if prefixes else ("", "")
    if account:
        bare = bare.replace(account, " ")
    said = _structured(bare, bank)
    utr = said.get("utr") or ""
    rrn = said.get("rrn") or ""
    ifsc = said.get("ifsc") or ""
    if not (utr or rrn):
        utr, rrn = utr_among(bare), rrn_in(bare)
    rest = bare
    for known in (utr, rrn, ifsc, said.get("vpa"), said.get("sender")):
        if known:
            rest = rest.replace(known, " ")
    return Narration(
        utr=utr,
        rrn=rrn,
        ifsc=ifsc,
        payer=_name(said.get("payer") or ""),
        account=account,
        consumer=digits or _marked(rest),
        rest=rest,
    )


# ---- the banks' ways ---------------------------------------------------------------------------

_LONGEST: Final = 1000  # more is no narration of a bank

_UTR: Final = (
    r"(?P<utr>[A-Z]{4}[A-Z][A-Z0-9]\d{16}|[A-Z]{4}[A-Z0-9]\d{11}|[A-Z]{6}\d{10}|N\d{15})"
    r"(?![A-Z0-9])"
)
_RRN: Final = r"(?P<rrn>\d{12})(?![\w@.])"
_IFSC: Final = r"(?P<ifsc>[A-Z]{4}0[A-Z0-9]{6})"
_VPA: Final = r"(?P<vpa>[\w.\-]{2,}@[A-Z][A-Z0-9]*)"
_SENDER: Final = r"(?P<sender>[X*]*\d{3,18})"


def _payer(stop: str) -> str:
    """A name up to a sign that ends it."""
    return rf"(?P<payer>[^{stop}]*)"


class _Way(NamedTuple):
    """One way of printing: how it begins, and the whole of it."""

    starts: tuple[str, ...]
    pattern: re.Pattern[str]


def _way(starts: str, pattern: str) -> _Way:
    return _Way(tuple(starts.split("|")), re.compile(pattern))


_HDFC: Final = (
    # NEFT CR-SBIN0000100-A NAME-a note-SBINN52026081811431836
    _way(
        "NEFT CR-|NEFTCR-|RTGS CR-|RTGSCR-",
        rf"(?:NEFT|RTGS) ?CR-{_IFSC}-{_payer('-')}-(?:.*-)?{_UTR}$",
    ),
    # the same with its UTR cut short, which is no UTR any more
    _way(
        "NEFT CR-|NEFTCR-|RTGS CR-|RTGSCR-",
        rf"(?:NEFT|RTGS) ?CR-{_IFSC}-{_payer('-')}-",
    ),
    # UPI-A NAME-name@bank-SBIN0001234-623012345678-a note
    _way("UPI-", rf"UPI-(?P<payer>.*?)-{_VPA}-{_IFSC}-{_RRN}"),
    # IMPS-623012345678-A NAME-SBIN-XXXXXXX1234-a note; UPI the same way
    _way(
        "IMPS-|UPI-",
        rf"(?:IMPS|UPI)-{_RRN}-{_payer('-')}-[A-Z]{{3,4}}"
        r"(?:-(?P<sender>X+\d{3,6}|\d{9,18})(?=-|$))?",
    ),
)
_SBI: Final = (
    # BY TRANSFER-NEFT*HDFC0000001*HDFCN52026081811431836*A NAME--
    _way("NEFT*|RTGS*", rf"(?:NEFT|RTGS)\*{_IFSC}\*{_UTR}\*{_payer('*')}"),
    # BY TRANSFER-RTGS UTR NO: HDFCR52026081811431836-A NAME
    _way("RTGS ", rf"RTGS UTR NO: ?{_UTR}-{_payer('*')}"),
    # BY TRANSFER-UPI/CR/623012345678/A NAME/HDFC/name@bank/a note
    _way("UPI/CR/", rf"UPI/CR/{_RRN}/{_payer('/')}(?:/[^/]*/(?P<vpa>[^/]*@[^/ ]*))?"),
    # BY TRANSFER-INB IMPS623012345678/9876543210/XX1234/A NAME
    _way("IMPS", rf"IMPS{_RRN}/(?P<sender>[^/]*)/(?:[^/]*)/{_payer('/')}"),
    # MOB-IMPS-CR/A NAME/HDFC/XX1234/623012345678
    _way("MOB-IMPS-CR/", rf"MOB-IMPS-CR/{_payer('/')}/[A-Z ]*/{_SENDER}/{_RRN}"),
)
_ICICI: Final = (
    # MMT/IMPS/623012345678/a note/A NAME/HDFC0000001
    _way("MMT/IMPS/", rf"MMT/IMPS/{_RRN}/[^/]*/{_payer('/')}(?:/{_IFSC})?"),
    # NEFT-HDFCN52026081811431836-A NAME-a note-50100012345678-HDFC0000001
    _way("NEFT-|RTGS-", rf"(?:NEFT|RTGS)-{_UTR}-{_payer('-')}(?:-(?:.*-)?{_SENDER}-{_IFSC}$)?"),
    # UPI/623012345678/a note/name@bank/A BANK
    _way("UPI/", rf"UPI/{_RRN}/[^/]*/(?P<vpa>[^/]*@[^/]*)/"),
    # UPI/A NAME/name@bank/a note/A BANK/623012345678/...
    _way("UPI/", rf"UPI/{_payer('/')}/(?P<vpa>[^/]*@[^/]*)/[^/]*/[^/]*/{_RRN}"),
)
_AXIS: Final = (
    # NEFT/HDFCN52026081811431836/A NAME/A BANK; RTGS the same way, perhaps with the branch
    _way("NEFT/|RTGS/", rf"(?:NEFT|RTGS)/{_UTR}/(?:{_IFSC}/)?{_payer('/')}"),
    # UPI/P2A/623012345678/A NAME/A BANK/a note; IMPS the same way
    _way("UPI/P2|IMPS/P2", rf"(?:UPI|IMPS)/P2[AM]/{_RRN}/{_payer('/')}"),
)
_OTHERS: Final = (
    # CR. FOR NEFT AXOMB00102091866 A NAME
    _way(
        "NEFT |NEFT:|RTGS |RTGS:",
        rf"(?:NEFT|RTGS)[ :]+(?:CR[ :]+)?{_UTR}(?: (?P<payer>[A-Z .]+))?$",
    ),
)
_OF_BANKS: Final = {"SBIN": _SBI, "HDFC": _HDFC, "ICIC": _ICICI, "UTIB": _AXIS, GENERAL: _OTHERS}


def _by_start(bank: str) -> Mapping[str, tuple[re.Pattern[str], ...]]:
    """The patterns by how they begin: the bank's own first, because any bank may change its way."""
    ways = [*_OF_BANKS[bank], *(way for other in _OF_BANKS.values() for way in other)]
    found: dict[str, list[re.Pattern[str]]] = {}
    for way in ways:
        for start in way.starts:
            known = found.setdefault(start, [])
            if way.pattern not in known:
                known.append(way.pattern)
    return {start: tuple(patterns) for start, patterns in found.items()}


_WAYS: Final = {bank: _by_start(bank) for bank in _OF_BANKS}
_START: Final = re.compile(
    "(?<![A-Z0-9])(?:"
    + "|".join(re.escape(one) for one in sorted(_WAYS[GENERAL], key=len, reverse=True))
    + ")"
)

# Words that a payer writes before the number of the bill's consumer.
_MARKED: Final = re.compile(
    r"(?<![A-Z])(?:CONSUMER|CONS|CUSTOMER|BP|CA|SERVICE|SVC)"
    r"(?:[ .:/#-]*(?:NUMBER|NUM|NO|ID))?[ .:/#-]*(\d{6,12})(?!\d)"
)


_LETTER: Final = re.compile(r"[^\W\d_]")


def _structured(text: str, bank: str) -> Mapping[str, str | None]:
    """The first way of printing that fits, the bank's own before any other's."""
    for start in _START.finditer(text):
        for pattern in _WAYS[bank][start[0]]:
            found = pattern.match(text, start.start())
            if found is None:
                continue
            said = found.groupdict()
            if "utr" not in said or _is_whole(str(said["utr"])):
                return said
    return {}


def _is_whole(utr: str) -> bool:
    """A reference that is no longer one cut short, nor an account of the bank's own."""
    return is_utr(utr) or (utr[0] == "N" and utr[1:].isdigit())


def _virtual_account(text: str, prefixes: Sequence[str]) -> tuple[str, str]:
    """The only virtual account of ours in the text, and its digits."""
    found = set(_accounts(text, prefixes))
    return found.pop() if len(found) == 1 else ("", "")


def _accounts(text: str, prefixes: Sequence[str]) -> Iterator[tuple[str, str]]:
    for prefix in prefixes:
        head = prefix.upper()
        at = text.find(head)
        while at >= 0:
            end = at + len(head)
            while end < len(text) and text[end].isdigit():
                end += 1
            digits = text[at + len(head) : end]
            starts = at == 0 or not text[at - 1].isalnum()
            ends = end == len(text) or not text[end].isalnum()
            if starts and ends and 6 <= len(digits) <= 12:
                yield text[at:end], digits
            at = text.find(head, end)


def _marked(text: str) -> str:
    """The only number behind a word for a consumer number."""
    found = set(_MARKED.findall(text))
    return str(found.pop()) if len(found) == 1 else ""


def _name(text: str) -> str:
    """A name without the signs around it; digits are no name."""
    name = text.strip(" -/*")
    return name if _LETTER.search(name) else ""
