"""A day of bank transfers: the credits, the bank's notices of them, and what goes wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from random import Random
from typing import Final

from channels_.contract import Method, Outcome
from channels_.simulation import Happened, News, SamplePayment
from reconciliation.models import Reason
from simulator.bank import NAMED_BY, BankLine, Utrs
from simulator.chance import BANKING, chance, moments, seconds, some, weighed
from simulator.consumers import RUPEE, SampleConsumer, amount_paid
from simulator.messages import Outbox, Sending, count_repeats
from simulator.scene import PlayedChannel
from simulator.truth import Part

BANKS: Final = ("SBIN", "ICIC", "UTIB", "PUNB", "BARB", "KKBK")
RTGS_LEAST_PAISE: Final = 200_000 * RUPEE
UPI_MOST_PAISE: Final = 100_000 * RUPEE
AT_ONCE: Final = frozenset({Method.IMPS, Method.UPI})  # named by an RRN
TOLD_AGAIN: Final = 20  # in a thousand: by an event of its own

_CUT: Final = 12  # signs of a UTR that is cut short
_WHOLE: Final = 16  # signs of the shortest that is worth cutting


@dataclass(frozen=True, slots=True)
class TransfersDay:
    """What bank transfers leave behind after a day."""

    messages: list[Sending]
    lines: list[BankLine]
    happened: list[Happened]
    part: Part


def play_transfers(
    channel: PlayedChannel,
    payers: Sequence[SampleConsumer],
    *,
    day: date,
    seed: int,
    utrs: Utrs,
    kinds: int,
) -> TransfersDay:
    """Play the transfers of these payers, with so many discrepancies of each kind."""
    rng = chance(seed, day, channel.code)
    partner = channel.simulation
    outbox = Outbox(rng, partner, "bnk_")
    part = Part()
    credited = moments(rng, day=day, count=len(payers), weights=BANKING)
    small = [(method, n) for method, n in partner.methods if method is not Method.RTGS]
    payments = [_payment(rng, p, at, utrs, small) for p, at in zip(payers, credited, strict=True)]
    pool = list(payments)
    rng.shuffle(pool)
    each = min(kinds, len(pool) // 8)
    unsaid, unseen, twice, unknown = (
        {payment.utr for payment in pool[place * each : (place + 1) * each]} for place in range(4)
    )
    rest = [payment for payment in pool[4 * each :] if len(payment.utr) >= _WHOLE]
    cut = {payment.utr for payment in rest[: each // 2]}
    lines, told = [], []
    for payment in payments:
        if payment.utr in unsaid:
            _plant(part, Reason.MISSING_IN_BOOKS, payment, "credited, no notice ever came")
        elif payment.utr in unknown:
            _plant(part, Reason.UNIDENTIFIED_CREDIT, payment, "credited, it names no consumer")
        else:
            outbox.say(News.PAID, payment, payment.paid_at)
            part.received(channel.code, payment.amount_paise)
            told.append(payment)
        if payment.utr in unseen:
            _plant(part, Reason.MISSING_IN_CHANNEL, payment, "a notice came, the money did not")
            continue
        if payment.utr in cut:
            lines.append(_cut_short(part, payment))
            continue
        line = _line(payment, is_named=payment.utr not in unknown)
        lines.append(line)
        if payment.utr in twice:
            _plant(part, Reason.AMBIGUOUS, payment, "the bank lists the credit twice")
            lines.append(line)
    for payment in some(rng, told, per_mille=TOLD_AGAIN):
        outbox.say(News.PAID, payment, payment.paid_at, late=seconds(rng, 600, 6_000))
    messages = outbox.in_order()
    part.not_breaks["repeated_messages"] += count_repeats(messages)
    happened = [Happened(payment, Outcome.SUCCEEDED) for payment in payments]
    return TransfersDay(messages, lines, happened, part)


def _payment(
    rng: Random,
    payer: SampleConsumer,
    at: datetime,
    utrs: Utrs,
    small: Sequence[tuple[Method, int]],
) -> SamplePayment:
    amount = amount_paid(rng, payer)
    method = Method.RTGS if amount >= RTGS_LEAST_PAISE else weighed(rng, small)
    if method is Method.UPI and amount > UPI_MOST_PAISE:
        method = Method.IMPS
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
        rrn=utr if method in AT_ONCE else "",
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
    if payment.method in AT_ONCE:
        words = f"{payment.method.value.upper()}-{payment.utr}-{payer}-{payment.issuer}-{remark}"
    else:
        mode = payment.method.value.upper()
        words = f"{mode} CR-{payment.issuer}0000001-{payer}-{remark}-{payment.utr}"
    return BankLine(payment.paid_at, payment.amount_paise, "NTRF", words)


def _cut_short(part: Part, payment: SamplePayment) -> BankLine:
    """The credit with a UTR that the narration cuts short: neither side finds the other."""
    _plant(part, Reason.MISSING_IN_CHANNEL, payment, "the bank's narration cuts its UTR short")
    line = _line(payment._replace(utr=payment.utr[:_CUT]), is_named=True)
    part.plant(
        Reason.MISSING_IN_BOOKS,
        line.narration[:NAMED_BY],
        amount_paise=payment.amount_paise,
        note="a credit whose UTR the narration cuts short",
    )
    return line


def _plant(part: Part, reason: Reason, payment: SamplePayment, note: str) -> None:
    part.plant(reason, payment.utr, amount_paise=payment.amount_paise, note=note)
