"""Small days by chance: stories of a few people and channels that share keys, amounts and days."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tests.reconciliation.small_days import (
    Credit,
    Day,
    PaidBack,
    Receipt,
    Row,
    Source,
    names_of,
    without,
)

MOST: Final = 12
# Tuesday to the Thursday after, over a second Saturday and its Sunday.
DAYS: Final = [f"2026-08-{n:02}" for n in (4, 5, 6, 7, 8, 9, 10, 11, 12, 13)]
RUPEES: Final = (100, 100, 200, 300)
ENDS: Final = ("12", "21", "13")  # digits that are easily transposed


def day_of(seed: int) -> Day:
    """The small day of a seed, always the same."""
    return _Chance(random.Random(seed)).day()


class _Chance:
    """One day in the making."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.mess = chance.choice((0.0, 0.1, 0.1, 0.4))  # how much of the day goes astray
        self.receipts: list[Receipt] = []
        self.refunds: list[PaidBack] = []
        self.rows: list[Row] = []
        self.credits: list[Credit] = []
        self.slips: dict[str, str] = {}
        self.sources: dict[str, Source] = {}
        self.count = 0

    def day(self) -> Day:
        stories = [self.gateway, self.gateway, self.counter, self.transfers]
        for story in self.chance.sample(stories, self.chance.choice((1, 1, 1, 2))):
            story()
        if self.says(0.2):
            self.credit("transfer", self.paise(), ("WHO IS IT",), consumer=self.of("", "77#"))
        day = Day(
            sources={code: self.spoken(code, source) for code, source in self.sources.items()},
            bank_until=self.bank_spoken("", *DAYS[2:], is_late=False),
            bank_late_until=self.bank_spoken("", "", "2026-08-13", "2026-08-14", is_late=True),
            slips=self.slips, receipts=self.receipts, refunds=self.refunds, rows=self.rows,
            credits=self.credits,
        )  # fmt: skip
        names = names_of(day)
        gone = self.chance.sample(names, max(0, len(names) - MOST))
        return without(day, gone)

    # ---- words

    def says(self, share: float) -> bool:
        return self.chance.random() < share

    def is_astray(self) -> bool:
        return self.says(self.mess)

    def of(self, *some: str) -> str:
        return self.chance.choice(some)

    def paise(self) -> int:
        return 100 * self.chance.choice(RUPEES)

    def name(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def spoken(self, code: str, source: Source) -> Source:
        rows = [one for one in self.rows if one.source == code]
        early = max((one.day for one in rows if not one.is_late), default="")
        late = max((one.day for one in rows if one.is_late), default="")
        if early and self.says(0.3):
            early = max(early, "2026-08-12")
        return replace(source, until=early, late_until=late)

    def bank_spoken(self, *some: str, is_late: bool) -> str:
        """A statement closes on the day of its last line, or later."""
        return max([self.of(*some), *(one.day for one in self.credits if one.is_late == is_late)])

    def on(self, source: str) -> Source:
        """A channel of the day, as it was agreed."""
        made = Source(self.chance.choice((0, 1, 2)), self.chance.choice((0, 0, 1)))
        return self.sources.setdefault(source, made)

    # ---- stories

    def gateway(self) -> None:
        """Payments at a gateway, its report, its settlements and what the bank paid."""
        source = self.of("g", "g", "g", "h")
        self.on(source)
        for _ in range(self.chance.randint(1, 3)):
            self.payment(source)
        for _ in range(self.chance.choice((0, 0, 1, 2))):
            self.paid_back(source)
        for _ in range(self.chance.choice((0, 0, 0, 1, 2))):
            self.row(
                source, self.of("adjustment", "adjustment", "chargeback", "unknown"),
                -self.paise(), id=f"adj_#{self.of(*ENDS)}",
            )  # fmt: skip
        self.settle(source)

    def payment(self, source: str) -> None:
        paid_on, paise = self.of(*DAYS[:6]), self.paise()
        taken = {one.id for one in self.receipts}
        id_ = self.of(*(f"pay_#{end}" for end in ENDS))
        order, rrn = self.of("", "", "order_#1", "order_#2"), self.of("", "", "88#12", "88#21")
        name = ""
        if not self.is_astray():
            name = self.name("p")
            state = self.of("succeeded", "failed", "pending") if self.is_astray() else "succeeded"
            known = "" if id_ in taken or self.is_astray() else id_
            firsts = [
                one.name for one in self.receipts
                if one.source == source and one.state == "succeeded" and not one.first
                and not one.is_late
            ]  # fmt: skip
            repeats = state == "succeeded" and bool(firsts) and self.says(0.3)
            first = self.of(*firsts) if repeats else ""
            self.receipts.append(
                Receipt(name, source, paise, paid_on, state, known, order,
                        "" if first else rrn, first=first, is_late=self.says(0.1))
            )  # fmt: skip
        if not self.is_astray():
            self.listed(source, name, paid_on, paise, id_, order, rrn)

    def listed(
        self, source: str, name: str, paid_on: str, paise: int, id_: str, order: str, rrn: str
    ) -> None:
        """The row of a payment, most often as it should be."""
        if self.is_astray():
            paise = self.paise()
        told = {
            "id": "" if self.is_astray() else id_,
            "reference": name if self.says(0.6) else "",
            "order": order,
            "rrn": rrn if self.says(0.7) else "",
        }
        self.row(source, "payment", paise, paid_on=paid_on, **told)
        if told["id"] and self.says(0.3) and self.is_astray():
            again = replace(self.rows[-1], name=self.name("r"))
            if self.says(0.5):
                again = replace(again, settlement="setl_#3", utr="UTR#31", is_late=True)
            self.rows.append(again)

    def paid_back(self, source: str) -> None:
        """A refund, in both books or in one, and sometimes the row that takes it back."""
        held = [
            one for one in self.receipts
            if one.source == source and one.state == "succeeded" and not one.is_late
        ]  # fmt: skip
        paise, id_ = self.paise(), f"rfnd_#{self.of(*ENDS)}"
        original = ""
        if held:
            of = self.chance.choice(held)
            original = of.id
            if not self.is_astray() and id_ not in {one.id for one in self.refunds}:
                self.refunds.append(
                    PaidBack(self.name("f"), of.name, id_, paise, max(of.day, self.of(*DAYS[2:8])))
                )
        if not self.is_astray():
            self.row(source, "refund", -paise, id=id_, original=original)
            if self.says(0.3):
                self.row(source, "refund", paise, id=id_, original=original)

    def row(self, source: str, kind: str, paise: int, *, paid_on: str = "", **told: str) -> None:
        settled = self.of(*(one for one in DAYS[:9] if one >= paid_on))
        fee = 118 if kind == "payment" and self.says(0.2) else 0
        settlement = self.of("setl_#1", "setl_#2")
        utr = {"setl_#1": "UTR#12", "setl_#2": "UTR#21"}[settlement]
        if self.is_astray():
            settlement, utr = self.of(settlement, ""), self.of("UTR#12", "UTR#21", "utr#21", "")
        self.rows.append(
            Row(self.name("r"), source, kind, paise, settled, paid_on or settled, fee,
                settlement=settlement, utr=utr, is_late=self.says(0.1), **told)
        )  # fmt: skip

    def settle(self, source: str) -> None:
        """The bank's credit of each word of the report, most often as it should be."""
        sums: dict[str, int] = {}
        for row in self.rows:
            if row.source == source and (word := row.utr or row.settlement):
                sums[word.upper()] = sums.get(word.upper(), 0) + row.paise - row.fee
        debts = sum(one for one in sums.values() if one < 0)
        for word, net in sums.items():
            self.paid_out(source, word, net, debts)

    def paid_out(self, source: str, word: str, net: int, debts: int) -> None:
        fate = "fine"
        if self.is_astray():
            fate = self.of("none", "short", "excess", "twice", "split")
        if net + debts > 0 and debts and self.says(0.7):
            fate = "carried"
        sums = {
            "fine": [net], "none": [], "short": [net - 100], "excess": [net + 100],
            "twice": [net, net], "split": [net // 2, net - net // 2], "carried": [net + debts],
        }[fate]  # fmt: skip
        for paise in sums:
            if paise > 0:
                other = self.of(" UTR#12", " UTR#21") if self.says(0.3) and self.is_astray() else ""
                self.credit("settlement", paise, _sentences(word, other), word=word, source=source)

    def counter(self) -> None:
        """Cash and cheques, their slips, what bounced, and what the bank credited."""
        self.on("c")
        slips = {f"DS-#-{end}": self.of(*DAYS[4:8]) for end in ENDS[:2]}
        self.slips |= slips
        for _ in range(self.chance.randint(1, 4)):
            slip = self.of("", *slips)
            cheque = self.of("", "#1", "#2")
            paid_on = self.of(*DAYS[:5])
            undone = self.of(*DAYS[5:9]) if (cheque or not slip) and self.says(0.25) else ""
            self.receipts.append(
                Receipt(self.name("p"), "c", self.paise(), paid_on, slip=slip, cheque=cheque,
                        undone_on=undone, is_late=self.says(0.1))
            )  # fmt: skip
        self.bank_in([(one.slip, one.paise) for one in self.receipts if one.slip], "deposit")
        for cheque, paise in [(one.cheque, one.paise) for one in self.receipts if one.undone_on]:
            for _ in range(
                self.chance.choice((0, 1, 2) if self.is_astray() else (1,)) if cheque else 0
            ):
                owed = self.paise() if self.is_astray() else paise
                self.credit("cheque_return", -owed, (f"CHQ RTN {cheque} FUNDS",))
        if self.says(0.1):
            self.credit("cheque_return", -self.paise(), ("CHQ RTN #9 FUNDS",))

    def bank_in(self, told: Sequence[tuple[str, int]], kind: str) -> None:
        sums: dict[str, int] = {}
        for word, paise in told:
            sums[word] = sums.get(word, 0) + paise
        for word, paise in sums.items():
            fate = self.of("none", "short", "twice") if self.is_astray() else "fine"
            other = self.of(" DS-#-12", " SBIN#21") if self.says(0.3) and self.is_astray() else ""
            for _ in range({"none": 0, "twice": 2}.get(fate, 1)):
                short = 50 if fate == "short" else 0
                self.credit(kind, paise - short, _sentences(word, other), word=word)

    def transfers(self) -> None:
        """Payments that the bank tells of, by UTR or RRN."""
        self.on("t")
        for _ in range(self.chance.randint(1, 4)):
            utr, rrn = self.of("", f"SBIN#{self.of(*ENDS)}"), self.of("", "88#12", "88#21")
            paise = self.paise()
            if not self.is_astray():
                self.receipts.append(
                    Receipt(self.name("p"), "t", paise, self.of(*DAYS[:7]), utr=utr, rrn=rrn,
                            is_late=self.says(0.1))
                )  # fmt: skip
            if not self.is_astray() and (word := utr or rrn):
                other = self.of(f" {rrn}", f" SBIN#{self.of(*ENDS)}") if self.is_astray() else ""
                self.credit("transfer", paise, _sentences(word, other), word=word)

    def credit(
        self, kind: str, paise: int, narrations: Sequence[str], *, word: str = "",
        consumer: str = "", source: str = "",
    ) -> None:  # fmt: skip
        narration, told = self.of(*narrations), {}
        if word and self.says(0.2):
            own = "rrn" if word.startswith("88") else "utr"
            narration, told = "BY CLEARING", {self.of("reference", own): word}
        self.credits.append(
            Credit(self.name("b"), kind, paise, self.of(*DAYS[4:9]), narration,
                   consumer=consumer or (self.of("", "", "77#") if kind == "transfer" else ""),
                   source=source, is_late=self.says(0.2), **told)
        )  # fmt: skip


def _sentences(word: str, other: str) -> tuple[str, ...]:
    return (
        f"NEFT CR RAZORPAY {word}{other}",
        f"RAZORPAY/{word.lower()}/PAYER{other}",
        f"NEFT-{word}-A PAYER{other}",
        f"BY:{word}.{other}",
        f"X{word} {word}1{other}",
    )
