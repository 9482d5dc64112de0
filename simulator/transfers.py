"""A day of bank transfers: the credits, the bank's notices of them, and what goes wrong."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from random import Random
from typing import Final

from channels_.contract import Method, Outcome
from channels_.simulation import Happened, News, SamplePayment
from reconciliation.models import Reason
from simulator.bank import NAMED_BY, BankLine, Utrs, exchanged, mistyped
from simulator.chance import BANKING, chance, moments, seconds, some, weighed
from simulator.consumers import RUPEE, SampleConsumer, amount_paid
from simulator.kinds import Kind
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
_SPOILERS: Final[Mapping[Kind, Callable[[str], str]]] = {
    Kind.UTR_CUT: lambda utr: utr[:_CUT],
    Kind.UTR_MISTYPED: mistyped,
    Kind.UTR_EXCHANGED: exchanged,
}


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
    unsaid, unseen, twice, unknown, otherwise = (
        {payment.utr for payment in pool[place * each : (place + 1) * each]} for place in range(5)
    )
    rest = [payment for payment in pool[5 * each :] if len(payment.utr) >= _WHOLE]
    spoilt = {one.utr: kind for one, kind in zip(rest[: len(rest) // 2], _SPOILERS, strict=False)}
    lines, told = [], []

    def plant(reason: Reason, payment: SamplePayment, kind: Kind, amount: int = 0) -> None:
        at_stake = amount or payment.amount_paise
        part.plant(reason, payment.utr, amount_paise=at_stake, kind=kind, channel=channel.code)

    for payment in payments:
        if payment.utr in unsaid:
            plant(Reason.MISSING_IN_BOOKS, payment, Kind.NOT_TOLD)
        elif payment.utr in unknown:
            plant(Reason.UNIDENTIFIED_CREDIT, payment, Kind.NAMELESS)
        else:
            outbox.say(News.PAID, payment, payment.paid_at)
            part.received(channel.code, payment.amount_paise)
            told.append(payment)
        if payment.utr in unseen:
            plant(Reason.MISSING_IN_CHANNEL, payment, Kind.NOT_RECEIVED)
            continue
        if kind := spoilt.get(payment.utr):
            lines.append(_spoilt(part, payment, kind=kind, channel=channel.code))
            continue
        if payment.utr in otherwise:
            difference = rng.randint(1, 90) * RUPEE
            plant(Reason.AMOUNT_DIFFERS, payment, Kind.OTHER_AMOUNT, difference)
            credited_paise = payment.amount_paise + difference
            lines.append(_line(payment._replace(amount_paise=credited_paise), is_named=True))
            continue
        line = _line(payment, is_named=payment.utr not in unknown)
        lines.append(line)
        if payment.utr in twice:
            plant(Reason.AMBIGUOUS, payment, Kind.CREDITED_TWICE)
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


def _spoilt(part: Part, payment: SamplePayment, *, kind: Kind, channel: str) -> BankLine:
    """The credit with a UTR that the narration tells otherwise: neither side finds the other."""
    told = _SPOILERS[kind](payment.utr)
    line = _line(payment._replace(utr=told), is_named=True)
    amount = payment.amount_paise
    part.plant(
        Reason.MISSING_IN_CHANNEL, payment.utr, amount_paise=amount, kind=kind, channel=channel
    )
    part.plant(
        Reason.MISSING_IN_BOOKS,
        told,
        line.narration[:NAMED_BY],
        amount_paise=amount,
        kind=kind,
        channel=channel,
    )
    return line
