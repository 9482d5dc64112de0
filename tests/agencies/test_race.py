"""Sixteen at once: one payment per key, and a float that never falls below its limit."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum

from agencies import actions
from agencies.models import FloatAccount, FloatEntry
from channels_.models import RefusalTally
from payments.models import Payment, Receipt
from payments.states import State
from tests import factories as make
from tests.agencies.partner import Partner, asked, make_agency

AT_ONCE = 16

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(call: Callable[[int], Any]) -> list[Any]:
    """The answers of sixteen threads that begin together."""
    barrier = threading.Barrier(AT_ONCE)

    def run(number: int) -> Any:
        try:
            barrier.wait(10)
            return call(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, range(AT_ONCE)))


def proved_balance() -> int:
    account = FloatAccount.objects.get()
    assert account.balance_paise == account.entries.aggregate(total=Sum("amount_paise"))["total"]
    assert account.balance_paise >= -account.credit_limit_paise
    assert account.entry_count == account.entries.count()
    return account.balance_paise


def test_the_same_key_sixteen_times_is_one_payment_and_one_answer() -> None:
    make_agency()
    body = asked(make.ConsumerFactory(), confirm=True)

    answers = at_once(lambda _: Partner().post("payments/", body, key="key-of-a-machine-0001"))

    assert {one.status_code for one in answers} == {201}
    assert len({one.content for one in answers}) == 1
    assert sum("Idempotency-Hit" in one for one in answers) == AT_ONCE - 1
    assert Payment.objects.count() == Receipt.objects.count() == 1
    assert proved_balance() == 10_000_000 - 50_000


def test_the_same_txn_id_under_sixteen_keys_is_one_payment() -> None:
    make_agency()
    body = asked(make.ConsumerFactory(), confirm=True)

    answers = at_once(lambda _: Partner().post("payments/", body))

    assert Counter(one.status_code for one in answers) == {201: 1, 200: AT_ONCE - 1}
    assert Payment.objects.count() == Receipt.objects.count() == 1
    assert proved_balance() == 10_000_000 - 50_000


@pytest.mark.parametrize(("float_paise", "credit_paise"), [(500_000, 0), (0, 500_000)])
def test_the_float_never_falls_below_its_limit(float_paise, credit_paise) -> None:
    make_agency(float_paise=float_paise, credit_paise=credit_paise)
    consumer = make.ConsumerFactory()

    answers = at_once(
        lambda n: Partner().post("payments/", asked(consumer, f"T{n}", confirm=bool(n % 2)))
    )

    codes = Counter(one.json().get("code", "taken") for one in answers)
    assert codes == {"taken": 10, "float_exhausted": AT_ONCE - 10}
    assert Payment.objects.count() == 10
    assert proved_balance() == -credit_paise
    numbers = sorted(FloatEntry.objects.values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_day_limit_holds_against_sixteen() -> None:
    make_agency(day_max_paise=250_000)
    consumer = make.ConsumerFactory()

    answers = at_once(lambda n: Partner().post("payments/", asked(consumer, f"T{n}")))

    assert sum(one.status_code == 201 for one in answers) == 5
    assert FloatAccount.objects.get().day_paise == 250_000


def test_one_request_sent_sixteen_times_is_heard_once() -> None:
    make_agency()
    body = asked(make.ConsumerFactory(), confirm=True)
    signed = {"nonce": "a-nonce-of-sixteen", "key": "key-of-a-machine-0001"}

    answers = at_once(lambda _: Partner().post("payments/", body, **signed))

    assert Counter(one.status_code for one in answers) == {201: 1, 401: AT_ONCE - 1}
    assert RefusalTally.objects.get(kind="replayed").count == AT_ONCE - 1
    assert Payment.objects.count() == 1


def test_confirming_reversing_and_running_out_at_once_moves_money_once() -> None:
    agency = make_agency(hold_minutes=1)
    held = Partner().post("payments/", asked(make.ConsumerFactory())).json()["reference"]

    def call(number: int) -> int:
        if number % 3 == 0:
            return int(Partner().post(f"payments/{held}/confirm/").status_code)
        if number % 3 == 1:
            body = {"reason": "wrong consumer"}
            return int(Partner().post(f"payments/{held}/reverse/", body).status_code)
        actions.end_holds()
        return 200

    answers = at_once(call)

    assert set(answers) <= {200, 409}
    payment = Payment.objects.get()
    assert payment.state in (State.REVERSED, State.FAILED)  # a reversal stands at its end
    assert proved_balance() == 10_000_000
    assert Receipt.objects.count() == (payment.state == State.REVERSED)
    assert FloatAccount.objects.get(agency=agency).day_paise == 0
