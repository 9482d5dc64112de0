"""A gateway's day: payments, refunds and failures, fourteen settlements, and what goes wrong."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from channels_.contract import Method
from channels_.simulation import News, ReportRow, SamplePayment, SampleRefund, Simulation
from reconciliation.models import Reason
from simulator.bank import BankLine, Utrs
from simulator.chance import (
    ONLINE,
    chance,
    digits,
    identifier,
    instant,
    moments,
    seconds,
    some,
    weighed,
)
from simulator.consumers import RUPEE, SampleConsumer, amount_paid
from simulator.messages import Outbox, Sending, count_repeats
from simulator.scene import GATEWAY, Scene
from simulator.truth import Part

CYCLES: Final = 14
METHODS: Final = ((Method.UPI, 80), (Method.CARD, 12), (Method.NETBANKING, 8))
NETWORKS: Final = (("Visa", 40), ("RuPay", 35), ("MasterCard", 25))
BANKS: Final = ("SBIN", "HDFC", "ICIC", "UTIB", "PUNB", "BARB")
SETTLING_BANK: Final = "UTIB"

# In a thousand payments: how often each unevenness happens that is no discrepancy.
AUTHORISED: Final = 150
ORDER_PAID: Final = 50
FAILED_FIRST: Final = 10
LATE_FAILURE: Final = 3
FAILURES: Final = 60  # on top of the payments
REFUNDS: Final = 5

_LARGE_NET: Final = 5_000 * RUPEE  # a settlement that bears a debit of a discrepancy


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
    """What a gateway leaves behind after a day."""

    messages: list[Sending]
    report: list[ReportRow]
    credits: list[BankLine]
    part: Part


def play_gateway(
    scene: Scene,
    payers: Sequence[SampleConsumer],
    *,
    day: date,
    seed: int,
    utrs: Utrs,
    simulation: Simulation,
    kinds: int,
) -> GatewayDay:
    """Play the day of these payers, with so many discrepancies of each kind."""
    play = _Play(scene, day=day, seed=seed, utrs=utrs, simulation=simulation, kinds=kinds)
    return play.run(payers)


class _Play:
    """The day while it is played."""

    def __init__(
        self,
        scene: Scene,
        *,
        day: date,
        seed: int,
        utrs: Utrs,
        simulation: Simulation,
        kinds: int,
    ) -> None:
        self.scene = scene
        self.day = day
        self.rng = chance(seed, day, GATEWAY)
        self.outbox = Outbox(self.rng, simulation.tell, "evt_")
        self.part = Part()
        self.kinds = kinds
        self.cutoff = instant(day, hour=scene.cutoff.hour, minute=scene.cutoff.minute)
        self.closings = _closings(self.cutoff)
        self.settlements = [
            Settlement(
                ref=identifier(self.rng, "setl_"),
                utr=utrs.neft(SETTLING_BANK),
                settled_at=closing + timedelta(minutes=30),
            )
            for closing in self.closings
        ]
        self.nil = Settlement(
            ref=identifier(self.rng, "setl_"),
            utr=utrs.neft(SETTLING_BANK),
            settled_at=self.cutoff + timedelta(minutes=75),
        )
        self.stray_utrs = [utrs.neft(SETTLING_BANK) for _ in range(kinds)]
        self.quiet: set[str] = set()  # payments of which no success is ever told
        self.credits: list[BankLine] = []

    def run(self, payers: Sequence[SampleConsumer]) -> GatewayDay:
        payments = self._payments(payers)
        pool = [payment for payment in payments if payment.paid_at < self.cutoff]
        self.rng.shuffle(pool)
        rows = {payment.channel_ref: [self._row(payment)] for payment in payments}
        self._spoil_rows(pool, rows)
        refunds = self._refunds(pool, payments)
        self._nil_settlement(pool, rows)
        self._pay_twice(pool, rows)
        for row in (row for several in rows.values() for row in several):
            self._settle(row)
        for refund in refunds:
            self._settle(_refund_row(refund))
        self._foreign_rows(pool)
        self._pay_out()
        self._tell(payments)
        messages = self.outbox.in_order()
        self.part.not_breaks["repeated_messages"] += count_repeats(messages)
        return GatewayDay(messages, self._report(), self.credits, self.part)

    # ---- what happens

    def _payments(self, payers: Sequence[SampleConsumer]) -> list[SamplePayment]:
        paid = moments(self.rng, day=self.day, count=len(payers), weights=ONLINE)
        return [self._payment(payer, at) for payer, at in zip(payers, paid, strict=True)]

    def _payment(
        self, payer: SampleConsumer, paid_at: datetime, *, order_ref: str = ""
    ) -> SamplePayment:
        rng = self.rng
        method = weighed(rng, METHODS)
        amount = amount_paid(rng, payer)
        fee, tax = self.scene.fee_of(amount, method=method.value)
        # Begun and paid on the same side of the cut-off: which day a payment counts for is not the
        # question a simulated day asks.
        earliest = self.cutoff if paid_at >= self.cutoff else instant(self.day)
        begun = max(paid_at - seconds(rng, 6, 150), earliest)
        last4 = payer.number[-4:]
        return SamplePayment(
            channel_ref=identifier(rng, "pay_"),
            order_ref=order_ref or identifier(rng, "order_"),
            amount_paise=amount,
            method=method,
            network=weighed(rng, NETWORKS) if method is Method.CARD else "",
            issuer=rng.choice(BANKS),
            payer=payer.upi if method is Method.UPI else last4,
            mobile=payer.mobile,
            rrn=f"{self.day:%y%j}"[1:] + digits(rng, 8),
            utr="",
            consumer_number=payer.number,
            bill_number=payer.bill_number,
            created_at=begun,
            paid_at=paid_at,
            fee_paise=fee,
            tax_paise=tax,
        )

    def _refunds(
        self, pool: list[SamplePayment], payments: Sequence[SamplePayment]
    ) -> list[SampleRefund]:
        """Refunds of the day: told by webhooks, and in the report of the same day."""
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

    def _refund(self, payment: SamplePayment, amount: int, *, told: bool = True) -> SampleRefund:
        created = payment.paid_at + seconds(self.rng, 1_800, 7_200)
        refund = SampleRefund(
            channel_ref=identifier(self.rng, "rfnd_"),
            payment=payment,
            amount_paise=amount,
            created_at=created,
            processed_at=created + seconds(self.rng, 60, 600),
            rrn=f"{self.day:%y%j}"[1:] + digits(self.rng, 8),
        )
        if told:
            self.outbox.say(News.REFUND_CREATED, refund, refund.created_at)
            self.outbox.say(News.REFUND_PROCESSED, refund, refund.processed_at)
        return refund

    def _row(self, payment: SamplePayment, *, amount: int = 0) -> ReportRow:
        """The report's row of a payment, with an amount of its own if one is given."""
        gross = amount or payment.amount_paise
        fee, tax = self.scene.fee_of(gross, method=payment.method.value)
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
            self._plant(Reason.MISSING_IN_CHANNEL, payment, note="captured, but not in the report")
        for payment in self._take(pool):
            self.quiet.add(payment.channel_ref)
            self._plant(
                Reason.MISSING_IN_BOOKS, payment, note="in the report, no webhook ever came"
            )
        for payment in self._take(pool):
            self.quiet.add(payment.channel_ref)
            self.outbox.say(News.FAILED, payment, payment.paid_at)
            self._plant(Reason.STATUS_DIFFERS, payment, note="told as failed, reported as paid")
        for payment in self._take(pool):
            self._change_amount(payment, rows)
        for payment in self._take(pool):
            self._change_fee(payment, rows)
        for payment in self._take(pool):
            rows[payment.channel_ref] *= 2
            self._plant(Reason.DUPLICATE, payment, note="the same row twice, and paid twice")

    def _change_amount(self, payment: SamplePayment, rows: dict[str, list[ReportRow]]) -> None:
        least = -min(payment.amount_paise // RUPEE - 1, 90)
        difference = (self.rng.choice([d for d in range(least, 91) if d]) or 1) * RUPEE
        rows[payment.channel_ref] = [self._row(payment, amount=payment.amount_paise + difference)]
        self._plant(
            Reason.AMOUNT_DIFFERS,
            payment,
            amount=abs(difference),
            note="webhook and report name different amounts",
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
            note="fee and GST above the rate card",
        )

    def _pay_twice(self, pool: list[SamplePayment], rows: dict[str, list[ReportRow]]) -> None:
        """Two captured payments for one order: both are real money, one is too much."""
        for first in self._take(pool):
            later = first.paid_at + seconds(self.rng, 40, 240)
            if later >= self.cutoff:
                later = first.paid_at
            second = first._replace(
                channel_ref=identifier(self.rng, "pay_"),
                rrn=f"{self.day:%y%j}"[1:] + digits(self.rng, 8),
                created_at=later,
                paid_at=later,
            )
            rows[second.channel_ref] = [self._row(second)]
            self.outbox.say(News.PAID, second, second.paid_at)
            self.part.received(GATEWAY, second.amount_paise)
            self.part.plant(
                Reason.DUPLICATE,
                first.channel_ref,
                second.channel_ref,
                amount_paise=first.amount_paise,
                note="one order paid twice",
            )

    # ---- what goes wrong with the report and the bank

    def _nil_settlement(self, pool: list[SamplePayment], rows: dict[str, list[ReportRow]]) -> None:
        """A last small cycle whose refund eats its payment: it pays nothing, rightly."""
        early = [
            p
            for p in pool
            if p.method is Method.UPI and p.paid_at < self.cutoff - timedelta(hours=3)
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
        for payment in self._take([p for p in pool if p.paid_at < self.closings[-4]]):
            pool.remove(payment)
            refund = self._refund(payment, payment.amount_paise, told=False)
            if self._bear(_refund_row(refund)):
                self.part.plant(
                    Reason.REFUND_UNMATCHED,
                    refund.channel_ref,
                    amount_paise=refund.amount_paise,
                    note="a refund that nobody asked for",
                )
        for _ in range(self.kinds):
            row = self._debit("adj_", "adjustment", description="Chargeback")
            row = row._replace(
                dispute_ref=identifier(self.rng, "disp_"),
                payment_ref=identifier(self.rng, "pay_"),
            )
            if self._bear(row):
                self.part.plant(
                    Reason.CHARGEBACK,
                    row.channel_ref,
                    row.dispute_ref,
                    amount_paise=row.amount_paise,
                    note="the payer's bank took the money back",
                )
        for _ in range(self.kinds):
            row = self._debit("rsv_", "reserve_hold", description="Reserve")
            if self._bear(row):
                self.part.plant(
                    Reason.UNKNOWN_CODE,
                    row.channel_ref,
                    amount_paise=row.amount_paise,
                    note="a kind of row that is in no contract",
                )

    def _debit(self, prefix: str, word: str, *, description: str) -> ReportRow:
        amount = self.rng.randint(100, 900) * RUPEE
        at = self.rng.choice(self.closings[3:]) - seconds(self.rng, 60, 3_000)
        return ReportRow(
            channel_ref=identifier(self.rng, prefix),
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
        """One credit per settlement, but for those that go wrong or pay nothing."""
        paying = [s for s in self.settlements if s.net_paise > 0]
        amiss = [s for s in paying if s.net_paise >= _LARGE_NET]
        self.rng.shuffle(amiss)
        for settlement in amiss[:2]:
            paying.remove(settlement)
            self.part.plant(
                Reason.SETTLED_NOT_CREDITED,
                settlement.ref,
                amount_paise=settlement.net_paise,
                note="reported as settled, the bank has no such credit",
            )
        wrong: dict[str, int] = {}
        for settlement in amiss[2:6]:
            is_short = len(wrong) < 2
            difference = self.rng.randint(100, 90_000)
            wrong[settlement.ref] = -difference if is_short else difference
            self.part.plant(
                Reason.SHORT_CREDIT if is_short else Reason.EXCESS_CREDIT,
                settlement.ref,
                amount_paise=difference,
                note=f"the bank paid {'less' if is_short else 'more'} than the settlement",
            )
        for settlement in paying:
            amount = settlement.net_paise + wrong.get(settlement.ref, 0)
            self._credit(settlement.utr, amount, at=settlement.settled_at)
        for utr in self.stray_utrs:
            amount = self.rng.randint(20_000, 400_000) * RUPEE + self.rng.randrange(RUPEE)
            self._credit(utr, amount, at=self.rng.choice(self.closings))
            self.part.plant(
                Reason.CREDITED_NOT_SETTLED,
                utr,
                amount_paise=amount,
                note="a settlement credit that no report knows",
            )
        nils = [s for s in [*self.settlements, self.nil] if s.rows and s.net_paise <= 0]
        self.part.not_breaks["settlements_that_pay_nothing"] += len(nils)

    def _credit(self, utr: str, amount: int, *, at: datetime) -> None:
        narration = f"NEFT CR-{SETTLING_BANK}0000100-RAZORPAY SETTLEMENT-{utr}"
        self.credits.append(BankLine(at + seconds(self.rng, 240, 1_500), amount, "NTRF", narration))

    # ---- what is told

    def _tell(self, payments: Sequence[SamplePayment]) -> None:
        told = [payment for payment in payments if payment.channel_ref not in self.quiet]
        for payment in told:
            self.outbox.say(News.PAID, payment, payment.paid_at)
            self.part.received(GATEWAY, payment.amount_paise)
        for payment in some(self.rng, told, per_mille=AUTHORISED):
            between = payment.created_at + (payment.paid_at - payment.created_at) // 2
            self.outbox.say(News.AUTHORISED, payment, between.replace(microsecond=0))
        for payment in some(self.rng, told, per_mille=ORDER_PAID):
            self.outbox.say(News.ORDER_PAID, payment, payment.paid_at)
        for payment in some(self.rng, told, per_mille=FAILED_FIRST):
            self.outbox.say(News.FAILED, payment, payment.created_at)
        late = some(self.rng, told, per_mille=LATE_FAILURE)
        for payment in late:
            self.outbox.say(News.FAILED, payment, payment.paid_at + seconds(self.rng, 60, 600))
        failures = self._failures(payments)
        for payment in failures:
            self.outbox.say(News.FAILED, payment, payment.paid_at)
        after = sum(payment.paid_at >= self.cutoff for payment in payments)
        self.part.not_breaks["paid_after_the_cut_off"] += after
        self.part.not_breaks["late_failures"] += len(late)
        self.part.not_breaks["failed_payments"] += len(failures)

    def _failures(self, payments: Sequence[SamplePayment]) -> list[SamplePayment]:
        return [
            payment._replace(
                channel_ref=identifier(self.rng, "pay_"),
                order_ref=identifier(self.rng, "order_"),
            )
            for payment in some(self.rng, payments, per_mille=FAILURES)
        ]

    # ---- small things

    def _take(self, pool: list[SamplePayment]) -> list[SamplePayment]:
        """The next payments of the pool, one discrepancy each; half of a small pool stays well."""
        count = min(self.kinds, len(pool) // 12)
        taken = pool[:count]
        del pool[:count]
        return taken

    def _plant(
        self, reason: Reason, payment: SamplePayment, *, note: str, amount: int | None = None
    ) -> None:
        at_stake = payment.amount_paise if amount is None else amount
        self.part.plant(reason, payment.channel_ref, amount_paise=at_stake, note=note)

    def _cycle(self, at: datetime) -> int:
        return bisect_right(self.closings, at)

    def _settle(self, row: ReportRow) -> None:
        """Put a row into the cycle that closes next; after the last one it is tomorrow's."""
        place = self._cycle(row.created_at)
        if place < len(self.settlements):
            settlement = self.settlements[place]
            settlement.rows.append(_placed(row, settlement))

    def _report(self) -> list[ReportRow]:
        rows: Iterable[ReportRow] = (
            row for settlement in [*self.settlements, self.nil] for row in settlement.rows
        )
        return sorted(rows, key=lambda row: (row.settled_at, row.created_at, row.channel_ref))


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
