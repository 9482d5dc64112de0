"""Reading payments. ``*_visible_to(user)`` is the only door to a row."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import chain
from typing import Any, Final, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from channels_.models import Channel
from channels_.selectors import reads_messages
from cspdcl.kernel.ids import is_reference
from cspdcl.kernel.money import NotMoney, grouped_rupees, paise_from_rupees
from payments.dues import Owed, coverings_of_many, outstanding
from payments.models import (
    Bill,
    Consumer,
    Counter,
    Deposit,
    OwedReply,
    Payment,
    PaymentEvent,
    Receipt,
    Refund,
    RefusedAsk,
    Tender,
)
from payments.states import PAID, State
from people.access import offices_of, sees_everything
from people.models import User

Somebody = User | AnonymousUser
Row = TypeVar("Row", bound=Model)

_LABEL: Final = re.compile(r"([A-Za-z0-9-]{1,24})/(\d{4}-\d{2})/(\d{1,18})")
_WORD_MAX: Final = 64
COUNTER_ADAPTER: Final = "counter"
_PARTNER_DIGITS: Final = 10
_FOUND_MAX: Final = 2000  # cheques of one number, accounts of one partner: the latest of more


# An app above this one may keep payments from a person for a time: a clerk who counts a drawer must
# not add up its receipts. It answers with the ids of the payments, or with None.
Veil = Callable[[Somebody], QuerySet[Any] | None]
_veils: dict[str, Veil] = {}


def veil_by(name: str, veil: Veil) -> None:
    """Let an app above this one keep payments from a person; once per name."""
    _veils[name] = veil


_hidden_sums: dict[str, Callable[[Somebody], bool]] = {}


def hide_sums_by(name: str, hides: Callable[[Somebody], bool]) -> None:
    """Let an app above this one keep sums from a person who may see the rows; once per name."""
    _hidden_sums[name] = hides


def hides_sums(user: Somebody) -> bool:
    """Whether lists show this person rows, and no sums of them."""
    return any(hides(user) for hides in _hidden_sums.values())


def payments_visible_to(user: Somebody) -> QuerySet[Payment]:
    """Payments of the user's offices; of all for who sees everything."""
    return _unveiled(_of_offices(Payment.objects.all(), user, "office"), user, "pk")


def consumers_visible_to(user: Somebody) -> QuerySet[Consumer]:
    """Consumers of the user's offices."""
    return _of_offices(Consumer.objects.all(), user, "office")


def bills_visible_to(user: Somebody) -> QuerySet[Bill]:
    """Bills of the consumers of the user's offices."""
    return _of_offices(Bill.objects.all(), user, "consumer__office")


def counters_visible_to(user: Somebody) -> QuerySet[Counter]:
    """Counters that stand in the user's offices."""
    return _of_offices(Counter.objects.all(), user, "office")


def deposits_visible_to(user: Somebody) -> QuerySet[Deposit]:
    """Deposits of the user's offices."""
    return _of_offices(Deposit.objects.all(), user, "office")


def receipts_visible_to(user: Somebody) -> QuerySet[Receipt]:
    """Receipts of the payments of the user's offices."""
    return _unveiled(_of_offices(Receipt.objects.all(), user, "payment__office"), user, "payment")


def refunds_visible_to(user: Somebody) -> QuerySet[Refund]:
    """Refunds of the payments of the user's offices."""
    return _of_offices(Refund.objects.all(), user, "payment__office")


def refused_asks_visible_to(user: Somebody) -> QuerySet[RefusedAsk]:
    """Partners' questions that were refused, for those who see the partners' messages."""
    return RefusedAsk.objects.all() if reads_messages(user) else RefusedAsk.objects.none()


def owed_replies_visible_to(user: Somebody) -> QuerySet[OwedReply]:
    """Answers owed to partners, for the same; the questions themselves stay sealed."""
    rows = OwedReply.objects.defer("question")
    return rows if reads_messages(user) else rows.none()


def counter_channels() -> QuerySet[Channel]:
    """The live channels that counters take money for, in the order of the boards."""
    return Channel.objects.filter(adapter=COUNTER_ADAPTER, is_live=True).order_by(
        "position", "code"
    )


def consumer_who_pays(number: str) -> Consumer | None:
    """Anybody may pay at any counter: found by the whole number only, whatever the office."""
    if not number.isdecimal():
        return None
    exact = Consumer.objects.select_related("office").filter(number=number).first()
    if exact is not None:
        return exact
    accounts = list(Consumer.objects.select_related("office").filter(business_partner=number)[:2])
    return accounts[0] if len(accounts) == 1 else None


def dues_of(consumer: Consumer) -> list[Bill]:
    """Bills not yet paid, oldest first, each with paid_paise and outstanding_paise."""
    return dues_of_many([consumer.pk])[consumer.pk]


def dues_of_many(consumer_ids: Iterable[int]) -> dict[int, list[Bill]]:
    """The same for many consumers, by their ids, in two queries."""
    bills_of: dict[int, list[Bill]] = {key: [] for key in consumer_ids}
    for bill in Bill.objects.filter(consumer__in=list(bills_of)).order_by("due_on", "id"):
        bills_of[bill.consumer_id].append(bill)
    owed_of = {
        key: [Owed(bill.pk, bill.amount_paise, bill.issued_on, bill.due_on) for bill in bills]
        for key, bills in bills_of.items()
    }
    paid_of = coverings_of_many(owed_of)
    for key, bills in bills_of.items():
        left = outstanding(owed_of[key], paid_of.get(key, []))
        for bill in bills:
            bill.outstanding_paise = left[bill.pk]
            bill.paid_paise = bill.amount_paise - bill.outstanding_paise
    return {
        key: [bill for bill in bills if bill.outstanding_paise] for key, bills in bills_of.items()
    }


def search(payments: QuerySet[Payment], words: str) -> QuerySet[Payment]:
    """Narrow payments to what a person typed, by its shape; always by an indexed column.

    Reference, channel_ref, order, UTR, RRN, consumer number, business partner, receipt, cheque
    number or amount in rupees.
    """
    text = words.strip()
    if not text:
        return payments
    if "\0" in text or len(text) > _WORD_MAX:
        return payments.none()
    if is_reference(text):
        return payments.filter(reference__in=_reference_forms(text))
    label = _LABEL.fullmatch(text)
    if label is not None:
        numbered = Receipt.objects.filter(
            series=label[1].upper(), year=label[2], number=int(label[3])
        )
        return payments.filter(pk__in=numbered.values("payment_id"))
    # Their ids are found through their channels: the index begins with the channel.
    channels = list(Channel.objects.values_list("pk", flat=True))
    condition = Q(channel__in=channels, channel_ref=text)
    condition |= Q(order_ref=text) | Q(utr=text.upper())
    condition |= Q(reference=text.upper())
    if text.isdecimal() and text.isascii():
        condition |= _digits(text)
    amount = _amount(text)
    if amount is not None:
        condition |= Q(amount_paise=amount)
    return payments.filter(condition)


def timeline(payment: Payment) -> list[Mapping[str, Any]]:
    """What happened to a payment, oldest first: ``{at, icon, text, detail}`` rows.

    The row of an event carries the ``message`` it came in, if any.
    """
    rows: list[dict[str, Any]] = [
        {
            "at": payment.created_at,
            "icon": "flag",
            "text": _("Started"),
            "detail": f"{payment.channel.name}, {grouped_rupees(payment.amount_paise)}",
        }
    ]
    events = payment.events.select_related("message__channel").order_by("id")
    receipt = Receipt.objects.filter(payment=payment).first()
    rows += chain(
        (_event_row(event) for event in events),
        _receipt_rows(receipt),
        _deposit_rows(payment.deposit),
        (_refund_row(refund) for refund in payment.refunds.order_by("id")),
    )
    return sorted(rows, key=_when)


def paid(payments: QuerySet[Payment]) -> QuerySet[Payment]:
    """Those that succeeded, also the ones that were reversed afterwards."""
    return payments.filter(state__in=PAID)


def _of_offices(rows: QuerySet[Row], user: Somebody, path: str) -> QuerySet[Row]:
    if sees_everything(user):
        return rows
    return rows.filter(**{f"{path}__in": offices_of(user)})


def _unveiled(rows: QuerySet[Row], user: Somebody, path: str) -> QuerySet[Row]:
    veiled = [keys for veil in _veils.values() if (keys := veil(user)) is not None]
    for keys in veiled:
        rows = rows.exclude(**{f"{path}__in": keys})
    return rows


def _reference_forms(text: str) -> list[str]:
    """As typed and as printed: somebody may leave the hyphens out."""
    bare = text.replace("-", "").upper()
    return [text.upper(), f"{bare[:5]}-{bare[5:13]}-{bare[13:]}"]


def _digits(text: str) -> Q:
    """Looked up beforehand: a subquery beside other choices would be asked of every payment."""
    condition = Q(consumer_number=text) | Q(rrn=text)
    papers = Tender.objects.filter(instrument=text).order_by("-payment_id")
    condition |= Q(pk__in=list(papers.values_list("payment_id", flat=True)[:_FOUND_MAX]))
    if len(text) == _PARTNER_DIGITS:
        accounts = Consumer.objects.filter(business_partner=text).order_by("pk")
        condition |= Q(consumer__in=list(accounts.values_list("pk", flat=True)[:_FOUND_MAX]))
    return condition


def _amount(text: str) -> int | None:
    try:
        amount = paise_from_rupees(text.removeprefix("₹"))
    except NotMoney:
        return None
    return amount if amount > 0 else None


def _event_row(event: PaymentEvent) -> dict[str, Any]:
    icons = {
        State.PENDING: "clock",
        State.SUCCEEDED: "circle-check",
        State.FAILED: "circle-x",
        State.REVERSED: "arrow-back-up",
    }
    heard = event.message
    detail = event.cause if heard is None else f"{event.cause}, event {heard.event_key}"
    return {
        "at": event.at,
        "icon": icons.get(State(event.to_state), "point"),
        "text": State(event.to_state).label.capitalize(),
        "detail": f"{detail}, {event.actor}" if event.actor else detail,
        "message": heard,
    }


def _receipt_rows(receipt: Receipt | None) -> list[dict[str, Any]]:
    if receipt is None:
        return []
    rows = [
        {
            "at": receipt.issued_at,
            "icon": "receipt",
            "text": _("Receipt issued"),
            "detail": receipt.label,
        }
    ]
    if receipt.cancelled_at is not None:
        rows.append(
            {
                "at": receipt.cancelled_at,
                "icon": "receipt-off",
                "text": _("Receipt cancelled"),
                "detail": receipt.label,
            }
        )
    return rows


def _deposit_rows(deposit: Deposit | None) -> list[dict[str, Any]]:
    if deposit is None:
        return []
    return [
        {
            "at": deposit.made_at,
            "icon": "building-bank",
            "text": _("On a deposit slip"),
            "detail": deposit.reference,
        }
    ]


def _refund_row(refund: Refund) -> dict[str, Any]:
    return {
        "at": refund.updated_at,
        "icon": "arrow-back",
        "text": _("Refund %(state)s") % {"state": Refund.State(refund.state).label},
        "detail": f"{refund.channel_ref}, {grouped_rupees(refund.amount_paise)}",
    }


def _when(row: Mapping[str, Any]) -> datetime:
    at: datetime = row["at"]
    return at
