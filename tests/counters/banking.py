"""An office whose money goes to the bank: real hand-overs in real shifts, closed."""

import re
from collections.abc import Mapping

from django.http import HttpResponse

from channels_.contract import Method
from channels_.models import Channel
from counters import deposits, differences, taking
from counters.models import Instrument, Shift
from counters.taking import HandOver, ShareAsked, TenderAsked
from cspdcl.kernel.clock import today
from payments.models import Consumer, Counter, Deposit, Payment
from people.models import Office, User
from tests import factories as make
from tests.counters import drawer


def open_shift(office: Office, *, clerk: User, supervisor: User, code: str) -> Shift:
    """A shift at a new counter of the office, with 1,000.00 of the safe."""
    counter = make.CounterFactory(code=code, office=office, keeps_shifts=True, bank_account=None)
    return drawer.open_with(counter, clerk=clerk, supervisor=supervisor, paise=1_000_00)


def cash(shift: Shift, paise: int, *, consumer: Consumer | None = None) -> Payment:
    """A receipt for cash."""
    return _take(shift, TenderAsked(method=Method.CASH, amount_paise=paise), consumer)


def cheque(
    shift: Shift, paise: int, *, number: str, consumer: Consumer | None = None
) -> Instrument:
    """A receipt for a cheque, and the cheque."""
    made = _take(
        shift,
        TenderAsked(
            method=Method.CHEQUE,
            amount_paise=paise,
            instrument=number,
            instrument_date=today(),
            bank_name="A bank",
            micr="492002009",
            drawer="A drawer",
        ),
        consumer,
    )
    return Instrument.objects.get(shares__payment=made)


def _take(shift: Shift, tender: TenderAsked, consumer: Consumer | None) -> Payment:
    payer = consumer or make.ConsumerFactory()
    share = ShareAsked(consumer_number=payer.number, amount_paise=tender.amount_paise)
    asked = HandOver(submit_key=drawer.key(), shares=[share], tenders=[tender])
    taken = taking.take_one(shift.counter, clerk=shift.clerk, asked=asked)
    return taken.receipts[0].payment


def close(
    shift: Shift,
    counted_paise: int,
    *,
    by: User,
    papers: Mapping[str, tuple[int, int]] | None = None,
) -> None:
    """Count the drawer, say why it differs, and have it accepted."""
    drawer.count_out(shift, counted_paise, papers=papers)
    drawer.explain_all(shift)
    differences.accept(shift, by=by)


def deposit(
    where: Counter | Office, channel: Channel, *, by: User, paise: int = 0, key: str = ""
) -> Deposit:
    """A slip of today; its cash in notes of the fewest pieces."""
    return deposits.make_deposit(
        where,
        channel=channel,
        on=today(),
        made_by=by,
        denominations=drawer.notes(paise) if paise else None,
        submit_key=key,
    )


def text(answer: HttpResponse) -> str:
    """What a reader sees: amounts are set in parts."""
    return re.sub(r"<[^>]+>", "", answer.content.decode())
