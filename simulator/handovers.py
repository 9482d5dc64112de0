"""What payers hand over at a window: cash, papers, cards, several at once, one paper for many."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from channels_.contract import Method
from counters.tenders import waterfall
from simulator.chance import digits, hex_key, weighed
from simulator.consumers import RUPEE, SampleConsumer, amount_paid
from simulator.scene import CASH, CHEQUE

CASH_TENDERS: Final = ((Method.CASH, 86), (Method.CARD, 10), (Method.POSTAL_ORDER, 4))
PAPER_TENDERS: Final = ((Method.CHEQUE, 80), (Method.DEMAND_DRAFT, 12), (Method.CASH, 8))
BANKS: Final = (
    ("State Bank of India", "492002002"),
    ("Punjab National Bank", "492024005"),
    ("Bank of Baroda", "492012004"),
)
ORDER_PAISE: Final = 100 * RUPEE  # the largest postal order
THOUSAND: Final = 1_000 * RUPEE
TERMINAL: Final = "SAMPLE01"
NOTE_PAISE: Final = 500 * RUPEE

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Tender(NamedTuple):
    """One instrument, or cash."""

    method: str
    amount_paise: int
    number: str = ""
    dated: date | None = None
    bank_name: str = ""
    micr: str = ""
    account_id: str = ""
    details: Mapping[str, str] = _NOTHING


class Share(NamedTuple):
    """What of it is for one consumer."""

    consumer_number: str
    bill_number: str
    amount_paise: int


class HandOver(NamedTuple):
    """What one payer hands over at one moment."""

    submit_key: str
    at: datetime
    shares: tuple[Share, ...]
    tenders: tuple[Tender, ...]

    @property
    def amount_paise(self) -> int:
        """What is paid in all."""
        return sum(share.amount_paise for share in self.shares)

    @property
    def cash_paise(self) -> int:
        """What of it is cash."""
        return sum(one.amount_paise for one in self.tenders if one.method == Method.CASH)

    @property
    def papers(self) -> list[Tender]:
        """What of it is paper, slips of cards included."""
        return [one for one in self.tenders if one.method != Method.CASH]

    def payments(self, *, cards: str) -> Iterator[tuple[str, int]]:
        """Each payment it becomes: the code of its channel, and the paise."""
        ways = {Method.CASH.value: CASH, Method.CARD.value: cards}
        parts = waterfall(
            [share.amount_paise for share in self.shares],
            [one.amount_paise for one in self.tenders],
        )
        for part in parts:
            yield ways.get(self.tenders[part.tender].method, CHEQUE), part.paise

    def as_data(self) -> dict[str, Any]:
        """As a line of a file holds it; what is empty is left out."""
        tenders = [
            {name: value for name, value in one._asdict().items() if value} for one in self.tenders
        ]
        for one in tenders:
            if "dated" in one:
                one["dated"] = one["dated"].isoformat()
        return {
            "submit_key": self.submit_key,
            "at": self.at.isoformat(),
            "shares": [share._asdict() for share in self.shares],
            "tenders": tenders,
            "received_paise": received_of(self.cash_paise),
        }


def received_of(cash_paise: int) -> int | None:
    """What is counted into the hand for an amount: whole notes, from which change is given."""
    return -(-cash_paise // NOTE_PAISE) * NOTE_PAISE if cash_paise else None


class Numbers:
    """Numbers of papers and of card slips, each used once in a day."""

    def __init__(self, rng: Random, *, papers: int) -> None:
        self._papers = iter(rng.sample(range(100_000, 1_000_000), papers))
        self._cards = iter(rng.sample(range(10_000_000, 100_000_000), papers))

    def paper(self) -> str:
        """Six digits."""
        return f"{next(self._papers)}"

    def rrn(self, day: date) -> str:
        """Twelve digits, of the day."""
        return f"{day:%y%j}"[1:] + f"{next(self._cards)}"


class Payers:
    """Makes hand-overs of payers, one generator for all of them."""

    def __init__(self, rng: Random, numbers: Numbers, *, takes_cards: bool) -> None:
        self.rng = rng
        self.numbers = numbers
        self._takes_cards = takes_cards

    def with_cash(self, payer: SampleConsumer, at: datetime) -> HandOver:
        """Who came without a cheque book: cash, a card, or a postal order and the rest in cash."""
        amount = amount_paid(self.rng, payer)
        method = weighed(self.rng, CASH_TENDERS)
        if method is Method.CARD and self._takes_cards:
            return self.made(at, [payer], [self.card(amount, at)], [amount])
        if method is Method.POSTAL_ORDER and amount > 2 * ORDER_PAISE:
            rest = Tender(Method.CASH.value, amount - ORDER_PAISE)
            return self.made(at, [payer], [self.order(at), rest], [amount])
        return self.made(at, [payer], [Tender(Method.CASH.value, amount)], [amount])

    def with_paper(self, payer: SampleConsumer, at: datetime) -> HandOver:
        """A cheque, a draft, or a cheque of whole thousands and the rest in cash."""
        amount = amount_paid(self.rng, payer)
        method = weighed(self.rng, PAPER_TENDERS)
        whole = amount // THOUSAND * THOUSAND
        if method is Method.CASH and 0 < whole < amount:
            rest = Tender(Method.CASH.value, amount - whole)
            return self.made(at, [payer], [self.paper(whole, at.date()), rest], [amount])
        if method is Method.CASH:
            method = Method.CHEQUE
        return self.made(at, [payer], [self.paper(amount, at.date(), method)], [amount])

    def with_one_cheque(
        self, payers: Sequence[SampleConsumer], at: datetime, *, dated: date | None = None
    ) -> HandOver:
        """One cheque for all of them, as a department or a payer of many bills brings it."""
        amounts = [payer.amount_paise for payer in payers]
        cheque = self.paper(sum(amounts), dated or at.date())
        return self.made(at, payers, [cheque], amounts)

    def made(
        self,
        at: datetime,
        payers: Sequence[SampleConsumer],
        tenders: Sequence[Tender],
        amounts: Sequence[int],
    ) -> HandOver:
        """A hand-over of these payers."""
        shares = (
            Share(payer.number, payer.bill_number, amount)
            for payer, amount in zip(payers, amounts, strict=True)
        )
        return HandOver(hex_key(self.rng), at, tuple(shares), tuple(tenders))

    def paper(self, amount_paise: int, dated: date, method: Method = Method.CHEQUE) -> Tender:
        """A cheque or a draft."""
        bank, micr = self.rng.choice(BANKS)
        return Tender(
            method=method.value,
            amount_paise=amount_paise,
            number=self.numbers.paper(),
            dated=dated,
            bank_name=bank,
            micr=micr,
            account_id=digits(self.rng, 6) if method is Method.CHEQUE else "",
        )

    def order(self, at: datetime) -> Tender:
        """A postal order of the largest kind, some weeks old."""
        sold = at.date() - timedelta(days=self.rng.randrange(60))
        number = self.numbers.paper()
        return Tender(Method.POSTAL_ORDER.value, ORDER_PAISE, number, dated=sold)

    def card(self, amount_paise: int, at: datetime) -> Tender:
        """A slip of a card terminal."""
        details = {
            "approval": digits(self.rng, 6),
            "last_four": digits(self.rng, 4),
            "terminal": TERMINAL,
            "batch": f"{at:%d%m}",
        }
        number = self.numbers.rrn(at.date())
        return Tender(Method.CARD.value, amount_paise, number, details=details)
