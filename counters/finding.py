"""Whom a clerk means: what was typed, or what a scanner read off the bill."""

import re
from dataclasses import dataclass
from typing import Final

from django.db.models import Q, QuerySet

from cspdcl.kernel import crypto
from cspdcl.kernel.money import NotMoney, paise_from_rupees
from payments.consumers import MOBILE_PLACE
from payments.models import Bill, Consumer
from payments.selectors import Somebody, consumer_who_pays, consumers_visible_to

FOUND_MAX: Final = 20
_MOBILE_DIGITS: Final = 10
_NAME_MIN: Final = 3
_METER: Final = re.compile(r"(?=.*[0-9])[A-Z0-9/-]{3,20}")
_BILL_NUMBER: Final = re.compile(r"[A-Za-z0-9/._-]{1,20}")


@dataclass(frozen=True, slots=True)
class Found:
    """Who fits what was typed; a bar code also says which bill, and what it was printed with."""

    consumers: list[Consumer]
    bill_number: str = ""
    amount_paise: int | None = None

    @property
    def consumer(self) -> Consumer | None:
        """The one that is meant, if it is one."""
        return self.consumers[0] if len(self.consumers) == 1 else None


def find(user: Somebody, words: str) -> Found:
    """Whom a clerk may mean: by a whole number anybody, else those of their own offices.

    Consumer number, business partner, mobile, meter, bill number, the beginning of a name, or a
    bar code such as ``consumer|bill|amount``.
    """
    text = " ".join(words.split())
    if not text or "\0" in text:
        return Found([])
    if "|" in text:
        return _by_bar_code(text)
    if text.isascii() and text.isdecimal():
        found = _by_digits(user, text)
        if found:
            return Found(found)
    code = _by_code(user, text)
    return code if code.consumers else Found(_by_name(user, text))


def _by_bar_code(text: str) -> Found:
    """Parts of a code by their places; what it says of the amount is told, the dues decide."""
    number, bill_number, amount, *_rest = [*(part.strip() for part in text.split("|")), "", ""]
    consumer = consumer_who_pays(number) if number.isascii() else None
    bill = _bill(bill_number)
    if consumer is None and bill is not None:
        consumer = bill.consumer
    if consumer is None:
        return Found([])
    is_theirs = bill is not None and bill.consumer_id == consumer.pk
    try:
        paise: int | None = paise_from_rupees(amount)
    except NotMoney:
        paise = None
    return Found([consumer], bill_number if is_theirs else "", paise)


def _by_digits(user: Somebody, digits: str) -> list[Consumer]:
    whole = consumer_who_pays(digits)
    if whole is not None:
        return [whole]
    fits = Q(business_partner=digits)
    if len(digits) == _MOBILE_DIGITS:
        fits |= Q(mobile_index=crypto.blind_index(digits, place=MOBILE_PLACE))
    return _of_their_offices(user, fits)


def _by_code(user: Somebody, text: str) -> Found:
    """A bill is anybody's, as its consumer number would be; a meter is one of the office's."""
    bill = _bill(text)
    if bill is not None:
        return Found([bill.consumer], bill.number)
    meter = text.upper()
    if not _METER.fullmatch(meter):
        return Found([])
    return Found(_of_their_offices(user, Q(meter=meter)))


def _by_name(user: Somebody, text: str) -> list[Consumer]:
    if len(text) < _NAME_MIN:
        return []
    # The index of names knows exact beginnings only: as typed, as usually written, in capitals.
    begins = Q()
    for form in {text, text.title(), text.upper()}:
        begins |= Q(name__startswith=form)
    named: QuerySet[Consumer] = consumers_visible_to(user).filter(begins).select_related("office")
    return list(named.order_by("name", "number")[:FOUND_MAX])


def _of_their_offices(user: Somebody, fits: Q) -> list[Consumer]:
    rows = consumers_visible_to(user).filter(fits).select_related("office")
    return list(rows.order_by("number")[:FOUND_MAX])


def _bill(number: str) -> Bill | None:
    if not _BILL_NUMBER.fullmatch(number):
        return None
    return Bill.objects.select_related("consumer__office").filter(number=number).first()
