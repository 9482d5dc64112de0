"""Payments that begin with us: the consumer is about to pay, the reference travels to the channel.

What becomes of one is told by the channel, never by the clock: an order that has expired is not
offered any more, but money that comes for it later is real and counts.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from channels_ import upi
from channels_.models import Channel
from channels_.upi import PayLink
from cspdcl.kernel.clock import now
from cspdcl.kernel.money import Paise
from payments.actions import NotPayable, SubmittedBefore, lock_words, start_payment
from payments.models import Bill, Consumer, Payment, SubmittedForm
from payments.selectors import payments_visible_to
from payments.states import State
from people.models import User

SETTING: Final = "order_minutes"  # in Channel.settings: how long the payer may take
MINUTES: Final = 15
MINUTES_MAX: Final = 24 * 60
UPI_ADAPTER: Final = "upi_bank"

_KEY_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Begun:
    """A payment that waits for its payer; ``is_new`` false means that this key has begun it."""

    payment: Payment
    expires_at: datetime
    is_new: bool


@transaction.atomic
def begin(
    channel: Channel,
    *,
    consumer: Consumer,
    amount_paise: int,
    actor: User | str,
    submit_key: str,
    bill: Bill | None = None,
) -> Begun:
    """Begin one payment. The same key twice is the same payment; for another it is refused.

    The key's word is locked before the form is looked for: two presses at once take turns, the
    second finds what the first has begun. An order of a key that has expired is not begun anew:
    its money may be under way, so whoever wants another attempt makes another key.
    """
    if not 0 < len(submit_key) <= _KEY_LONGEST or "\0" in submit_key:
        raise NotPayable(f"expected a key of 1 to {_KEY_LONGEST} characters")
    scope = _scope(actor)
    fingerprint = _fingerprint(channel, consumer, bill, amount_paise)
    lock_words([f"form:{scope}:{submit_key}"])
    form = (
        SubmittedForm.objects.select_related("payment__channel")
        .filter(scope=scope, key=submit_key)
        .first()
    )
    if form is not None:
        if form.fingerprint != fingerprint:
            raise SubmittedBefore("the key was used for another payment")
        return Begun(form.payment, expires_at(form.payment), is_new=False)
    payment = start_payment(
        channel, consumer=consumer, amount_paise=amount_paise, actor=actor, bill=bill
    )
    SubmittedForm.objects.create(
        scope=scope, key=submit_key, fingerprint=fingerprint, payment=payment
    )
    return Begun(payment, expires_at(payment), is_new=True)


def expires_at(payment: Payment) -> datetime:
    """Until when the payer may use what was offered; the channel's agreement says how long."""
    minutes = payment.channel.settings.get(SETTING, MINUTES)
    if type(minutes) is not int or not 0 < minutes <= MINUTES_MAX:
        minutes = MINUTES
    return payment.created_at + timedelta(minutes=minutes)


def is_offered(payment: Payment) -> bool:
    """Whether a payer may still be asked for the money: nobody has tried, and time is left.

    What is pending was tried: who pays again might pay twice.
    """
    return payment.state == State.CREATED and now() < expires_at(payment)


def upi_channels() -> QuerySet[Channel]:
    """The live channels for which we make QR codes ourselves, in the order of the boards."""
    return Channel.objects.filter(
        adapter=UPI_ADAPTER,
        is_live=True,
        paused_at=None,
        settings__has_keys=["vpa", "payee_name"],
    ).order_by("position", "code")


def upi_offer(payment: Payment) -> PayLink:
    """What the payer's application is told of this payment; NotPayable where that is not ours."""
    channel = payment.channel
    if channel.adapter != UPI_ADAPTER:
        raise NotPayable(f"{channel.code} makes its own way to pay")
    said = channel.settings
    return PayLink(
        vpa=str(said.get("vpa", "")),
        name=str(said.get("payee_name", "")),
        reference=upi.carried(payment.reference),
        amount_paise=Paise(payment.amount_paise),
        note=f"Bill {payment.bill.number}" if payment.bill else payment.consumer_number,
        category=str(said.get("merchant_category") or upi.UTILITIES),
    )


def orders_shown_to(user: User) -> QuerySet[Payment]:
    """Payments that the user may see, and those that the user began for another office."""
    begun = SubmittedForm.objects.filter(scope=_scope(user)).values("payment_id")
    mine = Payment.objects.filter(pk__in=begun) | payments_visible_to(user)
    return mine.select_related("channel", "consumer", "bill", "receipt")


def _scope(actor: User | str) -> str:
    return f"user:{actor.pk}:order" if isinstance(actor, User) else f"{actor[:64]}:order"


def _fingerprint(channel: Channel, consumer: Consumer, bill: Bill | None, amount_paise: int) -> str:
    asked = (channel.code, consumer.number, bill.number if bill else "", amount_paise)
    return hashlib.sha256(repr(asked).encode()).hexdigest()
