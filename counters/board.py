"""What the pages of the counters read: who pays, which channel a tender goes to, a day's sums."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Count, QuerySet, Sum

from channels_.contract import Method
from channels_.models import Channel
from payments.models import Counter, Payment, Receipt
from payments.selectors import (
    Somebody,
    payments_visible_to,
    receipts_visible_to,
)
from payments.states import State


@dataclass(slots=True)
class Taken:
    """Count and sum of what was taken."""

    count: int = 0
    paise: int = 0


@dataclass(slots=True)
class CounterDay:
    """One counter on one day: what it took by tender, and what waits for a deposit slip."""

    counter: Counter
    cash: Taken = field(default_factory=Taken)
    paper: Taken = field(default_factory=Taken)
    cancelled: Taken = field(default_factory=Taken)
    waiting: list[tuple[Channel, Taken]] = field(default_factory=list)  # of any day, by channel

    @property
    def receipts(self) -> int:
        """How many receipts stand."""
        return self.cash.count + self.paper.count

    @property
    def paise(self) -> int:
        """What was taken in all."""
        return self.cash.paise + self.paper.paise

    @property
    def waiting_paise(self) -> int:
        """What no slip carries yet."""
        return sum(taken.paise for _channel, taken in self.waiting)


def counter_days(counters: Sequence[Counter], *, on: date) -> list[CounterDay]:
    """The day of each counter, in three queries however many they are."""
    days = {counter.pk: CounterDay(counter) for counter in counters}
    of_day = (
        Payment.objects.filter(counter__in=days, business_date=on)
        .values("counter_id", "method", "state")
        .annotate(count=Count("pk"), paise=Sum("amount_paise"))
    )
    for row in of_day:
        day = days[row["counter_id"]]
        if row["state"] == State.REVERSED:
            _add(day.cancelled, row["count"], row["paise"])
        elif row["state"] == State.SUCCEEDED:
            tendered = day.cash if row["method"] == Method.CASH else day.paper
            _add(tendered, row["count"], row["paise"])
    channels = {channel.pk: channel for channel in Channel.objects.all()}
    undeposited = (
        Payment.objects.filter(
            counter__in=days,
            state=State.SUCCEEDED,
            deposit__isnull=True,
            business_date__lte=on,
            channel__route=Channel.Route.DEPOSIT,  # cards come with the terminal's settlement
        )
        .values("counter_id", "channel_id")
        .annotate(count=Count("pk"), paise=Sum("amount_paise"))
        .order_by("channel__position")
    )
    for one in undeposited:
        waiting = (channels[one["channel_id"]], Taken(one["count"], one["paise"]))
        days[one["counter_id"]].waiting.append(waiting)
    return list(days.values())


def _add(taken: Taken, count: int, paise: int) -> None:
    taken.count += count
    taken.paise += paise


def last_receipts(user: Somebody, counter: Counter, *, limit: int = 5) -> list[Receipt]:
    """The latest receipts of a counter, newest first."""
    rows = receipts_visible_to(user).filter(payment__counter=counter)
    return list(
        rows.select_related("payment__counter")
        .prefetch_related("payment__tenders")
        .order_by("-payment__business_date", "-payment_id")[:limit]
    )


def payments_of(user: Somebody, counter: Counter, *, on: date) -> QuerySet[Payment]:
    """What a counter took on a day, newest first, with all that a list shows."""
    return (
        payments_visible_to(user)
        .filter(counter=counter, business_date=on)
        .select_related("channel", "receipt", "deposit")
        .prefetch_related("tenders")
        .order_by("-id")
    )
