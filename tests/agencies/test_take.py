"""Payments of agencies, over HTTP: held, confirmed, paid at once, given back, run out."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.db.models import Sum

from agencies import actions, doors
from agencies.models import AgencyPayment, AskedOnce, FloatAccount, FloatEntry
from channels_.models import Channel, StatementFile
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import INDIA, now, today
from payments.actions import fail_by_hand
from payments.models import Payment, PaymentEvent, Receipt, Tender
from payments.states import State
from refunds import actions as refunds
from tests import factories as make
from tests.agencies.partner import Partner, asked, finance, make_agency

pytestmark = pytest.mark.django_db


def left(agency) -> int:
    """The balance, after it was held against the sum of its entries."""
    account = FloatAccount.objects.get(agency=agency)
    total = account.entries.aggregate(total=Sum("amount_paise"))["total"] or 0
    assert account.balance_paise == total
    return account.balance_paise


def test_one_step_pays_and_gives_a_receipt(partner, agency, consumer) -> None:
    answer = partner.post("payments/", asked(consumer, confirm=True, terminal=""))

    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["state"], told["receipt"][:4], told["txn_id"]) == ("paid", "ATP/", "T1")
    payment = Payment.objects.get()
    assert (payment.state, payment.channel_ref, payment.consumer) == ("succeeded", "T1", consumer)
    assert payment.office_id == consumer.office_id
    assert Tender.objects.get().method == "cash"
    assert PaymentEvent.objects.get().actor == "ak_atp"
    assert left(agency) == 10_000_000 - 50_000


def test_two_steps_hold_and_confirm(partner, agency, consumer) -> None:
    held = partner.post("payments/", asked(consumer)).json()

    assert (held["state"], held["receipt"], held["paid_at"]) == ("held", None, None)
    assert Payment.objects.get().state == State.PENDING
    assert left(agency) == 10_000_000 - 50_000
    assert not Receipt.objects.exists()

    paid = partner.post(f"payments/{held['reference']}/confirm/").json()
    again = partner.post(f"payments/{held['reference']}/confirm/").json()

    assert paid["state"] == "paid"
    assert paid["receipt"] == Receipt.objects.get().label
    assert again == paid
    assert left(agency) == 10_000_000 - 50_000


def test_a_key_that_comes_again_gets_the_first_answer(partner, agency, consumer) -> None:
    key = "key-of-a-machine-0001"
    first = partner.post("payments/", asked(consumer, confirm=True), key=key)
    again = partner.post("payments/", asked(consumer, confirm=True), key=key)
    other = partner.post("payments/", asked(consumer, "T2", confirm=True), key=key)
    elsewhere = partner.post(f"payments/{first.json()['reference']}/confirm/", key=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Idempotency-Hit"] == "true"
    assert "Idempotency-Hit" not in first
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert elsewhere.json()["code"] == "key_reused"
    assert Payment.objects.count() == Receipt.objects.count() == 1
    assert left(agency) == 10_000_000 - 50_000


def test_what_was_signed_is_kept_as_evidence(partner, consumer) -> None:
    partner.post("payments/", asked(consumer, confirm=True))

    row = AskedOnce.objects.get()
    plain = crypto.unseal(row.evidence, place="agencies_askedonce.evidence")
    assert plain.startswith(b"POST\n/partner/v1/payments/\n")
    assert b'"txn_id": "T1"' in plain
    assert row.payment == Payment.objects.get()


def test_a_refusal_is_final_for_its_key_and_for_no_other(partner, agency, consumer) -> None:
    agency.payment_max_paise = 10_000
    agency.save()
    key = "key-of-a-machine-0001"

    first = partner.post("payments/", asked(consumer, confirm=True), key=key)
    agency.payment_max_paise = None
    agency.save()
    doors.forget()
    again = partner.post("payments/", asked(consumer, confirm=True), key=key)
    fresh = partner.post("payments/", asked(consumer, confirm=True))

    assert (first.status_code, first.json()["code"]) == (422, "limit_exceeded")
    assert first["Content-Type"] == "application/problem+json"
    assert again.content == first.content
    assert again["Idempotency-Hit"] == "true"
    assert fresh.status_code == 201
    assert Payment.objects.count() == 1


def test_what_is_not_as_agreed_uses_no_key_up(partner, consumer) -> None:
    key = "key-of-a-machine-0001"

    bad = partner.post("payments/", asked(consumer, amount_paise="500.00"), key=key)
    good = partner.post("payments/", asked(consumer), key=key)

    assert (bad.status_code, bad.json()["code"]) == (400, "invalid")
    assert "amount_paise" in bad.json()["errors"]
    assert good.status_code == 201


@pytest.mark.parametrize("key", ["", "short", "with space in the middle", "x" * 201])
def test_a_post_needs_a_key(partner, consumer, key) -> None:
    answer = partner.post("payments/", asked(consumer), key=key)

    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["errors"]
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"amount_paise": "50000"},
        {"amount_paise": 500.0},
        {"amount_paise": True},
        {"amount_paise": 0},
        {"amount_paise": -1},
        {"amount_paise": 10**15},
        {"txn_id": ""},
        {"txn_id": "a b"},
        {"txn_id": "x" * 41},
        {"consumer_number": "12"},
        {"consumer_number": 123456},
        {"method": "bitcoin"},
        {"confirm": "perhaps"},
        {"confirm": "true"},
        {"confirm": 1},
        {"colour": "red"},
        {"paid_at": "yesterday"},
        {"rrn": "12"},
    ],
    ids=str,
)
def test_odd_fields_are_refused_and_nothing_is_taken(partner, agency, consumer, change) -> None:
    answer = partner.post("payments/", asked(consumer, **change))

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert not Payment.objects.exists()
    assert left(agency) == 10_000_000


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"txn_id":"a","txn_id":"b"}', b'{"a":NaN}', b"\xff", b"null"]
)
def test_a_body_that_is_no_object_is_refused(partner, body) -> None:
    answer = partner.send(
        "POST", "payments/", body, headers={"Idempotency-Key": "key-of-a-machine-0001"}
    )

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert not AskedOnce.objects.exists()


def test_the_same_txn_id_is_the_same_payment_whatever_its_key(partner, agency, consumer) -> None:
    first = partner.post("payments/", asked(consumer, confirm=True))
    again = partner.post("payments/", asked(consumer, confirm=True))
    other = partner.post("payments/", asked(consumer, confirm=True, amount_paise=5_000_000))

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 422)
    assert again.json() == first.json()
    assert other.json()["code"] == "txn_id_used"
    assert Payment.objects.count() == 1
    assert left(agency) == 10_000_000 - 50_000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"consumer_number": "999999999999"}, "unknown_consumer"),
        ({"bill_number": "B-nobody"}, "unknown_bill"),
        ({"terminal": "T-9"}, "unknown_terminal"),
        ({"amount_paise": 2_00_000_00}, "amount_not_allowed"),
        ({"amount_paise": 10_000_001, "method": "upi"}, "float_exhausted"),
        ({"confirm": True, "paid_at": "2099-01-01T00:00:00Z"}, "not_then"),
        ({"paid_at": "2026-01-01T00:00:00Z"}, "not_then"),
        ({"confirm": True, "paid_at": "0002-02-28T00:00:00Z"}, "not_then"),
        ({"confirm": True, "paid_at": "9998-12-31T23:59:59Z"}, "not_then"),
        ({"method": "cheque"}, "instrument_missing"),
    ],
)
def test_the_business_refuses(partner, agency, consumer, change, code) -> None:
    answer = partner.post("payments/", asked(consumer, **change))

    told = answer.json()
    assert (answer.status_code, told["code"], told["status"]) == (422, code, 422)
    assert told["expected"]
    assert not Payment.objects.exists()
    assert left(agency) == 10_000_000


def test_limits_of_a_payment_a_day_and_hours(consumer) -> None:
    make_agency("csc", payment_max_paise=60_000, day_max_paise=100_000)
    partner = Partner("ak_csc")

    codes = [
        partner.post("payments/", asked(consumer, f"T{n}", amount_paise=paise)).json().get("code")
        for n, paise in enumerate([60_001, 60_000, 40_001, 40_000, 1])
    ]

    assert codes == ["limit_exceeded", None, "limit_exceeded", None, "limit_exceeded"]
    day = FloatAccount.objects.get()
    assert (day.day, day.day_count, day.day_paise) == (today(), 2, 100_000)


@pytest.mark.parametrize(("clock", "code"), [("10:59", None), ("11:00", "outside_hours")])
def test_an_agency_is_open_at_its_hours(consumer, clock, code) -> None:
    with time_machine.travel(f"2026-08-18T{clock}:00+05:30", tick=False):
        make_agency("csc", opens_at="06:00", closes_at="11:00")

        answer = Partner("ak_csc").post("payments/", asked(consumer))

    assert answer.json().get("code") == code


def test_an_agency_collects_for_its_offices_only(offices) -> None:
    agency = make_agency("csc")
    agency.offices.add(offices["C1"])
    doors.forget()
    partner = Partner("ak_csc")
    here = make.ConsumerFactory(office=offices["Z1"])
    there = make.ConsumerFactory(office=offices["Z3"])
    make.BillFactory(consumer=here)
    make.BillFactory(consumer=there)

    assert partner.get(f"dues/?consumer={here.number}").status_code == 200
    assert partner.get(f"dues/?consumer={there.number}").json()["code"] == "not_collected_here"
    assert partner.post("payments/", asked(here, "T1")).status_code == 201
    assert partner.post("payments/", asked(there, "T2")).json()["code"] == "not_collected_here"


def test_a_paid_one_is_reversed_on_its_day(partner, agency, consumer) -> None:
    reference = partner.post("payments/", asked(consumer, confirm=True)).json()["reference"]

    gone = partner.post(f"payments/{reference}/reverse/", {"reason": "wrong consumer"}).json()
    again = partner.post(f"payments/{reference}/reverse/", {"reason": "wrong consumer"}).json()
    late = partner.post(f"payments/{reference}/confirm/")

    assert (gone["state"], gone["reason"]) == ("reversed", "wrong consumer")
    assert gone["receipt_cancelled"] is True
    assert again == gone
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")
    assert Payment.objects.get().state == State.REVERSED
    assert left(agency) == 10_000_000
    assert FloatAccount.objects.get().day_paise == 0


def test_a_held_one_is_cancelled(partner, agency, consumer) -> None:
    reference = partner.post("payments/", asked(consumer)).json()["reference"]

    gone = partner.post(f"payments/{reference}/reverse/", {"reason": "left the queue"}).json()

    assert gone["state"] == "cancelled"
    assert partner.post(f"payments/{reference}/confirm/").status_code == 409
    assert Payment.objects.get().state == State.FAILED
    assert not Receipt.objects.exists()
    assert left(agency) == 10_000_000


def test_nothing_is_reversed_the_day_after_or_after_the_file(partner, agency, consumer) -> None:
    first = partner.post("payments/", asked(consumer, "T1", confirm=True)).json()["reference"]
    make.StatementFileFactory(
        channel=agency.channel,
        covers_from=today(),
        covers_to=today(),
        state=StatementFile.State.LOADED,
    )

    after_file = partner.post(f"payments/{first}/reverse/", {"reason": "wrong"})
    with time_machine.travel(now() + timedelta(days=1), tick=False):
        next_day = Partner().post(f"payments/{first}/reverse/", {"reason": "wrong"})

    assert after_file.json()["code"] == next_day.json()["code"] == "too_late"
    assert Payment.objects.get().state == State.SUCCEEDED
    assert left(agency) == 10_000_000 - 50_000


def test_a_hold_runs_out_and_may_still_be_confirmed(partner, agency, consumer) -> None:
    reference = partner.post("payments/", asked(consumer)).json()["reference"]
    assert actions.end_holds() == 0

    with time_machine.travel(now() + timedelta(minutes=31), tick=False):
        assert actions.end_holds() == 1
        assert actions.end_holds() == 0
        assert left(agency) == 10_000_000
        assert partner.get(f"payments/{reference}/").json()["state"] == "expired"
        late = partner.post(f"payments/{reference}/confirm/").json()

    assert late["state"] == "paid"
    assert left(agency) == 10_000_000 - 50_000
    assert list(FloatEntry.objects.order_by("number").values_list("kind", "turn")) == [
        ("top_up", None), ("payment", 1), ("reversal", 1), ("payment", 2),
    ]  # fmt: skip
    assert Receipt.objects.count() == 1


def test_a_hold_that_a_person_or_the_daily_file_decided_does_not_stay_for_ever(
    partner, agency, consumer
) -> None:
    failed, listed, confirmed, ended = (
        partner.post("payments/", asked(consumer, f"T{number}")).json()["reference"]
        for number in range(4)
    )
    officer = finance("officer")
    for reference in (failed, confirmed, ended):
        payment = Payment.objects.get(reference=reference)
        fail_by_hand(payment.pk, by=officer, reason="nobody came")
    Payment.objects.filter(reference=listed).update(state="succeeded", succeeded_at=now())
    assert left(agency) == 10_000_000 - 4 * 50_000

    assert partner.post(f"payments/{confirmed}/confirm/").json()["state"] == "paid"
    gone = partner.post(f"payments/{ended}/reverse/", {"reason": "left the queue"}).json()
    assert gone["state"] == "cancelled"
    assert left(agency) == 10_000_000 - 3 * 50_000, "nothing is taken twice, nothing is kept"

    with time_machine.travel(now() + timedelta(minutes=31), tick=False):
        assert actions.end_holds() == 2
        assert actions.end_holds() == 0
    assert left(agency) == 10_000_000 - 2 * 50_000
    assert FloatAccount.objects.get().day_paise == 2 * 50_000
    assert not AgencyPayment.objects.filter(held_until__isnull=False).exists()


def test_money_that_goes_back_otherwise_is_not_given_back_too(partner, agency, consumer) -> None:
    reference = partner.post("payments/", asked(consumer, confirm=True)).json()["reference"]
    refunds.ask(
        Payment.objects.get(reference=reference),
        amount_paise=100,
        reason="charged twice",
        by=finance("officer"),
        submit_key="a key of this test",
    )

    refused = partner.post(f"payments/{reference}/reverse/", {"reason": "wrong consumer"})

    assert (refused.status_code, refused.json()["code"]) == (422, "too_late")
    assert Payment.objects.get().state == State.SUCCEEDED
    assert left(agency) == 10_000_000 - 50_000


def test_a_clock_that_steps_back_over_midnight_stops_no_reversal(partner, consumer) -> None:
    evening = datetime(2026, 8, 18, 23, 59, 50, tzinfo=INDIA)
    with time_machine.travel(evening, tick=False):
        first = partner.post("payments/", asked(consumer, "T1", confirm=True)).json()["reference"]
    with time_machine.travel(evening + timedelta(seconds=20), tick=False):
        partner.post("payments/", asked(consumer, "T2", confirm=True))
    with time_machine.travel(evening + timedelta(seconds=1), tick=False):
        gone = partner.post(f"payments/{first}/reverse/", {"reason": "wrong consumer"})

    assert gone.json()["state"] == "reversed"
    account = FloatAccount.objects.get()
    assert (account.day_count, account.day_paise) == (0, 0)


def test_another_agencys_payment_is_not_there(partner, consumer) -> None:
    make_agency("csc")
    other = Partner("ak_csc")
    reference = partner.post("payments/", asked(consumer)).json()["reference"]

    answers = [
        other.get(f"payments/{reference}/"),
        other.get("payments/by-txn/T1/"),
        other.post(f"payments/{reference}/confirm/"),
        other.post(f"payments/{reference}/reverse/", {"reason": "mischief"}),
    ]

    assert [one.status_code for one in answers] == [404] * 4
    assert {one.json()["code"] for one in answers} == {"unknown_payment"}
    assert other.get("payments/").json() == {"payments": []}
    assert other.post("payments/", asked(consumer)).status_code == 201  # their own T1
    assert Payment.objects.get(reference=reference).state == State.PENDING


def test_payments_are_found_by_reference_txn_id_and_latest(partner, consumer) -> None:
    told = [partner.post("payments/", asked(consumer, f"T{n}")).json() for n in range(3)]

    assert partner.get(f"payments/{told[0]['reference']}/").json() == told[0]
    assert partner.get("payments/by-txn/T1/").json() == told[1]
    assert partner.get("payments/?last=2").json() == {"payments": [told[2], told[1]]}
    assert partner.get("payments/?last=0").status_code == 400
    assert partner.get("payments/%00/", signed_path="payments/\0/").status_code == 404


def test_the_float_is_told_with_its_entries(partner, agency, consumer) -> None:
    told = partner.post("payments/", asked(consumer)).json()

    float_told = partner.get("float/?last=1").json()

    assert (float_told["kind"], float_told["available_paise"]) == ("prepaid", 9_950_000)
    (entry,) = float_told["entries"]
    assert (entry["kind"], entry["reference"]) == ("payment", told["reference"])


def test_a_paused_channel_takes_nothing_new(partner, agency, consumer) -> None:
    reference = partner.post("payments/", asked(consumer)).json()["reference"]
    Channel.objects.update(paused_at=now(), paused_by="operator", pause_reason="maintenance")
    doors.forget()
    key = "key-of-a-machine-0001"

    refused = partner.post("payments/", asked(consumer, "T2"), key=key)
    dues = partner.get(f"dues/?consumer={consumer.number}")
    ended = partner.post(f"payments/{reference}/confirm/")
    Channel.objects.update(paused_at=None)
    doors.forget()
    later = partner.post("payments/", asked(consumer, "T2"), key=key)

    assert (refused.status_code, refused.json()["code"]) == (503, "paused")
    assert refused["Retry-After"] == "2"
    assert dues.status_code == 503
    assert ended.status_code == 200
    assert later.status_code == 201


def test_dues_are_told_in_three_queries(partner, consumer, django_assert_num_queries) -> None:
    bill = make.BillFactory(consumer=consumer)
    partner.get(f"dues/?consumer={consumer.number}")

    with django_assert_num_queries(3):
        told = partner.get(f"dues/?consumer={consumer.number}").json()

    assert (told["consumer_number"], told["amount_paise"]) == (consumer.number, bill.amount_paise)
    partner.post("payments/", asked(consumer, confirm=True, amount_paise=bill.amount_paise))
    assert partner.get(f"dues/?consumer={consumer.number}").json()["code"] == "no_dues"
    assert partner.get("dues/?consumer=999999").json()["code"] == "unknown_consumer"
    assert partner.get("dues/").status_code == 400


def test_a_prepaid_consumer_is_recharged_within_the_agreed_amounts(partner, agency) -> None:
    agency.channel.settings = {"recharge_min_paise": 10_000, "recharge_max_paise": 100_000}
    agency.channel.save()
    consumer = make.ConsumerFactory(plan="prepaid")

    codes = [
        partner.post("payments/", asked(consumer, f"T{n}", amount_paise=paise)).json().get("code")
        for n, paise in enumerate([9_999, 10_000, 100_000, 100_001])
    ]

    assert codes == ["amount_not_allowed", None, None, "amount_not_allowed"]


def test_what_only_the_daily_file_knew_becomes_the_agencys(partner, agency, consumer) -> None:
    make.PaymentFactory(
        channel=agency.channel, channel_ref="T1", consumer=consumer, amount_paise=50_000, paid=True
    )

    told = partner.post("payments/", asked(consumer, confirm=True))

    assert (told.status_code, told.json()["state"]) == (200, "paid")
    assert Payment.objects.count() == AgencyPayment.objects.count() == 1
    assert left(agency) == 10_000_000 - 50_000


def test_a_machine_that_was_offline_says_when_it_was_paid(partner, agency, consumer) -> None:
    at = now() - timedelta(days=2)

    told = partner.post("payments/", asked(consumer, confirm=True, paid_at=at.isoformat())).json()

    payment = Payment.objects.get()
    assert payment.succeeded_at == at
    assert told["business_date"] == payment.business_date.isoformat() != today().isoformat()
    answer = partner.post(f"payments/{payment.reference}/reverse/", {"reason": "wrong"})
    assert answer.json()["code"] == "too_late"
