"""A matcher written from docs/reconciliation.md alone: plain loops over a dozen rows, no database.

It is slow and simple on purpose, and shares nothing with the engine but the words of the document,
which stand beside what they led to. Rules are tried in the document's order; an amount is compared
after the keys, it never chooses among candidates.
"""

import itertools
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from tests.reconciliation.small_days import PROVED, SOURCES, Credit, Day, Found, Receipt, Row


@dataclass(frozen=True, slots=True)
class Told:
    """One line of any book, in the words of the document."""

    name: str
    book: str
    kind: str
    source: str
    day: date
    paise: int
    net: int = 0
    id: str = ""
    reference: str = ""
    order: str = ""
    original: str = ""
    settlement: str = ""
    utr: str = ""
    rrn: str = ""
    slip: str = ""
    cheque: str = ""
    words: frozenset[str] = frozenset()
    consumer: str = ""


@dataclass(frozen=True, slots=True)
class Payout:
    """Rows that the bank pays with one credit, found by one word."""

    source: str
    word: str
    rows: tuple[Told, ...]

    @property
    def net(self) -> int:
        return sum(one.net for one in self.rows)

    @property
    def day(self) -> date:
        return max(one.day for one in self.rows)


def explain(day: Day) -> list[Found]:
    """What the books must say after what came first, and after what came late."""
    matched: dict[tuple[str, str], Told] = {}
    answers: list[Found] = []
    made: frozenset[tuple[str, frozenset[str]]] = frozenset()
    apart: set[str] = set()
    for is_late in (False, True):
        told = list(_told(day, is_late=is_late))
        said = _Said(day, is_late=is_late)
        channel = _ChannelStage([one for one in told if _counts_in_channel(one)], matched, said)
        channel.match()
        channel.judge([one for one in told if one.book == "receipts"], told)
        bank = _BankStage([one for one in told if _counts_in_bank(one)], matched, said, apart=apart)
        bank.match()
        bank.judge()
        found = channel.found(bank, made=made)
        made = found.matches
        answers.append(found)
    return answers


# ---- what is told


def _told(day: Day, *, is_late: bool) -> Iterator[Told]:
    """Everything that has come; what came late is not there at first."""
    for receipt in day.receipts:
        if receipt.is_late <= is_late and receipt.state != "pending":
            yield from _of_receipt(receipt)
    held = {one.name: one for one in day.receipts}
    for refund in day.refunds:
        if refund.is_late <= is_late:
            yield Told(
                refund.name, "receipts", "refund", held[refund.of].source,
                date.fromisoformat(refund.day), -refund.paise, id=refund.id, reference=refund.of,
            )  # fmt: skip
    for row in day.rows:
        if row.is_late <= is_late:
            yield _of_row(row)
    for credit in day.credits:
        if credit.is_late <= is_late:
            yield _of_credit(credit)


def _of_receipt(one: Receipt) -> Iterator[Told]:
    kind = "failed" if one.state == "failed" else "repeated" if one.first else "payment"
    told = Told(
        one.name, "receipts", kind, one.source, date.fromisoformat(one.day), one.paise, id=one.id,
        reference=one.name, order=one.order, utr=one.utr.upper(), rrn=one.rrn,
        slip=one.slip.upper(), cheque=one.cheque,
    )  # fmt: skip
    yield told
    if one.undone_on:
        # "for what undoes it, the day it was undone"
        yield Told(
            f"{one.name}-", "receipts", "reversal", one.source, date.fromisoformat(one.undone_on),
            -one.paise, reference=one.name, cheque=one.cheque,
        )  # fmt: skip


def _of_row(one: Row) -> Told:
    return Told(
        one.name, "channel", one.kind, one.source, date.fromisoformat(one.day), one.paise,
        one.paise - one.fee, one.id, one.reference, one.order, one.original, one.settlement,
        one.utr, one.rrn,
    )  # fmt: skip


def _of_credit(one: Credit) -> Told:
    return Told(
        one.name, "bank", one.kind, one.source, date.fromisoformat(one.day), one.paise,
        utr=one.utr, words=_words(one), consumer=one.consumer,
    )  # fmt: skip


def _words(credit: Credit) -> frozenset[str]:
    """What a credit names: its own words, and each of five letters or more of its narration.

    "cut at blanks and at signs, with or without - and _. Upper and lower case are the same."
    """
    found = {credit.utr, credit.rrn, credit.reference}
    for kept in ("-_", "-", "_", ""):
        cut = rf"[^#A-Za-z0-9{re.escape(kept)}]+"
        found |= {one for one in re.split(cut, credit.narration) if _length(one) >= 5}
    found |= {one for one in credit.narration.split() if _length(one) >= 5}
    return frozenset(one.upper() for one in found - {""})


def _length(word: str) -> int:
    return len(word) + 4 * word.count("#")  # the number of the day has five digits


def _counts_in_channel(one: Told) -> bool:
    is_gateway = SOURCES.get(one.source) == "settlement"
    return (one.book == "receipts" and is_gateway and one.kind != "failed") or (
        one.book == "channel" and one.kind != "adjustment"
    )


def _counts_in_bank(one: Told) -> bool:
    return one.book != "receipts" or SOURCES[one.source] != "settlement"


class _Said:
    """How far each source has spoken."""

    def __init__(self, day: Day, *, is_late: bool) -> None:
        self.day = day
        self._of = {
            code: _latest(one.until, one.late_until if is_late else "")
            for code, one in day.sources.items()
        }
        self.bank = _latest(day.bank_until, day.bank_late_until if is_late else "")

    def until(self, source: str) -> date | None:
        return self._of.get(source)


def _latest(*days: str) -> date | None:
    return max((date.fromisoformat(one) for one in days if one), default=None)


def later(day: date, count: int) -> date:
    """So many working days after; 0 is the day itself, whatever day it is."""
    while count:
        day += timedelta(days=1)
        is_saturday_off = day.weekday() == 5 and (8 <= day.day <= 14 or 22 <= day.day <= 28)
        if day.weekday() != 6 and not is_saturday_off:
            count -= 1
    return day


def _groups(told: Iterable[Told], key: Callable[[Told], Hashable]) -> list[tuple[Any, list[Told]]]:
    found: dict[Hashable, list[Told]] = {}
    for one in told:
        found.setdefault(key(one), []).append(one)
    return list(found.items())


@dataclass
class _Stage:
    """What is open in a stage; what was matched is taken out, what is named stays in no doubt."""

    told: list[Told]
    matched: dict[tuple[str, str], Told]
    said: _Said
    name: str = ""
    matches: set[frozenset[str]] = field(default_factory=set)
    breaks: dict[str, str] = field(default_factory=dict)
    waits: list[tuple[str, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open = [one for one in self.told if (self.name, one.name) not in self.matched]

    def take(self, *group: Told) -> None:
        """These explain each other."""
        self.matches.add(frozenset(one.name for one in group))
        self.matched |= {(self.name, one.name): one for one in group}
        self.open = [one for one in self.open if one not in group]

    def name_break(self, reason: str, *group: Told) -> None:
        """Nobody could explain these."""
        for one in group:
            self.breaks.setdefault(one.name, reason)
        self.open = [one for one in self.open if one not in group]

    def wait(self, why: str, one: Told, paise: int) -> None:
        self.waits.append((one.book, why, paise))

    def why(self, due: date) -> str:
        return "not_due" if due > PROVED else "no_file"


# ---- receipts against rows


class _ChannelStage(_Stage):
    def __init__(self, told: list[Told], matched: dict[tuple[str, str], Told], said: _Said) -> None:
        super().__init__(told, matched, said, "channel")

    def match(self) -> None:
        self._pair("id")
        for key in ("reference", "rrn"):
            self._pair(key)
            self._pair("id")  # of which a weaker key has taken a third
        self._take_back("id")
        self._take_back("original")
        self._forced()

    def _pair(self, key: str) -> None:
        """One receipt and one row with the same key; a refund is compared with its own sign."""
        kinds = ("payment", "refund", "chargeback")
        some = [one for one in self.open if one.kind in kinds and getattr(one, key)]
        for _, group in _groups(
            some, lambda one: (one.source, one.kind, getattr(one, key), one.paise > 0)
        ):
            receipts, rows = _sides(group)
            if len(receipts) != 1 or len(rows) != 1 or receipts[0].paise != rows[0].paise:
                continue
            # "where one side has no id of the channel"
            if key == "id" or not (receipts[0].id and rows[0].id):
                self.take(*group)

    def _take_back(self, key: str) -> None:
        """A refund or chargeback of a report and the row that undoes it."""
        some = [
            one for one in self.open if one.kind in ("refund", "chargeback") and getattr(one, key)
        ]
        for _, group in _groups(some, lambda one: (one.source, one.kind, getattr(one, key))):
            is_all_rows = all(one.book == "channel" for one in group)
            if len(group) == 2 and is_all_rows and sum(one.paise for one in group) == 0:
                self.take(*group)

    def _forced(self) -> None:
        """A payment that was given back and forced again, after it had matched."""
        known = {
            (one.source, one.id)
            for (stage, _), one in self.matched.items()
            if stage == self.name and one.kind == "payment" and one.book == "channel"
        }
        some = [one for one in self.open if one.kind in ("payment", "refund", "chargeback")]
        for (source, payment), group in _groups(
            some, lambda one: (one.source, one.id if one.kind == "payment" else one.original)
        ):
            rows = [one for one in group if one.book == "channel"]
            forced = [one for one in rows if one.kind == "payment"]
            if (
                payment
                and len(group) == len(rows) == 2
                and len(forced) == 1
                and sum(one.paise for one in group) == 0
                and (source, payment) in known
            ):
                self.take(*group)

    def judge(self, held: Sequence[Told], told: Sequence[Told]) -> None:
        """ "what a row is by itself, then the channel's id, then weaker keys, then the rest" """
        for one in list(self.open):
            if one.book == "channel" and one.kind in ("unknown", "chargeback"):
                reason = {"unknown": "unknown_code"}.get(one.kind, one.kind)
                self.name_break(reason, one)
        for key in ("id", "reference", "rrn"):
            self._judge_key(key)
        for one in list(self.open):
            if one.kind == "repeated":
                self.name_break("duplicate", one)
            elif one.book == "channel":
                self.name_break(_of_lone_row(one, held, told), one)
            else:
                self._judge_receipt(one)

    def _judge_key(self, key: str) -> None:
        kinds = ("payment", "repeated", "refund")
        adopted = self._adopted() if key == "id" else {}

        def value(one: Told) -> str:
            return str(getattr(one, key)) or adopted.get(one.name, "")

        some = [one for one in self.open if one.kind in kinds and value(one)]
        for _, group in _groups(some, lambda one: (one.source, one.kind == "refund", value(one))):
            receipts, rows = _sides(group)
            if key != "id" and any(one.id for one in receipts) and any(one.id for one in rows):
                continue
            if not (receipts and rows) and not (key == "id" and len(rows) > 1):
                continue
            if (key == "id" and len(rows) > 1) or any(one.kind == "repeated" for one in group):
                self.name_break("duplicate", *group)
            elif len(receipts) == len(rows) == 1:
                agree = receipts[0].paise == rows[0].paise
                self.name_break("outside_rules" if agree else "amount_differs", *group)
            else:
                self.name_break("ambiguous", *group)

    def _adopted(self) -> dict[str, str]:
        """A receipt without an id, and the one id listed twice whose rows its weaker keys name."""
        told = [one for one in self.open if one.kind in ("payment", "repeated", "refund")]
        by_id = _groups(
            [one for one in told if one.id], lambda one: (one.source, one.kind == "refund", one.id)
        )
        twice = [rows for _, rows in by_id if len(rows) > 1 and not _sides(rows)[0]]
        named_by: dict[int, list[str]] = {}
        for receipt in [one for one in told if one.book == "receipts" and not one.id]:
            if receipt.kind == "repeated":
                continue
            named = [
                rows
                for rows in twice
                if rows[0].source == receipt.source
                and (rows[0].kind == "refund") == (receipt.kind == "refund")
                and any(
                    one.reference == receipt.reference or (one.rrn and one.rrn == receipt.rrn)
                    for one in rows
                )
            ]
            if len(named) == 1:
                named_by.setdefault(twice.index(named[0]), []).append(receipt.name)
        return {
            names[0]: twice[place][0].id for place, names in named_by.items() if len(names) == 1
        }

    def _judge_receipt(self, one: Told) -> None:
        due = later(one.day, self.said.day.sources[one.source].settlement_days)
        until = self.said.until(one.source)
        if until and due <= until:
            self.name_break("missing_in_channel", one)
        else:
            self.wait(self.why(due), one, one.paise)

    def found(self, bank: "_BankStage", *, made: frozenset[tuple[str, frozenset[str]]]) -> Found:
        """Both stages together, with the matches that were made before."""
        count: dict[tuple[str, str, str], tuple[int, int]] = {}
        for stage in (self, bank):
            for book, why, paise in stage.waits:
                had = count.get((stage.name, book, why), (0, 0))
                count[stage.name, book, why] = (had[0] + 1, had[1] + paise)
        return Found(
            made | {(stage.name, names) for stage in (self, bank) for names in stage.matches},
            frozenset(
                (stage.name, name, reason)
                for stage in (self, bank)
                for name, reason in stage.breaks.items()
            ),
            count,
        )


def _sides(group: Iterable[Told]) -> tuple[list[Told], list[Told]]:
    told = list(group)
    return (
        [one for one in told if one.book == "receipts"],
        [one for one in told if one.book == "channel"],
    )


def _of_lone_row(row: Told, held: Sequence[Told], told: Sequence[Told]) -> str:
    if row.kind == "refund":
        return "refund_unmatched"
    ours = [one for one in held if one.source == row.source and one.kind != "refund"]
    is_listed = any(
        one.book == "channel" and one.id == row.id and one.id and one != row
        and one.source == row.source and one.kind == row.kind
        for one in told
    )  # fmt: skip
    is_paid = any(
        one.kind in ("payment", "repeated")
        and ((one.order and one.order == row.order) or one.reference == row.reference)
        for one in ours
    )
    is_failed = any(
        one.kind == "failed"
        and ((one.id and one.id == row.id) or (not one.id and one.reference == row.reference))
        for one in ours
    )
    if is_listed or is_paid:
        return "duplicate"
    return "status_differs" if is_failed else "missing_in_books"


# ---- what the bank has


class _BankStage(_Stage):
    def __init__(
        self,
        told: list[Told],
        matched: dict[tuple[str, str], Told],
        said: _Said,
        *,
        apart: set[str],
    ) -> None:
        super().__init__(told, matched, said, "bank")
        # What is open of a settlement tells its UTRs; that there were several is remembered.
        rows = _groups(
            [one for one in self.open if one.book == "channel"],
            lambda one: (one.source, one.settlement or one.utr),
        )
        self._utrs = {name: {one.utr.upper() for one in group} - {""} for name, group in rows}
        for name, group in rows:
            names = {one.name for one in group}
            if len(self._utrs[name]) > 1 or names & apart:
                apart |= names
        self._apart = apart

    # "Rules are tried in this order."
    def match(self) -> None:
        self._cancelled()
        self._pay_out()
        self._nil()
        while self._carried():
            pass
        self._returned()
        self._name_receipts(lambda one: one.slip)
        self._name_receipts(lambda one: one.utr)
        self._name_receipts(lambda one: one.rrn)

    def _credits(self) -> list[Told]:
        return [one for one in self.open if one.book == "bank" and one.kind != "cheque_return"]

    def _cancelled(self) -> None:
        """A receipt and what undid it before a slip carried it, which come to nothing."""
        some = [one for one in self.open if one.book == "receipts"]
        for _, group in _groups(some, lambda one: one.reference):
            kinds = sorted(one.kind for one in group)
            if kinds == ["payment", "reversal"] and not any(one.slip for one in group):
                self.take(*group)

    def payouts(self) -> list[Payout]:
        """The settlements of what is open, as the bank pays them."""
        parts: dict[tuple[str, str], list[Told]] = {}
        rows = [one for one in self.open if one.book == "channel"]
        for (source, settlement), group in _groups(
            rows, lambda one: (one.source, one.settlement or one.utr)
        ):
            utrs = self._utrs[source, settlement]
            for one in group:
                # "whose rows tell several UTRs is one payout for each"; one UTR is that of all
                word = one.utr if one.name in self._apart else max(utrs, default="")
                parts.setdefault((source, (word or settlement).upper()), []).append(one)
        return [Payout(source, word, tuple(group)) for (source, word), group in parts.items()]

    def _pay_out(self) -> None:
        """All rows of a settlement, and the one credit that names its UTR."""
        groups = [(one.word, one.net, one.rows) for one in self.payouts() if one.net > 0]
        self._one_credit_each(groups)

    def _one_credit_each(self, groups: Sequence[tuple[str, int, Sequence[Told]]]) -> None:
        """ "Two credits for one group, two groups for one credit: nothing is matched" """
        lines = self._credits()
        naming = {
            number: [one for one in lines if word in one.words]
            for number, (word, _, _) in enumerate(groups)
            if word
        }
        named = list(itertools.chain.from_iterable(naming.values()))
        for number, some in naming.items():
            _, paise, group = groups[number]
            if len(some) == 1 and named.count(some[0]) == 1 and some[0].paise == paise:
                self.take(*group, some[0])

    def _nil(self) -> None:
        for payout in self.payouts():
            if payout.word and payout.net == 0:
                self.take(*payout.rows)

    def _carried(self) -> bool:
        """The one settlement whose credit is less by exactly all that was carried up to it."""
        fits = []
        for payout in self.payouts():
            debts = [
                one
                for one in self.payouts()
                if one.source == payout.source
                and one.word
                and one.net < 0
                and one.day <= payout.day
            ]
            naming = [one for one in self._credits() if payout.word in one.words]
            rest = payout.net + sum(one.net for one in debts)
            if payout.net > 0 and debts and len(naming) == 1 and naming[0].paise == rest:
                fits.append((payout, debts, naming[0]))
        took = False
        for source in {payout.source for payout, _, _ in fits}:
            of_source = [one for one in fits if one[0].source == source]
            if len(of_source) == 1 and self._names_one(of_source[0][2]):
                payout, debts, credit = of_source[0]
                self.take(*payout.rows, *(row for one in debts for row in one.rows), credit)
                took = True
        return took

    def _names_one(self, credit: Told) -> bool:
        return sum(one.word in credit.words for one in self.payouts() if one.net > 0) == 1

    def _undone(self) -> list[list[Told]]:
        """What a day undid of one number."""
        some = [one for one in self.open if one.kind == "reversal" and one.cheque]
        return [group for _, group in _groups(some, lambda one: (one.source, one.cheque, one.day))]

    def _debits(self) -> list[Told]:
        return [one for one in self.open if one.kind == "cheque_return"]

    def _returned(self) -> None:
        """The one debit that names the number and takes that sum."""
        fits = [
            (group, debit)
            for group in self._undone()
            for debit in self._debits()
            if group[0].cheque in debit.words and sum(one.paise for one in group) == debit.paise
        ]
        for group, debit in fits:
            if sum(one is group for one, _ in fits) == sum(one is debit for _, one in fits) == 1:
                self.take(*group, debit)

    def _name_receipts(self, key: Callable[[Told], str]) -> None:
        self._one_credit_each(
            [(word, sum(one.paise for one in group), group) for word, group in self._by(key)]
        )

    def _by(self, key: Callable[[Told], str]) -> list[tuple[str, list[Told]]]:
        some = [one for one in self.open if one.book == "receipts" and key(one)]
        return _groups(some, key)

    # ---- what is left

    def judge(self) -> None:
        self._judge_cheques()
        self._judge_payouts()
        self._judge_groups(lambda one: one.slip, "deposit_differs")
        self._judge_groups(lambda one: one.utr, "amount_differs")
        self._judge_groups(lambda one: one.rrn, "amount_differs")
        self._judge_counter()
        self._judge_transfers()
        self._judge_credits()

    def _judge_cheques(self) -> None:
        some = [one for one in self.open if one.kind == "reversal" and one.cheque]
        for (_, number), undone in _groups(some, lambda one: (one.source, one.cheque)):
            debits = [one for one in self._debits() if number in one.words]
            if debits:
                is_one = len(undone) == len(debits) == 1
                self.name_break("amount_differs" if is_one else "ambiguous", *undone, *debits)
        for one in self._debits():
            self.name_break("cheque_returned", one)
        for one in [one for one in self.open if one.kind == "reversal"]:
            due = later(one.day, self.said.day.sources[one.source].credit_days)
            if self._bank_says(due):
                self.name_break("cheque_returned", one)
            else:
                self.wait(self.why(due), one, one.paise)
                self.open.remove(one)

    def _bank_says(self, due: date) -> bool:
        return self.said.bank is not None and due <= self.said.bank

    def _judge_payouts(self) -> None:
        payouts = [one for one in self.payouts() if one.word]
        lines = self._credits()
        for payout in payouts:
            naming = [one for one in lines if payout.word in one.words]
            if not naming:
                continue
            is_choice = len(naming) > 1 or any(
                sum(other.word in one.words for other in payouts) > 1 for one in naming
            )
            reason = (
                "ambiguous"
                if is_choice
                else "outside_rules"
                if naming[0].paise == payout.net
                else "short_credit"
                if naming[0].paise < payout.net
                else "excess_credit"
            )
            self.name_break(reason, *payout.rows, *naming)
        for payout in self.payouts():
            self._judge_uncredited(payout)

    def _judge_uncredited(self, payout: Payout) -> None:
        due = later(payout.day, self.said.day.sources[payout.source].credit_days)
        if payout.word and payout.net > 0 and self._bank_says(due):
            self.name_break("settled_not_credited", *payout.rows)
            return
        why = "not_settled" if not payout.word else "carried" if payout.net <= 0 else self.why(due)
        for one in payout.rows:
            self.wait(why, one, one.net)
            self.open.remove(one)

    def _judge_groups(self, key: Callable[[Told], str], differs: str) -> None:
        groups = self._by(key)
        lines = self._credits()
        for word, group in groups:
            naming = [one for one in lines if word in one.words]
            if naming:
                is_choice = len(naming) > 1 or any(
                    sum(other in one.words for other, _ in groups) > 1 for one in naming
                )
                agree = sum(one.paise for one in group) == sum(one.paise for one in naming)
                reason = "ambiguous" if is_choice else "outside_rules" if agree else differs
                self.name_break(reason, *group, *naming)

    def _judge_counter(self) -> None:
        for one in [one for one in self.open if one.source == "c" and one.book == "receipts"]:
            due = (
                later(
                    date.fromisoformat(self.said.day.slips[_slip_of(self.said.day, one)]),
                    self.said.day.sources["c"].credit_days,
                )
                if one.slip
                else later(one.day, 1)
            )
            if self._bank_says(due):
                self.name_break("deposit_missing", one)
            else:
                self.wait(self.why(due) if one.slip else "not_deposited", one, one.paise)
                self.open.remove(one)

    def _judge_transfers(self) -> None:
        for one in [one for one in self.open if one.source == "t" and one.book == "receipts"]:
            due = later(one.day, self.said.day.sources["t"].credit_days)
            if self._bank_says(due):
                self.name_break("missing_in_channel", one)
            else:
                self.wait(self.why(due), one, one.paise)
                self.open.remove(one)

    def _judge_credits(self) -> None:
        paid = {
            one.utr.upper()
            for (stage, _), one in self.matched.items()
            if stage == self.name and one.utr
        }
        slips = {name.upper() for name in self.said.day.slips}
        for one in self._credits():
            if one.kind == "settlement" and not self._is_reported(one):
                self.wait(self.why(one.day), one, one.paise)
            elif one.words & (paid | slips):
                self.name_break("duplicate", one)
            elif one.kind == "settlement":
                self.name_break("credited_not_settled", one)
            else:
                self.name_break("missing_in_books" if one.consumer else "unidentified_credit", one)

    def _is_reported(self, credit: Told) -> bool:
        until = self.said.until(credit.source)
        if until is None:
            return False
        return credit.day <= later(until, self.said.day.sources[credit.source].credit_days)


def _slip_of(day: Day, one: Told) -> str:
    return next(name for name in day.slips if name.upper() == one.slip)
