"""A settling channel's day: payments, refunds and failures, its settlements, and what goes wrong.

One player for gateways, BBPS, UPI and agents: what a channel cannot tell or list is not played.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import cycle, islice
from typing import Final

from channels_.contract import Method, Outcome
from channels_.simulation import (
    Happened,
    Listed,
    News,
    ReportRow,
    SamplePayment,
    SampleRefund,
)
from reconciliation.models import Reason
from simulator.bank import NAMED_BY, BankLine, Utrs, exchanged, mistyped
from simulator.chance import (
    ONLINE,
    chance,
    digits,
    instant,
    moments,
    sample_reference,
    seconds,
    some,
    weighed,
)
from simulator.consumers import RUPEE, SampleConsumer, amount_paid
from simulator.kinds import Kind, Odd
from simulator.messages import Outbox, Sending, count_repeats
from simulator.names import RRN, name_of
from simulator.scene import PlayedChannel
from simulator.truth import Part

CYCLES: Final = 14
NETWORKS: Final = (("Visa", 40), ("RuPay", 35), ("MasterCard", 25))
BANKS: Final = ("SBIN", "HDFC", "ICIC", "UTIB", "PUNB", "BARB")
SETTLING_BANK: Final = "UTIB"

# In a thousand payments: how often each unevenness happens that is no discrepancy.
AUTHORISED: Final = 150
ORDER_PAID: Final = 50
TOLD_AGAIN: Final = 10  # by an event of its own
TOLD_LATE: Final = 5  # by hours
FAILED_FIRST: Final = 10
LATE_FAILURE: Final = 3
FAILURES: Final = 60  # on top of the payments
REFUNDS: Final = 5

_LARGE_NET: Final = 5_000 * RUPEE  # a settlement that bears a debit of a discrepancy
_TAXED_FEE: Final = 100  # paise, so that another rate of tax is no rounding
_OTHER_TAX_PERCENT: Final = 28

# What may become of a large payout; a day with fewer of them begins at another place each time.
FATES: Final[Sequence[Kind | Odd]] = (
    *(Kind.NOT_CREDITED, Kind.SHORT_CREDIT, Kind.EXCESS_CREDIT, Kind.SPLIT_CREDIT, Kind.UTR_CUT),
    *(Kind.UTR_MISTYPED, Kind.UTR_EXCHANGED, Odd.OTHER_ACCOUNT),
)
_LEFT_WELL: Final = 2  # large payouts, one of which may be less by what was carried
_SPOILERS: Final = {
    Kind.UTR_CUT: lambda utr: utr[:-4],
    Kind.UTR_MISTYPED: mistyped,
    Kind.UTR_EXCHANGED: exchanged,
}


@dataclass(slots=True)
class Settlement:
    """One cycle: what it bundles, and the transfer that carries it."""

    ref: str
    utr: str
    settled_at: datetime
    rows: list[ReportRow] = field(default_factory=list)

    @property
    def net_paise(self) -> int:
        """What the bank must credit, if it is more than nothing."""
        return sum(row.net_paise for row in self.rows)


@dataclass(frozen=True, slots=True)
class GatewayDay:
    """What a settling channel leaves behind after a day."""

    messages: list[Sending]
    report: list[ReportRow]
    happened: list[Happened]
    credits: list[BankLine]
    astray: list[BankLine]  # credits that the bank put on another account of ours
    part: Part


def play_gateway(
    channel: PlayedChannel,
    payers: Sequence[SampleConsumer],
    *,
    day: date,
    seed: int,
    utrs: Utrs,
    kinds: int,
) -> GatewayDay:
    """Play the day of these payers, with so many discrepancies of each kind."""
    return _Play(channel, day=day, seed=seed, utrs=utrs, kinds=kinds).run(payers)


class _Play:
    """The day while it is played."""

    def __init__(
        self, channel: PlayedChannel, *, day: date, seed: int, utrs: Utrs, kinds: int
    ) -> None:
        self.channel = channel
        self.partner = channel.simulation
        self.day = day
        self.rng = chance(seed, day, channel.code)
        self.outbox = Outbox(self.rng, self.partner, "evt_")
        self.part = Part()
        self.kinds = kinds
        self.named: set[str] = set()
        cutoff = channel.cutoff
        self.cutoff = instant(day, hour=cutoff.hour, minute=cutoff.minute, second=cutoff.second)
        self.closings = _closings(self.cutoff)
        self.settlements = [
            Settlement(
                ref=self._name("settlement"),
                utr=utrs.neft(SETTLING_BANK),
                settled_at=self._by_midnight(closing + timedelta(minutes=30)),
            )
            for closing in self.closings
        ]
        first, second = self.settlements[5:7]
        second.utr = first.utr  # paid out together
        self.nil = Settlement(
            ref=self._name("settlement"),
            utr=utrs.neft(SETTLING_BANK),
            settled_at=self._by_midnight(self.cutoff + timedelta(minutes=75)),
        )
        self.stray_utrs = [utrs.neft(SETTLING_BANK) for _ in range(kinds)]
        self.dated: dict[str, datetime] = {}  # rows that are listed on another day than their own
        self.held_failed: set[str] = set()  # paid by the report, failed by all that is told
        self.quiet: set[str] = set()  # payments of which no success is ever told
        self.failures: list[SamplePayment] = []
        self.refunds: dict[str, list[SampleRefund]] = defaultdict(list)
        self.again: list[str] = []  # payments that another settlement lists once more
        self.credits: list[BankLine] = []
        self.astray: list[BankLine] = []

    def run(self, payers: Sequence[SampleConsumer]) -> GatewayDay:
        payments = self._payments(payers)
        pool = [payment for payment in payments if payment.paid_at < self.cutoff]
        self.rng.shuffle(pool)
        rows = {payment.channel_ref: [self._row(payment)] for payment in payments}
        self._spoil_rows(pool, rows)
        refunds = self._refunds(pool, payments)
        self._nil_settlement(pool, rows)
        again = [*self._pay_twice(pool, rows), *self._pay_as_twins(pool, rows)]
        for row in (row for several in rows.values() for row in several):
            self._settle(row)
        for ref in self.again:
            self._settle_again(rows[ref][0])
        for refund in refunds:
            self._settle(_refund_row(refund))
        self._foreign_rows(pool)
        self._pay_out()
        self._tell(payments)
        messages = self.outbox.in_order()
        self.part.not_breaks["repeated_messages"] += count_repeats(messages)
        happened = [
            *(self._happened(payment, Outcome.SUCCEEDED) for payment in [*payments, *again]),
            *(self._happened(payment, Outcome.FAILED) for payment in self.failures),
        ]
        return GatewayDay(messages, self._report(), happened, self.credits, self.astray, self.part)

    def _happened(self, payment: SamplePayment, outcome: Outcome) -> Happened:
        if payment.channel_ref in self.held_failed:
            outcome = Outcome.FAILED
        return Happened(payment, outcome, tuple(self.refunds[payment.channel_ref]))

    # ---- what happens

    def _payments(self, payers: Sequence[SampleConsumer]) -> list[SamplePayment]:
        paid = moments(self.rng, day=self.day, count=len(payers), weights=ONLINE)
        return [self._payment(payer, at) for payer, at in zip(payers, paid, strict=True)]

    def _payment(self, payer: SampleConsumer, paid_at: datetime) -> SamplePayment:
        rng = self.rng
        method = weighed(rng, self.partner.methods)
        amount = payer.amount_paise if self.channel.is_exact else amount_paid(rng, payer)
        fee, tax = self.channel.fee_of(amount, method=method.value)
        # Begun and paid on the same side of the cut-off: which day a payment counts for is not the
        # question a simulated day asks.
        earliest = self.cutoff if paid_at >= self.cutoff else instant(self.day)
        begun = max(paid_at - seconds(rng, 6, 150), earliest)
        last4 = payer.number[-4:]
        rrn = self._rrn()
        return SamplePayment(
            channel_ref=self._name("payment", rrn=rrn),
            order_ref=self._name("order", rrn=rrn, consumer=payer.number),
            amount_paise=amount,
            method=method,
            network=weighed(rng, NETWORKS) if method is Method.CARD else "",
            issuer=rng.choice(BANKS),
            payer=payer.upi if method is Method.UPI else last4,
            mobile=payer.mobile,
            rrn=rrn,
            utr="",
            consumer_number=payer.number,
            bill_number=payer.bill_number,
            created_at=begun,
            paid_at=paid_at,
            fee_paise=fee,
            tax_paise=tax,
            reference=sample_reference(rng, begun) if self.partner.is_begun_by_us else "",
        )

    def _other_attempt(self, payment: SamplePayment) -> SamplePayment:
        """The same money asked for once more, by other names."""
        rrn = self._rrn()
        return payment._replace(channel_ref=self._name("payment", rrn=rrn), rrn=rrn)

    def _other_order(self, payment: SamplePayment) -> SamplePayment:
        """An attempt that began anew, with an order of its own."""
        other = self._other_attempt(payment)
        begun = payment.created_at
        return other._replace(
            order_ref=self._name("order", rrn=other.rrn, consumer=payment.consumer_number),
            reference=payment.reference and sample_reference(self.rng, begun),
        )

    def _name(self, what: str, *, rrn: str = "", consumer: str = "") -> str:
        """A name as the channel gives it; no name twice on one day."""
        if self.partner.refs.get(what) == RRN:
            return rrn  # nobody else's: the RRN itself comes once
        name = name_of(self.rng, self.partner, what, consumer=consumer)
        while name in self.named:
            name = name_of(self.rng, self.partner, what, consumer=consumer)
        self.named.add(name)
        return name

    def _rrn(self) -> str:
        """Twelve digits: last digit of the year, day of the year, eight more; none comes twice."""
        rrn = f"{self.day:%y%j}"[1:] + digits(self.rng, 8)
        while rrn in self.named:
            rrn = f"{self.day:%y%j}"[1:] + digits(self.rng, 8)
        self.named.add(rrn)
        return rrn

    def _refunds(
        self, pool: list[SamplePayment], payments: Sequence[SamplePayment]
    ) -> list[SampleRefund]:
        """Refunds of the day: told by messages, and in the report of the same day."""
        if not self._can_refund():
            return []
        count = (len(payments) * REFUNDS + 500) // 1000
        early = [p for p in pool if p.paid_at < self.cutoff - timedelta(hours=3)][:count]
        refunds = [self._refund(payment, self._part_of(payment)) for payment in early]
        for refund in refunds:
            pool.remove(refund.payment)
        self.part.not_breaks["refunds"] += len(refunds)
        return refunds

    def _part_of(self, payment: SamplePayment) -> int:
        """The whole amount for most refunds, some rupees of it for the others."""
        whole = payment.amount_paise
        if self.rng.randrange(10) < 6:
            return whole
        return self.rng.randint(1, whole // RUPEE) * RUPEE

    def _can_refund(self) -> bool:
        """Whether a refund is told as done, and shown by the report."""
        return News.REFUND_PROCESSED in self.partner.news and Listed.REFUND in self.partner.lists

    def _refund(self, payment: SamplePayment, amount: int, *, told: bool = True) -> SampleRefund:
        created = payment.paid_at + seconds(self.rng, 1_800, 7_200)
        refund = SampleRefund(
            channel_ref=self._name("refund"),
            payment=payment,
            amount_paise=amount,
            created_at=created,
            processed_at=created + seconds(self.rng, 60, 600),
            rrn=self._rrn(),
        )
        self.refunds[payment.channel_ref].append(refund)
        if told:
            self.outbox.say(News.REFUND_CREATED, refund, refund.created_at)
            self.outbox.say(News.REFUND_PROCESSED, refund, refund.processed_at)
        return refund

    def _row(self, payment: SamplePayment, *, amount: int = 0) -> ReportRow:
        """The report's row of a payment, with an amount of its own if one is given."""
        gross = amount or payment.amount_paise
        fee, tax = self.channel.fee_of(gross, method=payment.method.value)
        return ReportRow(
            channel_ref=payment.channel_ref,
            word="payment",
            debit_paise=0,
            credit_paise=gross - fee - tax,
            amount_paise=gross,
            fee_paise=fee,
            tax_paise=tax,
            created_at=payment.created_at,
            settled_at=payment.created_at,  # its settlement says when
            settlement_ref="",
            utr="",
            description="Electricity bill",
            order_ref=payment.order_ref,
            method=payment.method.value,
            network=payment.network,
            issuer=payment.issuer,
            consumer_number=payment.consumer_number,
        )

    # ---- what goes wrong with single payments

    def _spoil_rows(self, pool: list[SamplePayment], rows: dict[str, list[ReportRow]]) -> None:
        for payment in self._take(pool):
            rows[payment.channel_ref] = []
            self._plant(Reason.MISSING_IN_CHANNEL, payment, kind=Kind.NOT_LISTED)
        for payment in self._take(pool):
            self.quiet.add(payment.channel_ref)
            self._plant(Reason.MISSING_IN_BOOKS, payment, kind=Kind.NOT_TOLD)
        for payment in self._take(pool, when=News.FAILED in self.partner.news):
            self.quiet.add(payment.channel_ref)
            self.held_failed.add(payment.channel_ref)
            self.outbox.say(News.FAILED, payment, payment.paid_at)
            self._plant(Reason.STATUS_DIFFERS, payment, kind=Kind.TOLD_AS_FAILED)
        for payment in self._take(pool):
            self._change_amount(payment, rows)
        priced = Listed.FEE in self.partner.lists and bool(self.channel.rates)
        for payment in self._take(pool, when=priced):
            self._change_fee(payment, rows)
        taxed = [payment for payment in pool if payment.fee_paise >= _TAXED_FEE]
        for payment in self._take(taxed, when=priced):
            pool.remove(payment)
            self._change_tax(payment, rows)
        for payment in self._take(pool):
            self._list_another_day(payment, rows)
        for payment in self._take(pool):
            rows[payment.channel_ref] *= 2
            self._plant(Reason.DUPLICATE, payment, kind=Kind.LISTED_TWICE)
        early = [payment for payment in pool if payment.paid_at < self.closings[-2]]
        for payment in self._take(early):
            pool.remove(payment)
            self.again.append(payment.channel_ref)
            self._plant(Reason.DUPLICATE, payment, kind=Kind.SETTLED_AGAIN)

    def _change_amount(self, payment: SamplePayment, rows: dict[str, list[ReportRow]]) -> None:
        least = -min(payment.amount_paise // RUPEE - 1, 90)
        difference = (self.rng.choice([d for d in range(least, 91) if d]) or 1) * RUPEE
        rows[payment.channel_ref] = [self._row(payment, amount=payment.amount_paise + difference)]
        self._plant(
            Reason.AMOUNT_DIFFERS,
            payment,
            amount=abs(difference),
            kind=Kind.OTHER_AMOUNT,
        )

    def _change_fee(self, payment: SamplePayment, rows: dict[str, list[ReportRow]]) -> None:
        (row,) = rows[payment.channel_ref]
        fee = row.fee_paise + self.rng.randint(101, 999)
        tax = (fee * 18 + 50) // 100
        spoilt = row._replace(
            fee_paise=fee, tax_paise=tax, credit_paise=row.amount_paise - fee - tax
        )
        rows[payment.channel_ref] = [spoilt]
        self._plant(
            Reason.FEE_DIFFERS,
            payment,
            amount=row.credit_paise - spoilt.credit_paise,
            kind=Kind.FEE_WRONG,
        )

    def _change_tax(self, payment: SamplePayment, rows: dict[str, list[ReportRow]]) -> None:
        (row,) = rows[payment.channel_ref]
        tax = (row.fee_paise * _OTHER_TAX_PERCENT + 50) // 100
        credit = row.amount_paise - row.fee_paise - tax
        rows[payment.channel_ref] = [row._replace(tax_paise=tax, credit_paise=credit)]
        self._plant(
            Reason.FEE_DIFFERS, payment, amount=row.credit_paise - credit, kind=Kind.TAX_WRONG
        )

    def _list_another_day(self, payment: SamplePayment, rows: dict[str, list[ReportRow]]) -> None:
        """A line of the day before beside the payment's own: nobody told us of it then."""
        day_before = payment.created_at - timedelta(days=1)
        other = self._other_order(payment)._replace(created_at=day_before, paid_at=day_before)
        row = self._row(other)
        rows[payment.channel_ref].append(row)
        self.dated[row.channel_ref] = payment.created_at
        self._plant(Reason.MISSING_IN_BOOKS, other, kind=Kind.DAY_BEFORE)

    def _pay_twice(
        self, pool: list[SamplePayment], rows: dict[str, list[ReportRow]]
    ) -> list[SamplePayment]:
        """Two captured payments for one order: both are real money, one is too much."""
        again = []
        for first in self._take(pool, when=self.partner.is_ordered):
            later = first.paid_at + seconds(self.rng, 40, 240)
            if later >= self.cutoff:
                later = first.paid_at
            second = self._other_attempt(first)._replace(created_at=later, paid_at=later)
            again.append(second)
            rows[second.channel_ref] = [self._row(second)]
            self.outbox.say(News.PAID, second, second.paid_at)
            self.part.received(self.channel.code, second.amount_paise)
            self.part.plant(
                Reason.DUPLICATE,
                first.channel_ref,
                second.channel_ref,
                amount_paise=first.amount_paise,
                kind=Kind.ORDER_PAID_TWICE,
                channel=self.channel.code,
            )
        return again

    def _pay_as_twins(
        self, pool: list[SamplePayment], rows: dict[str, list[ReportRow]]
    ) -> list[SamplePayment]:
        """One consumer pays one amount twice, by two orders: two payments, and no discrepancy."""
        twins = []
        for first in self._take(pool, when=not self.channel.is_exact):
            later = first.paid_at + seconds(self.rng, 40, 240)
            if later >= self.cutoff:
                later = first.paid_at
            second = self._other_order(first)._replace(created_at=later, paid_at=later)
            twins.append(second)
            rows[second.channel_ref] = [self._row(second)]
            self.outbox.say(News.PAID, second, second.paid_at)
            self.part.received(self.channel.code, second.amount_paise)
        self.part.not_breaks[Odd.TWINS] += len(twins)
        return twins

    # ---- what goes wrong with the report and the bank

    def _nil_settlement(self, pool: list[SamplePayment], rows: dict[str, list[ReportRow]]) -> None:
        """A last small cycle whose refund eats its payment: it pays nothing, rightly."""
        if not self._can_refund():
            return
        early = [
            p for p in pool if p.fee_paise == 0 and p.paid_at < self.cutoff - timedelta(hours=3)
        ]
        early.sort(key=lambda p: p.amount_paise)
        if len(early) < 2 or early[0].amount_paise > early[-1].amount_paise // 2:
            return
        small, large = early[0], early[-1]
        pool.remove(small)
        pool.remove(large)
        over = self.rng.choice([0, 1, 1]) * self.rng.randint(1, small.amount_paise // RUPEE) * RUPEE
        refund = self._refund(large, small.amount_paise + over)
        for row in (*rows.pop(small.channel_ref), _refund_row(refund)):
            self.nil.rows.append(_placed(row, self.nil))
        self.part.not_breaks["refunds"] += 1

    def _foreign_rows(self, pool: list[SamplePayment]) -> None:
        """Debits that nobody announced: refunds, chargebacks, words that are in no contract."""
        lists = self.partner.lists
        early = [p for p in pool if p.paid_at < self.closings[-4]]
        for payment in self._take(early, when=Listed.REFUND in lists):
            pool.remove(payment)
            refund = self._refund(payment, payment.amount_paise, told=False)
            if self._bear(_refund_row(refund)):
                self.part.plant(
                    Reason.REFUND_UNMATCHED,
                    refund.channel_ref,
                    amount_paise=refund.amount_paise,
                    kind=Kind.REFUND_UNKNOWN,
                    channel=self.channel.code,
                )
        for payment in self._take(early, when=self._can_refund()):
            pool.remove(payment)
            refund = self._refund(payment, payment.amount_paise)
            self._settle(_refund_row(refund))
            self.part.not_breaks["refunds"] += 1
            if self._bear(_refund_row(refund)):
                self.part.plant(
                    Reason.DUPLICATE,
                    refund.channel_ref,
                    amount_paise=refund.amount_paise,
                    kind=Kind.REFUND_TWICE,
                    channel=self.channel.code,
                )
        for _ in range(self.kinds if Listed.CHARGEBACK in lists else 0):
            row = self._debit("adjustment", description="Chargeback")
            row = row._replace(dispute_ref=self._name("dispute"), payment_ref=self._name("payment"))
            if self._bear(row):
                self.part.plant(
                    Reason.CHARGEBACK,
                    row.channel_ref,
                    row.dispute_ref,
                    amount_paise=row.amount_paise,
                    kind=Kind.CHARGEBACK,
                    channel=self.channel.code,
                )
        for _ in range(self.kinds if Listed.OTHER in lists else 0):
            row = self._debit("reserve_hold", description="Reserve")
            if self._bear(row):
                self.part.plant(
                    Reason.UNKNOWN_CODE,
                    row.channel_ref,
                    amount_paise=row.amount_paise,
                    kind=Kind.UNKNOWN_CODE,
                    channel=self.channel.code,
                )

    def _debit(self, word: str, *, description: str) -> ReportRow:
        amount = self.rng.randint(100, 900) * RUPEE
        at = self.rng.choice(self.closings[3:]) - seconds(self.rng, 60, 3_000)
        return ReportRow(
            channel_ref=self._name("row"),
            word=word,
            debit_paise=amount,
            credit_paise=0,
            amount_paise=amount,
            fee_paise=0,
            tax_paise=0,
            created_at=at,
            settled_at=at,
            settlement_ref="",
            utr="",
            description=description,
        )

    def _bear(self, row: ReportRow) -> bool:
        """Put a debit into its settlement, or into a later one that is large enough for it."""
        for settlement in self.settlements[self._cycle(row.created_at) :]:
            if settlement.net_paise >= max(_LARGE_NET, 2 * row.debit_paise):
                settlement.rows.append(_placed(row, settlement))
                return True
        return False

    def _pay_out(self) -> None:
        """One credit per payout, but for those that go wrong or pay nothing."""
        payouts: dict[str, list[Settlement]] = defaultdict(list)
        for settlement in self.settlements:
            payouts[settlement.utr].append(settlement)
        paying = [several for several in payouts.values() if _net(several) > 0]
        amiss = [
            several[0]
            for several in paying
            if len(several) == 1 and several[0].net_paise >= _LARGE_NET
        ]
        self.rng.shuffle(amiss)
        wrong = amiss[: max(len(amiss) - _LEFT_WELL, 0)]
        first = 0 if len(wrong) >= len(FATES) else self.rng.randrange(len(FATES))
        turned = islice(cycle(FATES), first, None)
        fates = dict(zip((one.ref for one in wrong), turned, strict=False))
        owed = self._carried(payouts, [one for one in amiss if one.ref not in fates])
        for several in paying:
            settlement = several[0]
            if fate := fates.get(settlement.ref):
                self._go_wrong(settlement, fate)
            else:
                amount = _net(several) + owed.get(settlement.ref, 0)
                self._credit(settlement.utr, amount, at=several[-1].settled_at)
        for utr in self.stray_utrs:
            amount = self.rng.randint(20_000, 400_000) * RUPEE + self.rng.randrange(RUPEE)
            self._credit(utr, amount, at=self.rng.choice(self.closings))
            self.part.plant(
                Reason.CREDITED_NOT_SETTLED,
                utr,
                amount_paise=amount,
                kind=Kind.STRAY_CREDIT,
                channel=self.channel.code,
            )
        nils = [
            several
            for several in [*payouts.values(), [self.nil]]
            if any(one.rows for one in several) and _net(several) <= 0
        ]
        self.part.not_breaks[Odd.PAYS_NOTHING] += len(nils)
        together = [several for several in paying if len([one for one in several if one.rows]) > 1]
        self.part.not_breaks[Odd.PAID_TOGETHER] += len(together)

    def _carried(
        self, payouts: Mapping[str, Sequence[Settlement]], well: Sequence[Settlement]
    ) -> dict[str, int]:
        """By settlement what its credit is less by, because others came to less than nothing."""
        debt = sum(min(_net(several), 0) for several in [*payouts.values(), [self.nil]])
        bearers = [one for one in well if one.net_paise > -2 * debt]
        if not debt or not bearers:
            return {}
        self.part.not_breaks[Odd.CARRIED] += 1
        return {max(bearers, key=lambda one: one.settled_at).ref: debt}

    def _go_wrong(self, settlement: Settlement, fate: Kind | Odd) -> None:
        """The bank does with a payout what it should not."""
        net, at = settlement.net_paise, settlement.settled_at
        if fate is Kind.NOT_CREDITED:
            self._plant_payout(Reason.SETTLED_NOT_CREDITED, settlement, amount=net, kind=fate)
        elif fate in (Kind.SHORT_CREDIT, Kind.EXCESS_CREDIT):
            difference = self.rng.randint(100, 90_000)
            is_short = fate is Kind.SHORT_CREDIT
            self._credit(settlement.utr, net - difference if is_short else net + difference, at=at)
            reason = Reason.SHORT_CREDIT if is_short else Reason.EXCESS_CREDIT
            self._plant_payout(reason, settlement, amount=difference, kind=Kind(fate))
        elif fate is Kind.SPLIT_CREDIT:
            part = net * self.rng.randint(20, 80) // 100
            for amount in (part, net - part):
                self._credit(settlement.utr, amount, at=at)
            self._plant_payout(Reason.AMBIGUOUS, settlement, amount=net, kind=fate)
        elif fate is Odd.OTHER_ACCOUNT:
            self._credit(settlement.utr, net, at=at)
            self.astray.append(self.credits.pop())
            self.part.not_breaks[Odd.OTHER_ACCOUNT] += 1
        else:
            self._spoil_utr(settlement, Kind(fate))

    def _spoil_utr(self, settlement: Settlement, kind: Kind) -> None:
        """The narration tells another UTR, or half of it: neither side finds the other."""
        net, told = settlement.net_paise, _SPOILERS[kind](settlement.utr)
        words = self._credit(told, net, at=settlement.settled_at)
        self._plant_payout(Reason.SETTLED_NOT_CREDITED, settlement, amount=net, kind=kind)
        self.part.plant(
            Reason.CREDITED_NOT_SETTLED,
            told,
            words[:NAMED_BY],
            amount_paise=net,
            kind=kind,
            channel=self.channel.code,
        )

    def _plant_payout(
        self, reason: Reason, settlement: Settlement, *, amount: int, kind: Kind
    ) -> None:
        self.part.plant(
            reason,
            settlement.ref,
            settlement.utr,
            amount_paise=amount,
            kind=kind,
            channel=self.channel.code,
        )

    def _credit(self, utr: str, amount: int, *, at: datetime) -> str:
        narration = f"NEFT CR-{SETTLING_BANK}0000100-{self.channel.narration}-{utr}"
        self.credits.append(BankLine(at + seconds(self.rng, 240, 1_500), amount, "NTRF", narration))
        return narration

    # ---- what is told

    def _tell(self, payments: Sequence[SamplePayment]) -> None:
        told = [payment for payment in payments if payment.channel_ref not in self.quiet]
        late = set(some(self.rng, told, per_mille=TOLD_LATE))
        for payment in told:
            by_hours = seconds(self.rng, 3_600, 5 * 3_600) if payment in late else None
            self.outbox.say(News.PAID, payment, payment.paid_at, late=by_hours)
            self.part.received(self.channel.code, payment.amount_paise)
        for payment in some(self.rng, told, per_mille=TOLD_AGAIN):
            self.outbox.say(News.PAID, payment, payment.paid_at)
        for payment in some(self.rng, told, per_mille=AUTHORISED):
            between = payment.created_at + (payment.paid_at - payment.created_at) // 2
            self.outbox.say(News.AUTHORISED, payment, between.replace(microsecond=0))
        for payment in some(self.rng, told, per_mille=ORDER_PAID):
            self.outbox.say(News.ORDER_PAID, payment, payment.paid_at)
        self._tell_failures(payments, told)
        after = sum(payment.paid_at >= self.cutoff for payment in payments)
        self.part.not_breaks["paid_after_the_cut_off"] += after
        self.part.not_breaks["told_late"] += len(late)

    def _tell_failures(
        self, payments: Sequence[SamplePayment], told: Sequence[SamplePayment]
    ) -> None:
        if News.FAILED not in self.partner.news:
            return
        for payment in some(self.rng, told, per_mille=FAILED_FIRST):
            self.outbox.say(News.FAILED, payment, payment.created_at)
        late = some(self.rng, told, per_mille=LATE_FAILURE)
        for payment in late:
            self.outbox.say(News.FAILED, payment, payment.paid_at + seconds(self.rng, 60, 600))
        unpaid = some(self.rng, payments, per_mille=FAILURES)
        self.failures = [self._other_order(payment) for payment in unpaid]
        for payment in self.failures:
            self.outbox.say(News.FAILED, payment, payment.paid_at)
        self.part.not_breaks["late_failures"] += len(late)
        self.part.not_breaks["failed_payments"] += len(self.failures)

    # ---- small things

    def _take(self, pool: list[SamplePayment], *, when: bool = True) -> list[SamplePayment]:
        """The next payments of the pool, one discrepancy each; half of a small pool stays well."""
        count = min(self.kinds, len(pool) // 12) if when else 0
        taken = pool[:count]
        del pool[:count]
        return taken

    def _plant(
        self, reason: Reason, payment: SamplePayment, *, kind: Kind, amount: int | None = None
    ) -> None:
        at_stake = payment.amount_paise if amount is None else amount
        self.part.plant(
            reason,
            payment.channel_ref,
            amount_paise=at_stake,
            kind=kind,
            channel=self.channel.code,
        )

    def _by_midnight(self, at: datetime) -> datetime:
        """No later than the end of the day: a settlement is of the day whose report tells it."""
        return min(at, instant(self.day, hour=23, minute=59, second=59))

    def _cycle(self, at: datetime) -> int:
        return bisect_right(self.closings, at)

    def _settle(self, row: ReportRow) -> None:
        """Put a row into the cycle that closes next; after the last one it is tomorrow's."""
        place = self._cycle(self.dated.get(row.channel_ref, row.created_at))
        if place < len(self.settlements):
            settlement = self.settlements[place]
            settlement.rows.append(_placed(row, settlement))

    def _settle_again(self, row: ReportRow) -> None:
        """Put a row into the settlement after its own, too."""
        settlement = self.settlements[self._cycle(row.created_at) + 1]
        settlement.rows.append(_placed(row, settlement))

    def _report(self) -> list[ReportRow]:
        rows: Iterable[ReportRow] = (
            row for settlement in [*self.settlements, self.nil] for row in settlement.rows
        )
        return sorted(rows, key=lambda row: (row.settled_at, row.created_at, row.channel_ref))


def _net(settlements: Iterable[Settlement]) -> int:
    return sum(settlement.net_paise for settlement in settlements)


def _closings(cutoff: datetime) -> list[datetime]:
    """When each cycle closes: the last at the cut-off, the others on the half hours before it."""
    hours = range(CYCLES - 2, -1, -1)
    return [*(cutoff - timedelta(minutes=30 + 60 * hour) for hour in hours), cutoff]


def _placed(row: ReportRow, settlement: Settlement) -> ReportRow:
    return row._replace(
        settlement_ref=settlement.ref, utr=settlement.utr, settled_at=settlement.settled_at
    )


def _refund_row(refund: SampleRefund) -> ReportRow:
    return ReportRow(
        channel_ref=refund.channel_ref,
        word="refund",
        debit_paise=refund.amount_paise,
        credit_paise=0,
        amount_paise=refund.amount_paise,
        fee_paise=0,
        tax_paise=0,
        created_at=refund.created_at,
        settled_at=refund.created_at,
        settlement_ref="",
        utr="",
        description="Refund",
        payment_ref=refund.payment.channel_ref,
        order_ref=refund.payment.order_ref,
        method=refund.payment.method.value,
        network=refund.payment.network,
        issuer=refund.payment.issuer,
    )
