"""A day of bank transfers: the credits, the bank's notices of them, and what goes wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from random import Random
from typing import Final

from channels_.contract import Method
from channels_.simulation import News, SamplePayment, Simulation
from reconciliation.models import Reason
from simulator.bank import BankLine, Utrs
from simulator.chance import BANKING, chance, moments, weighed
from simulator.consumers import RUPEE, SampleConsumer, amount_paid
from simulator.messages import Outbox, Sending, count_repeats
from simulator.scene import TRANSFER, Scene
from simulator.truth import Part

BANKS: Final = ("SBIN", "ICIC", "UTIB", "PUNB", "BARB", "KKBK")
RTGS_LEAST_PAISE: Final = 200_000 * RUPEE
SMALL: Final = ((Method.NEFT, 70), (Method.IMPS, 30))


@dataclass(frozen=True, slots=True)
class TransfersDay:
    """What bank transfers leave behind after a day."""

    messages: list[Sending]
    lines: list[BankLine]
    part: Part


def play_transfers(
    scene: Scene,
    payers: Sequence[SampleConsumer],
    *,
    day: date,
    seed: int,
    utrs: Utrs,
    simulation: Simulation,
    kinds: int,
) -> TransfersDay:
    """Play the transfers of these payers, with so many discrepancies of each kind."""
    rng = chance(seed, day, TRANSFER, len(scene.zones))
    outbox = Outbox(rng, simulation.tell, "bnk_")
    part = Part()
    credited = moments(rng, day=day, count=len(payers), weights=BANKING)
    payments = [_payment(rng, p, at, utrs) for p, at in zip(payers, credited, strict=True)]
    pool = list(payments)
    rng.shuffle(pool)
    each = min(kinds, len(pool) // 8)
    unsaid, unseen, twice, unknown = (
        {payment.utr for payment in pool[place * each : (place + 1) * each]} for place in range(4)
    )
    lines = []
    for payment in payments:
        if payment.utr in unsaid:
            _plant(part, Reason.MISSING_IN_BOOKS, payment, "credited, no notice ever came")
        elif payment.utr in unknown:
            _plant(part, Reason.UNIDENTIFIED_CREDIT, payment, "credited, it names no consumer")
        else:
            outbox.say(News.PAID, payment, payment.paid_at)
            part.received(TRANSFER, payment.amount_paise)
        if payment.utr in unseen:
            _plant(part, Reason.MISSING_IN_CHANNEL, payment, "a notice came, the money did not")
            continue
        line = _line(payment, is_named=payment.utr not in unknown)
        lines.append(line)
        if payment.utr in twice:
            _plant(part, Reason.AMBIGUOUS, payment, "the bank lists the credit twice")
            lines.append(line)
    messages = outbox.in_order()
    part.not_breaks["repeated_messages"] += count_repeats(messages)
    return TransfersDay(messages, lines, part)


def _payment(rng: Random, payer: SampleConsumer, at: datetime, utrs: Utrs) -> SamplePayment:
    amount = amount_paid(rng, payer)
    method = Method.RTGS if amount >= RTGS_LEAST_PAISE else weighed(rng, SMALL)
    bank = rng.choice(BANKS)
    number = {Method.RTGS: utrs.rtgs, Method.NEFT: utrs.neft}.get(method, lambda _: utrs.imps())
    utr = number(bank)
    return SamplePayment(
        channel_ref=utr,
        order_ref="",
        amount_paise=amount,
        method=method,
        network="",
        issuer=bank,
        payer=payer.account,
        mobile=payer.mobile,
        rrn=utr if method is Method.IMPS else "",
        utr=utr,
        consumer_number=payer.number,
        bill_number="",
        created_at=at,
        paid_at=at,
        fee_paise=0,
        tax_paise=0,
    )


def _line(payment: SamplePayment, *, is_named: bool) -> BankLine:
    """The credit as the bank prints it: who paid and, mostly, for which consumer."""
    remark = f"CA {payment.consumer_number}" if is_named else "ELECTRICITY BILL"
    payer = "SAMPLE PAYER"
    if payment.method is Method.IMPS:
        words = f"IMPS-{payment.utr}-{payer}-{payment.issuer}-{remark}"
    else:
        mode = payment.method.value.upper()
        words = f"{mode} CR-{payment.issuer}0000001-{payer}-{remark}-{payment.utr}"
    return BankLine(payment.paid_at, payment.amount_paise, "NTRF", words)


def _plant(part: Part, reason: Reason, payment: SamplePayment, note: str) -> None:
    part.plant(reason, payment.utr, amount_paise=payment.amount_paise, note=note)
