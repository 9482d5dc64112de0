"""Receipt numbers: gapless per series and financial year, because the series row is locked."""

from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from cspdcl.kernel.clock import financial_year, now
from payments.models import Payment, Receipt, ReceiptSeries


class Reserved(NamedTuple):
    """A number that was given on paper before its payment reached us: a window was offline."""

    series: str
    year: str
    number: int


def series_of(payment: Payment) -> str:
    """A counter's own series, else its channel's."""
    return payment.counter.code.upper() if payment.counter else payment.channel.receipt_series


def issue(payments: Sequence[Payment]) -> list[Receipt]:
    """Give each paid payment its receipt, in the order given. Call it last in a transaction.

    The series stays locked until the commit, and a rollback gives the numbers back.
    """
    places = [(series_of(payment), financial_year(payment.business_date)) for payment in payments]
    upcoming = _reserve(Tally(places))
    moment = now()
    made = []
    for payment, place in zip(payments, places, strict=True):
        series, year = place
        made.append(
            Receipt(
                payment=payment,
                series=series,
                year=year,
                number=upcoming[place],
                issued_at=moment,
            )
        )
        upcoming[place] += 1
    return Receipt.objects.bulk_create(made)


def issue_reserved(payment: Payment, *, reserved: Reserved) -> Receipt:
    """Give a paid payment the number that its paper already has. Once only, by the database."""
    use_up(reserved)
    return Receipt.objects.create(
        payment=payment,
        series=reserved.series,
        year=reserved.year,
        number=reserved.number,
        issued_at=now(),
    )


def use_up(reserved: Reserved) -> None:
    """Note that the numbers of a series are given up to this one, also where no payment came."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO payments_receiptseries AS held (series, year, last_number)
            VALUES (%s, %s, %s)
            ON CONFLICT (series, year)
            DO UPDATE SET last_number = greatest(held.last_number, EXCLUDED.last_number)
            """,
            [*reserved],
        )


def is_given(reserved: Reserved) -> bool:
    """Whether a receipt has this number."""
    series, year, number = reserved
    return Receipt.objects.filter(series=series, year=year, number=number).exists()


def last_given(series: str, *, year: str) -> int:
    """The last number given in a series and year; 0 before the first."""
    found = ReceiptSeries.objects.filter(series=series, year=year)
    return found.values_list("last_number", flat=True).first() or 0


def lock(series: str, *, years: Iterable[str]) -> None:
    """Hold a series, so that whatever else its counter does waits for this transaction."""
    _reserve(Tally({(series, year): 0 for year in years}))


def cancel(payment: Payment, *, at: datetime) -> None:
    """Mark the receipt as cancelled; its number stays used."""
    Receipt.objects.filter(payment=payment, cancelled_at__isnull=True).update(cancelled_at=at)


def cancel_all(payments: Sequence[Payment], *, at: datetime) -> None:
    """The same for many payments that fall together."""
    standing = Receipt.objects.filter(payment__in=payments, cancelled_at__isnull=True)
    standing.update(cancelled_at=at)


def _reserve(wanted: Tally[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The first number of each run, the runs reserved; always in one order, against deadlock."""
    first: dict[tuple[str, str], int] = {}
    with connection.cursor() as cursor:
        for (series, year), count in sorted(wanted.items()):
            cursor.execute(
                """
                INSERT INTO payments_receiptseries AS held (series, year, last_number)
                VALUES (%s, %s, %s)
                ON CONFLICT (series, year)
                DO UPDATE SET last_number = held.last_number + EXCLUDED.last_number
                RETURNING last_number
                """,
                [series, year, count],
            )
            first[series, year] = cursor.fetchone()[0] - count + 1
    return first
