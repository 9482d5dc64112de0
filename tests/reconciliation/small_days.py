"""Small days: a dozen rows of made-up money with few keys and amounts, so that they clash often.

A day is plain data: it goes to JSON and back, and into the books of a test beside hundreds of
others, each with channels, an account and words of its own. ``put`` and ``read`` are the only
places that know how the product keeps entries, matches and breaks.
"""

import dataclasses
import itertools
import json
from collections import Counter as Tally
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Final

from django.db import connection

from channels_.models import BankAccount, Channel, StatementFile
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.workdays import working_day_after
from payments.models import Deposit, Payment, PaymentEvent, Refund, Tender
from payments.states import State
from reconciliation.models import BreakLine, Entry, Expected, Match, MatchLine, Run
from tests import factories, played

PROVED: Final = date(2026, 8, 14)  # a Friday
Key = tuple[str, str]  # book and source key: what names an entry outside the database
SOURCES: Final = {"g": "settlement", "h": "settlement", "c": "deposit", "t": "transfer"}


@dataclass(frozen=True, slots=True)
class Source:
    """A channel of the day: what was agreed with it, and until when each file of it speaks."""

    settlement_days: int = 2
    credit_days: int = 0
    until: str = ""  # the first file; nothing: none has come
    late_until: str = ""  # the second


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payment as we hold it. ``slip`` names a slip of the day, ``first`` the success before."""

    name: str
    source: str
    paise: int
    day: str
    state: str = "succeeded"
    id: str = ""
    order: str = ""
    rrn: str = ""
    utr: str = ""
    slip: str = ""
    cheque: str = ""
    undone_on: str = ""
    first: str = ""
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class PaidBack:
    """A refund as we hold it."""

    name: str
    of: str
    id: str
    paise: int
    day: str
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a settlement report."""

    name: str
    source: str
    kind: str
    paise: int
    day: str
    paid_on: str
    fee: int = 0
    id: str = ""
    reference: str = ""  # the name of a receipt
    order: str = ""
    original: str = ""
    settlement: str = ""
    utr: str = ""
    rrn: str = ""
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Credit:
    """A line of the statement; below zero it leaves the account."""

    name: str
    kind: str
    paise: int
    day: str
    narration: str = ""
    reference: str = ""
    utr: str = ""
    rrn: str = ""
    consumer: str = ""
    source: str = ""  # the channel that its words told, if any
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """Everything that is told in one small world."""

    sources: Mapping[str, Source]
    bank_until: str = ""
    bank_late_until: str = ""
    slips: Mapping[str, str] = field(default_factory=dict)  # name: its day
    receipts: Sequence[Receipt] = ()
    refunds: Sequence[PaidBack] = ()
    rows: Sequence[Row] = ()
    credits: Sequence[Credit] = ()

    @property
    def size(self) -> int:
        """How many things are told."""
        return len(self.receipts) + len(self.refunds) + len(self.rows) + len(self.credits)

    def as_json(self) -> dict[str, Any]:
        """The day as it is kept; what has its usual value is left out."""
        return {
            "sources": {code: _told(one) for code, one in self.sources.items()},
            "bank_until": self.bank_until,
            "bank_late_until": self.bank_late_until,
            "slips": dict(self.slips),
            "receipts": [_told(one) for one in self.receipts],
            "refunds": [_told(one) for one in self.refunds],
            "rows": [_told(one) for one in self.rows],
            "credits": [_told(one) for one in self.credits],
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> "Day":
        """A day that was kept."""
        return cls(
            sources={code: Source(**one) for code, one in kept["sources"].items()},
            bank_until=kept["bank_until"],
            bank_late_until=kept["bank_late_until"],
            slips=kept["slips"],
            receipts=[Receipt(**one) for one in kept["receipts"]],
            refunds=[PaidBack(**one) for one in kept["refunds"]],
            rows=[Row(**one) for one in kept["rows"]],
            credits=[Credit(**one) for one in kept["credits"]],
        )


def _told(one: Any) -> dict[str, Any]:
    return {
        part.name: getattr(one, part.name)
        for part in dataclasses.fields(one)
        if getattr(one, part.name) != part.default
    }


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a day: groups of names that explain each other, breaks, and what waits."""

    matches: frozenset[tuple[str, frozenset[str]]]  # stage, names
    breaks: frozenset[tuple[str, str, str]]  # stage, name, reason
    waiting: Mapping[tuple[str, str, str], tuple[int, int]]  # stage, book, why: count, paise


# ---- into the books


class Books:
    """Many small days in the database at once; each knows its entries by its own names."""

    def __init__(self, days: Sequence[Day]) -> None:
        played.install_rules()  # a test that committed has emptied their table
        self.days = days
        self.names: dict[tuple[str, str], tuple[int, str]] = {}  # book, source key: day, name
        self._counter = factories.CounterFactory.create()
        self._clerk = factories.UserFactory.create()
        self._payments: dict[tuple[int, str], Payment] = {}
        self._accounts = BankAccount.objects.bulk_create(
            factories.BankAccountFactory.build(code=f"b{number}", account_number=f"9{number:010}")
            for number in range(len(days))
        )
        made = Channel.objects.bulk_create(
            Channel(
                code=f"{code}{number}", name=f"{code} {number}", route=SOURCES[code], is_live=True,
                adapter={"settlement": "razorpay", "deposit": "counter"}.get(
                    SOURCES[code], "bank_transfer"
                ),
                bank_account=self._accounts[number], settlement_days=source.settlement_days,
                credit_days=source.credit_days,
            )
            for number, day in enumerate(days)
            for code, source in day.sources.items()
        )  # fmt: skip
        self._channels = {one.code: one for one in made}
        self._slips = self._make_slips()

    def put(self, *, late: bool) -> None:
        """Tell the books what came first, or what came late."""
        self._put_receipts(late=late)
        self._put_refunds(late=late)
        entries = [
            *(
                self._row(n, one)
                for n, day in self._all()
                for one in day.rows
                if one.is_late == late
            ),
            *(
                self._credit(n, one)
                for n, day in self._all()
                for one in day.credits
                if one.is_late == late
            ),
        ]
        Entry.objects.bulk_create(entries)
        StatementFile.objects.bulk_create(self._files(late=late))
        if len(self.days) > 1:
            # Nothing is committed, so nothing else tells the planner how much there is.
            with connection.cursor() as cursor:
                cursor.execute(f"ANALYZE {', '.join(_FILLED)}")

    def _all(self) -> Iterable[tuple[int, Day]]:
        return enumerate(self.days)

    def word(self, number: int, text: str) -> str:
        """A word of a day as only this day writes it: ``#`` stands for the number."""
        return text.replace("#", f"{number:05}")

    def _make_slips(self) -> dict[tuple[int, str], Deposit]:
        made = Deposit.objects.bulk_create(
            Deposit(
                reference=self.word(number, name), channel=self._channels[f"c{number}"],
                counter=self._counter, office=self._counter.office, made_by=self._clerk,
                bank_account=self._accounts[number], business_date=on, amount_paise=1,
            )
            for number, day in self._all()
            for name, on in day.slips.items()
        )  # fmt: skip
        keys = [(number, name) for number, day in self._all() for name in day.slips]
        return dict(zip(keys, made, strict=True))

    def _put_receipts(self, *, late: bool) -> None:
        told = [
            (number, one)
            for number, day in self._all()
            for one in day.receipts
            if one.is_late == late
        ]
        # A second success is told after the first.
        for wave in (
            [pair for pair in told if not pair[1].first],
            [pair for pair in told if pair[1].first],
        ):
            made = Payment.objects.bulk_create(self._payment(number, one) for number, one in wave)
            for (number, one), payment in zip(wave, made, strict=True):
                self._payments[number, one.name] = payment
                self._name_receipt(number, one, payment)
            PaymentEvent.objects.bulk_create(
                event
                for (_number, one), payment in zip(wave, made, strict=True)
                for event in _events(one, payment)
            )
            Tender.objects.bulk_create(
                Tender(payment=payment, method="cheque", amount_paise=one.paise,
                       instrument=self.word(number, one.cheque))
                for (number, one), payment in zip(wave, made, strict=True)
                if one.cheque
            )  # fmt: skip

    def _payment(self, number: int, one: Receipt) -> Payment:
        state = State.REVERSED if one.undone_on else State(one.state)
        return Payment(
            reference=self.word(number, f"P#{one.name}"),
            channel=self._channels[f"{one.source}{number}"],
            channel_ref=self.word(number, one.id) or None, order_ref=self.word(number, one.order),
            amount_paise=one.paise, rrn=self.word(number, one.rrn), utr=self.word(number, one.utr),
            deposit=self._slips[number, one.slip] if one.slip else None, state=state,
            duplicate_of=self._payments.get((number, one.first)), business_date=one.day,
            succeeded_at=_noon(one.day) if state in (State.SUCCEEDED, State.REVERSED) else None,
        )  # fmt: skip

    def _name_receipt(self, number: int, one: Receipt, payment: Payment) -> None:
        word = "failed" if one.state == "failed" else "payment"
        self.names["receipts", f"{word}:{payment.reference}"] = (number, one.name)
        self.names["receipts", f"reversal:{payment.reference}"] = (number, f"{one.name}-")

    def _put_refunds(self, *, late: bool) -> None:
        told = [
            (number, one)
            for number, day in self._all()
            for one in day.refunds
            if one.is_late == late and (number, one.of) in self._payments
        ]
        made = Refund.objects.bulk_create(
            Refund(
                payment=self._payments[number, one.of],
                channel=self._payments[number, one.of].channel,
                channel_ref=self.word(number, one.id), amount_paise=one.paise,
                state=Refund.State.SUCCEEDED, business_date=one.day,
            )
            for number, one in told
        )  # fmt: skip
        for (number, one), refund in zip(told, made, strict=True):
            key = f"refund:{refund.channel.code}:{refund.channel_ref}"
            self.names["receipts", key] = (number, one.name)

    def _row(self, number: int, one: Row) -> Entry:
        channel = self._channels[f"{one.source}{number}"]
        key = self._row_key(number, one, channel)
        self.names["channel", key] = (number, one.name)
        day = date.fromisoformat(one.day)
        return Entry(
            book="channel", kind=one.kind, channel=channel, source_key=key, business_date=day,
            due_on=working_day_after(day, channel.credit_days), occurred_at=_noon(one.paid_on),
            amount_paise=one.paise, fee_paise=one.fee, net_paise=one.paise - one.fee,
            reference=self.word(number, f"P#{one.reference}") if one.reference else "",
            channel_ref=self.word(number, one.id), order_ref=self.word(number, one.order),
            original_ref=self.word(number, one.original), utr=self.word(number, one.utr),
            settlement_ref=self.word(number, one.settlement), rrn=self.word(number, one.rrn),
            in_channel_stage=one.kind != "adjustment", in_bank_stage=True,
        )  # fmt: skip

    def _row_key(self, number: int, one: Row, channel: Channel) -> str:
        """As the loader names rows: a second of one id by its place, or by its settlement."""
        if not one.id:
            return f"{channel.code}:{one.name}"
        key = f"{channel.code}:{self.word(number, one.id)}"
        if ("channel", key) in self.names and one.is_late:
            key += f"@{self.word(number, one.settlement)}"
        number_of_it = 2
        first = key
        while ("channel", key) in self.names:
            key, number_of_it = f"{first}#{number_of_it}", number_of_it + 1
        return key

    def _credit(self, number: int, one: Credit) -> Entry:
        account = self._accounts[number]
        key = f"{account.code}:{one.name}"
        self.names["bank", key] = (number, one.name)
        return Entry(
            book="bank", kind=one.kind, channel=self._channels.get(f"{one.source}{number}"),
            bank_account=account, source_key=key, business_date=one.day, due_on=one.day,
            amount_paise=one.paise, net_paise=one.paise,
            narration=self.word(number, one.narration),
            reference=self.word(number, one.reference), utr=self.word(number, one.utr).upper(),
            rrn=self.word(number, one.rrn), consumer_number=self.word(number, one.consumer),
            in_channel_stage=False, in_bank_stage=True,
        )  # fmt: skip

    def _files(self, *, late: bool) -> Iterable[StatementFile]:
        for number, day in self._all():
            spoken = [
                (self._channels[f"{code}{number}"], None, one.late_until if late else one.until)
                for code, one in day.sources.items()
            ]
            until = day.bank_late_until if late else day.bank_until
            for channel, account, to in [*spoken, (None, self._accounts[number], until)]:
                if to:
                    yield factories.StatementFileFactory.build(
                        channel=channel, bank_account=account, covers_from=to, covers_to=to
                    )

    # ---- out of the books

    def read(self, run: Run) -> list[Found]:
        """What the books say of each day after a run."""
        made: list[set[tuple[str, frozenset[str]]]] = [set() for _ in self.days]
        for stage, keys in live_matches():
            names = {self.names[key] for key in keys}
            ((number, _),) = {(number, "") for number, _ in names}
            made[number].add((stage, frozenset(name for _, name in names)))
        broken: list[set[tuple[str, str, str]]] = [set() for _ in self.days]
        for stage, reason, keys in open_breaks():
            for key in keys:
                number, name = self.names[key]
                broken[number].add((stage, name, reason))
        waiting = self._waiting(run)
        return [
            Found(frozenset(made[number]), frozenset(broken[number]), waiting.get(number, {}))
            for number in range(len(self.days))
        ]

    def _waiting(self, run: Run) -> dict[int, dict[tuple[str, str, str], tuple[int, int]]]:
        numbers = {channel.pk: int(code[1:]) for code, channel in self._channels.items()}
        count: Tally[tuple[int, str, str, str]] = Tally()
        paise: Tally[tuple[int, str, str, str]] = Tally()
        for one in Expected.objects.filter(run=run, channel__isnull=False):
            key = (numbers[one.channel_id or 0], one.stage, one.book, one.why)
            count[key] += one.count
            paise[key] += one.paise
        found: dict[int, dict[tuple[str, str, str], tuple[int, int]]] = {}
        for key, number in count.items():
            found.setdefault(key[0], {})[key[1:]] = (number, paise[key])
        return found


_FILLED: Final = [
    model._meta.db_table
    for model in (
        BankAccount, Channel, Deposit, Payment, PaymentEvent, Tender, Refund, Entry, MatchLine,
        BreakLine,
    )
]  # fmt: skip


def live_matches(*, kinds: Collection[str] = Match.Kind.values) -> list[tuple[str, frozenset[Key]]]:
    """Every live match of some kinds: its stage, and its entries by book and source key."""
    found: dict[tuple[int, str], set[Key]] = {}
    lines = MatchLine.objects.filter(is_live=True, match__kind__in=kinds)
    for match, stage, *key in lines.values_list(
        "match_id", "stage", "entry__book", "entry__source_key"
    ):
        found.setdefault((match, stage), set()).add((key[0], key[1]))
    return [(stage, frozenset(keys)) for (_, stage), keys in found.items()]


def open_breaks() -> list[tuple[str, str, frozenset[Key]]]:
    """Every open break: its stage, its reason, and its entries by book and source key."""
    found: dict[tuple[int, str, str], set[Key]] = {}
    lines = BreakLine.objects.filter(open_break__state="open")
    for one, stage, reason, *key in lines.values_list(
        "open_break_id", "open_break__stage", "open_break__reason", "entry__book",
        "entry__source_key",
    ):  # fmt: skip
        found.setdefault((one, stage, reason), set()).add((key[0], key[1]))
    return [(stage, reason, frozenset(keys)) for (_, stage, reason), keys in found.items()]


def _noon(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(12), INDIA)


def _events(one: Receipt, payment: Payment) -> Iterable[PaymentEvent]:
    if one.state == "pending":
        return
    yield PaymentEvent(
        payment=payment, from_state=State.CREATED, to_state=one.state, cause="a test",
        at=_noon(one.day),
    )  # fmt: skip
    if one.undone_on:
        yield PaymentEvent(
            payment=payment, from_state=State.SUCCEEDED, to_state=State.REVERSED, cause="a test",
            at=_noon(one.undone_on),
        )  # fmt: skip


# ---- smaller and smaller


def without(day: Day, names: Collection[str]) -> Day:
    """The day without some of what is told."""
    gone = set(names)

    def left(told: Iterable[Any]) -> list[Any]:
        return [one for one in told if one.name not in gone]

    receipts = [one for one in left(day.receipts) if one.first not in gone]
    held = {one.name for one in receipts}
    return dataclasses.replace(
        day,
        receipts=receipts,
        refunds=[one for one in left(day.refunds) if one.of in held],
        rows=left(day.rows),
        credits=left(day.credits),
    )


def names_of(day: Day) -> list[str]:
    """Everything that is told, by name."""
    told: list[list[str]] = [
        [one.name for one in day.credits],
        [one.name for one in day.rows],
        [one.name for one in day.refunds],
        [one.name for one in day.receipts],
    ]
    return list(itertools.chain.from_iterable(told))


def text_of(day: Day) -> str:
    """The day as it may be kept under ``kept/``."""
    return json.dumps(day.as_json(), indent=1)
