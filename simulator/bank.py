"""The bank's side of a day: lines of an account, and its statement as MT940 and as camt.053.

A line says the same in both files, so that a reader gives it the same key from either.
"""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import count
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.money import rupees_from_paise
from simulator.scene import Account

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
OPENING_PAISE: Final = 1_250_000_000  # what stands on the account in the morning
NAMED_BY: Final = 60  # signs of its narration name a line that has no reference

_NARRATION_WIDTH: Final = 65
_NARRATION_LINES: Final = 6


class BankLine(NamedTuple):
    """One movement on an account; + is money to us."""

    at: datetime
    amount_paise: int
    code: str  # transaction type: NTRF, NCHG, ...
    narration: str


class Utrs:
    """UTRs of one day in the shapes banks give them; the sequence makes each the only one."""

    def __init__(self, day: date) -> None:
        self._day = day
        self._numbers = count(1)
        # Far from zero: the end of a long number must never look like a business partner's.
        self._long_numbers = count(40_000_001)

    def neft(self, bank: str) -> str:
        """Sixteen characters: bank, N, year and day of the year, sequence."""
        return f"{bank}N{self._day:%y%j}{next(self._numbers):06d}"

    def rtgs(self, bank: str) -> str:
        """Twenty-two characters: bank, R and a channel, the date, sequence."""
        return f"{bank}R5{self._day:%Y%m%d}{next(self._long_numbers)}"

    def imps(self) -> str:
        """An RRN of twelve digits: last digit of the year, day of the year, sequence."""
        return f"{self._day:%y%j}"[1:] + f"{next(self._long_numbers)}"


def exchanged(utr: str) -> str:
    """A UTR with its first two different neighbouring digits exchanged: of a day, so nobody's."""
    for place in range(1, len(utr)):
        left, right = utr[place - 1], utr[place]
        if left != right and f"{left}{right}".isdigit():
            return f"{utr[: place - 1]}{right}{left}{utr[place + 1 :]}"
    raise ValueError(f"no two digits to exchange in {utr!r}")


def mistyped(utr: str) -> str:
    """A UTR with another digit in its first place that has one: of a day, so nobody's."""
    place = next(place for place, sign in enumerate(utr) if sign.isdigit())
    return f"{utr[:place]}{(int(utr[place]) + 5) % 10}{utr[place + 1 :]}"


def in_order(lines: Sequence[BankLine]) -> list[BankLine]:
    """The lines as the bank books them."""
    return sorted(lines, key=lambda line: (line.at, line.narration, line.amount_paise))


def mt940(
    account: Account,
    lines: Sequence[BankLine],
    *,
    day: date,
    opening_paise: int = OPENING_PAISE,
) -> bytes:
    """One MT940 statement of the day."""
    closing = opening_paise + sum(line.amount_paise for line in lines)
    out = [
        f":20:SIM{day:%y%m%d}",
        f":25:{account.number}",
        f":28C:{day:%j}/1",
        f":60F:{_balance(opening_paise, day - timedelta(days=1))}",
    ]
    for line in lines:
        mark = "CR" if line.amount_paise > 0 else "DR"  # R: the third letter of INR
        out.append(f":61:{day:%y%m%d%m%d}{mark}{_comma(line.amount_paise)}{line.code}NONREF")
        out.append(f":86:{_wrapped(line.narration)}")
    out += [f":62F:{_balance(closing, day)}", f":64:{_balance(closing, day)}", "-", ""]
    return "\n".join(out).replace("\n", "\r\n").encode("ascii")


def camt053(account: Account, lines: Sequence[BankLine], *, day: date) -> bytes:
    """One camt.053.001.08 statement of the day, with the same lines."""
    return "\n".join(_camt053(account, lines, day=day)).encode("ascii")


def _camt053(account: Account, lines: Sequence[BankLine], *, day: date) -> Iterator[str]:
    made_at = datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=INDIA).isoformat()
    net = sum(line.amount_paise for line in lines)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<Document xmlns="{NAMESPACE}"><BkToCstmrStmt>'
    yield f"<GrpHdr><MsgId>SIM{day:%Y%m%d}</MsgId><CreDtTm>{made_at}</CreDtTm></GrpHdr>"
    yield f"<Stmt><Id>SIM{day:%Y%m%d}-{account.code}</Id><CreDtTm>{made_at}</CreDtTm>"
    yield (
        f"<FrToDt><FrDtTm>{day}T00:00:00+05:30</FrDtTm><ToDtTm>{day}T23:59:59+05:30</ToDtTm></FrToDt>"
    )
    yield (
        f"<Acct><Id><Othr><Id>{account.number}</Id></Othr></Id><Ccy>INR</Ccy><Svcr><FinInstnId>"
        f"<ClrSysMmbId><ClrSysId><Cd>INFSC</Cd></ClrSysId><MmbId>{account.ifsc}</MmbId>"
        "</ClrSysMmbId></FinInstnId></Svcr></Acct>"
    )
    yield _camt_balance("OPBD", OPENING_PAISE, day)
    yield _camt_balance("CLBD", OPENING_PAISE + net, day)
    yield f"<TxsSummry><TtlNtries><NbOfNtries>{len(lines)}</NbOfNtries></TtlNtries></TxsSummry>"
    for line in lines:
        yield _entry(line, day)
    yield "</Stmt></BkToCstmrStmt></Document>"
    yield ""


def _entry(line: BankLine, day: date) -> str:
    return (
        f"<Ntry>{_amount(line.amount_paise)}<Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>"
        f"<BkTxCd><Prtry><Cd>{line.code}</Cd></Prtry></BkTxCd>"
        f"<AddtlNtryInf>{escape(line.narration)}</AddtlNtryInf></Ntry>"
    )


def _camt_balance(code: str, paise: int, day: date) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f"{_amount(paise)}<Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _amount(paise: int) -> str:
    side = "CRDT" if paise >= 0 else "DBIT"
    return f'<Amt Ccy="INR">{rupees_from_paise(abs(paise))}</Amt><CdtDbtInd>{side}</CdtDbtInd>'


def _balance(paise: int, day: date) -> str:
    return f"{'C' if paise >= 0 else 'D'}{day:%y%m%d}INR{_comma(paise)}"


def _comma(paise: int) -> str:
    return rupees_from_paise(abs(paise)).replace(".", ",")


def _wrapped(narration: str) -> str:
    """The narration over the lines of the field; a word, hence a UTR, is never broken."""
    lines = textwrap.wrap(
        narration, _NARRATION_WIDTH, break_long_words=False, break_on_hyphens=False
    )
    if len(lines) > _NARRATION_LINES:
        raise ValueError(f"narration does not fit the field: {narration}")
    return "\n".join(lines)
