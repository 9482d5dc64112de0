"""Partners ask and wait: the door answers from the books, once and the same for every repeat."""

import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client

from channels_ import inbox
from channels_.adapters.bbps_api.notices import signature
from channels_.adapters.bbps_api.questions import read
from channels_.asking import terms_of
from channels_.contract import Dues, Inbound, ReplyCode
from channels_.models import Channel, InboundMessage, RefusalTally
from cspdcl.kernel.clock import INDIA, now
from payments import asked
from payments.asked import dues_of
from payments.inbox import drain
from payments.models import Payment, Receipt, RefusedAsk
from payments.states import State
from tests import factories as make

pytestmark = pytest.mark.django_db

KEY = "an api key of tests"
BILLER = "CSPDCL000CHH01"
TXN = "BD016077BAKAAAHT0IRC"

_ids = itertools.count(1)


@pytest.fixture(autouse=True)
def fresh_doors():
    inbox.forget()
    yield
    inbox.forget()


def bbps(code: str = "bbps", **fields) -> Channel:
    channel = make.ChannelFactory(
        code=code,
        adapter="bbps_api",
        route=Channel.Route.SETTLEMENT,
        merchant_id=BILLER,
        **fields,
    )
    make.ChannelSecretFactory(channel=channel, name="api_key", value=KEY)
    return channel


@pytest.fixture
def channel() -> Channel:
    return bbps()


@pytest.fixture
def consumer():
    consumer = make.ConsumerFactory()
    make.BillFactory(consumer=consumer, amount_paise=123_400)
    return consumer


def post(
    what: str,
    said: dict[str, object],
    *,
    code: str = "bbps",
    key: str = KEY,
    at=None,
    door: str = "ask",
):
    body = json.dumps(said).encode()
    moment = (at or now()).astimezone(INDIA).isoformat()
    headers = {"X-Timestamp": moment, "X-Signature": signature(key, moment, what, body)}
    return Client().post(
        f"/{door}/{code}/{what}", body, content_type="application/json", headers=headers
    )


def names(**more: object) -> dict[str, object]:
    number = next(_ids)
    return {"refId": f"REF{number:032d}", "msgId": f"MSG{number:032d}", "billerId": BILLER, **more}


def params(number: str) -> dict[str, object]:
    return {"customerParams": {"Business Partner Number": number}}


def payment(number: str, **more: object) -> dict[str, object]:
    return names(
        **{
            **params(number),
            "txnReferenceId": TXN,
            "amount": 123_400,
            "currency": "356",
            "paymentMode": "UPI",
            "txnTs": now().astimezone(INDIA).isoformat(),
            **more,
        }
    )


def tallies() -> dict[str, int]:
    return {one.kind: one.count for one in RefusalTally.objects.order_by("pk")}


def without_names(answer) -> dict[str, object]:
    return {k: v for k, v in answer.json().items() if k not in ("refId", "msgId")}


# ---- Dues ------------------------------------------------------------------------------------


def owed_by(number: str) -> int:
    found = dues_of(number)
    assert isinstance(found, Dues)
    return found.amount_paise


def test_a_fetch_tells_the_open_bill_and_keeps_nothing(channel, consumer) -> None:
    answer = post("fetch", names(**params(consumer.business_partner)))

    said = answer.json()
    assert (answer.status_code, said["status"], said["responseCode"]) == (200, "SUCCESS", "000")
    assert said["bill"]["amount"] == 123_400
    assert said["bill"]["customerName"] == consumer.name
    assert said["bill"]["dueDate"] == "2026-08-21"
    moment = answer["X-Timestamp"]
    assert answer["X-Signature"] == signature(KEY, moment, "fetch", answer.content)
    assert not InboundMessage.objects.exists()


@pytest.mark.parametrize(
    ("number", "code"),
    [("999999999999", "BFR001"), ("123", None), ("12345678901x", None)],
)
def test_a_number_nobody_has_is_refused_with_its_code(channel, number, code) -> None:
    answer = post("fetch", names(**params(number)))

    if code is None:
        assert answer.status_code == 400
        assert tallies() == {"malformed": 1}
    else:
        assert answer.json()["responseCode"] == "200"
        assert answer.json()["complianceCode"] == code


def test_dues_take_two_queries(consumer, django_assert_num_queries) -> None:
    make.PaymentFactory(consumer=consumer, amount_paise=400, paid=True)

    with django_assert_num_queries(2):
        found = dues_of(consumer.number)

    assert isinstance(found, Dues)
    assert found.amount_paise == 123_000


def test_payments_cover_the_oldest_bill_first_whatever_channel_took_them(consumer) -> None:
    older = make.BillFactory(
        consumer=consumer, amount_paise=50_000, issued_on=date(2026, 7, 1), due_on=date(2026, 7, 21)
    )
    make.PaymentFactory(
        consumer=consumer, amount_paise=60_000, paid=True, business_date=date(2026, 8, 2)
    )

    found = dues_of(consumer.number)

    assert isinstance(found, Dues)
    assert found.amount_paise == 113_400
    assert found.bill_number != older.number


def test_money_from_before_a_bill_is_in_the_bill_already(consumer) -> None:
    make.PaymentFactory(
        consumer=consumer, amount_paise=60_000, paid=True, business_date=date(2026, 7, 31)
    )

    assert owed_by(consumer.number) == 123_400


def test_what_went_back_to_the_payer_covers_nothing(consumer) -> None:
    payment = make.PaymentFactory(consumer=consumer, amount_paise=123_400, paid=True)
    assert dues_of(consumer.number) is ReplyCode.NO_DUES

    make.RefundFactory(payment=payment, amount_paise=23_400, state="succeeded")

    assert owed_by(consumer.number) == 23_400


def test_a_partner_of_two_accounts_names_none_of_them() -> None:
    first = make.ConsumerFactory()
    make.ConsumerFactory(business_partner=first.business_partner)
    make.BillFactory(consumer=first)

    assert dues_of(first.business_partner) is ReplyCode.UNKNOWN_CONSUMER
    assert isinstance(dues_of(first.number), Dues)
    assert dues_of(first.number, by="business_partner") is ReplyCode.UNKNOWN_CONSUMER


def test_a_closed_account_may_still_pay_what_it_owes() -> None:
    closed = make.ConsumerFactory(is_active=False)
    assert dues_of(closed.number) is ReplyCode.INACTIVE_CONSUMER

    make.BillFactory(consumer=closed)

    assert isinstance(dues_of(closed.number), Dues)


def test_prepaid_is_a_category_of_its_own() -> None:
    recharge = make.ConsumerFactory(plan="prepaid")
    bill = make.BillFactory()
    prepaid = terms_of(
        {"category": "prepaid", "recharge_min_paise": 10_000, "recharge_max_paise": 500_000}
    )

    found = dues_of(recharge.number, terms=prepaid)

    assert isinstance(found, Dues)
    assert (found.amount_paise, found.least_paise, found.most_paise) == (0, 10_000, 500_000)
    assert dues_of(bill.consumer.number, terms=prepaid) is ReplyCode.NOT_ALLOWED
    postpaid = terms_of({"category": "postpaid"})
    assert dues_of(recharge.number, terms=postpaid) is ReplyCode.NOT_ALLOWED


# ---- Paying ----------------------------------------------------------------------------------


def test_a_payment_is_credited_and_answered_with_its_reference_and_receipt(
    channel, consumer
) -> None:
    said = post("pay", payment(consumer.business_partner)).json()

    made = Payment.objects.get()
    assert (made.state, made.channel_ref, made.consumer) == (State.SUCCEEDED, TXN, consumer)
    assert said["status"] == "SUCCESS"
    assert said["approvalRefNum"] == made.reference
    assert said["receiptNumber"] == made.receipt.label
    assert InboundMessage.objects.get().state == InboundMessage.State.DONE
    assert dues_of(consumer.number) is ReplyCode.NO_DUES


def test_a_repeat_gets_the_first_answer_whatever_its_number_and_moment(channel, consumer) -> None:
    first = post("pay", payment(consumer.business_partner))
    again = post("pay", payment(consumer.number, txnTs=(now() - timedelta(1)).isoformat()))

    assert without_names(again) == without_names(first)
    assert Payment.objects.count() == Receipt.objects.count() == 1
    assert InboundMessage.objects.count() == 1


@pytest.mark.parametrize("change", [{"amount": 99_900}, {"number": "other"}])
def test_the_same_reference_with_other_contents_is_refused(channel, consumer, change) -> None:
    post("pay", payment(consumer.number))
    other = make.ConsumerFactory().number if change.pop("number", "") else consumer.number

    answer = post("pay", payment(other, **change))

    assert answer.json()["status"] == "FAILURE"
    assert "approvalRefNum" in answer.json()
    assert Payment.objects.get().amount_paise == 123_400


def test_a_message_number_that_was_used_before_proves_nothing(channel, consumer) -> None:
    first = payment(consumer.number)
    post("pay", first)

    answer = post("pay", {**first, "txnReferenceId": "BD016077BAKAAAHT0IRD"})

    assert answer.json()["status"] == "FAILURE"
    assert Payment.objects.get().channel_ref == TXN
    assert InboundMessage.objects.get().conflicts == 1


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["pay", "deemed", "status", "complaint"]))
)
def test_in_any_order_it_ends_with_one_payment(channel, consumer, order) -> None:
    news = {
        "pay": ("pay", payment(consumer.number)),
        "deemed": ("pay", payment(consumer.business_partner, deemed=True)),
        "status": ("status", names(txnReferenceId=TXN)),
        "complaint": ("complaint", names(complaintId="CC0125270014750", txnReferenceId=TXN)),
    }

    for word in (*order, *order):
        assert post(*news[word]).status_code == 200

    assert Payment.objects.get().state == State.SUCCEEDED
    assert Receipt.objects.count() == 1
    assert post("status", names(txnReferenceId=TXN)).json()["txnStatus"] == "SUCCESS"


def test_an_unknown_consumer_is_refused_before_anything_is_credited(channel) -> None:
    answer = post("pay", payment("999999999999"))
    make.ConsumerFactory(number="999999999999")
    again = post("pay", payment("999999999999"))

    assert answer.json()["responseCode"] == "200"
    assert without_names(again) == without_names(answer)
    assert not Payment.objects.exists()
    assert RefusedAsk.objects.get().code == "unknown_consumer"
    assert InboundMessage.objects.get().state == InboundMessage.State.REFUSED
    drain()
    assert not Payment.objects.exists()


def test_a_payment_at_the_door_for_notices_is_refused(channel, consumer) -> None:
    """There nobody looks whether the consumer exists, and nobody hears the answer."""
    answer = post("pay", payment("9999999999"), door="in")

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert tallies() == {"malformed": 1}
    assert not InboundMessage.objects.exists()


def test_refused_words_have_the_agreed_codes() -> None:
    bbps(settings={"payment_codes": {"unknown_consumer": ["BPR001", "no such account"]}})

    said = post("pay", payment("999999999999")).json()

    assert (said["complianceCode"], said["complianceReason"]) == ("BPR001", "no such account")


def test_a_deemed_success_is_taken_late_and_for_a_consumer_nobody_knows(channel) -> None:
    refused = post("pay", payment("999999999999"))
    taken = post("pay", payment("999999999999", deemed=True))
    late = post(
        "pay",
        payment(
            "888888888888",
            txnReferenceId="BD016077BAKAAAHT0IRD",
            txnTs=(now() - timedelta(hours=5)).isoformat(),
        ),
    )

    assert refused.json()["status"] == "FAILURE"
    assert taken.json()["status"] == late.json()["status"] == "SUCCESS"
    assert [(one.state, one.consumer) for one in Payment.objects.all()] == [("succeeded", None)] * 2


@pytest.mark.parametrize(
    ("terms", "amount", "status"),
    [
        ("exact", 123_400, "SUCCESS"),
        ("exact", 123_399, "FAILURE"),
        ("at_most", 1, "SUCCESS"),
        ("at_most", 123_401, "FAILURE"),
        ("at_least", 123_401, "SUCCESS"),
        ("at_least", 123_399, "FAILURE"),
        ("any", 999, "SUCCESS"),
    ],
)
def test_amounts_are_as_near_to_the_dues_as_agreed(consumer, terms, amount, status) -> None:
    bbps(settings={"amount": terms})

    answer = post("pay", payment(consumer.number, amount=amount))

    assert answer.json()["status"] == status
    assert Payment.objects.exists() == (status == "SUCCESS")


@pytest.mark.parametrize(("amount", "status"), [(9_999, "FAILURE"), (10_000, "SUCCESS")])
def test_a_recharge_stays_between_its_limits(amount, status) -> None:
    bbps(settings={"category": "prepaid", "recharge_min_paise": 10_000})
    consumer = make.ConsumerFactory(plan="prepaid")

    assert post("pay", payment(consumer.number, amount=amount)).json()["status"] == status


def test_a_paused_channel_offers_nothing_and_still_says_how_it_went(channel, consumer) -> None:
    post("pay", payment(consumer.number))
    channel.paused_at, channel.paused_by, channel.pause_reason = now(), "sample", "sample"
    channel.save()
    inbox.forget()

    fetched = post("fetch", names(**params(consumer.number)))
    refused = post("pay", payment(consumer.number, txnReferenceId="BD016077BAKAAAHT0IRD"))
    repeated = post("pay", payment(consumer.number))
    status = post("status", names(txnReferenceId=TXN))
    taken = post(
        "pay", payment(consumer.number, txnReferenceId="BD016077BAKAAAHT0IRE", deemed=True)
    )

    assert fetched.status_code == refused.status_code == 503
    assert fetched.json()["complianceCode"] == "BFR008"
    assert not RefusedAsk.objects.exists()
    assert repeated.json()["status"] == taken.json()["status"] == "SUCCESS"
    assert status.json()["txnStatus"] == "SUCCESS"


def test_a_status_tells_paid_refused_and_unknown(channel, consumer) -> None:
    post("pay", payment(consumer.number))
    post("pay", payment("999999999999", txnReferenceId="BD016077BAKAAAHT0IRD"))

    found = [
        post("status", names(txnReferenceId=ref)).json()["txnStatus"]
        for ref in (TXN, "BD016077BAKAAAHT0IRD", "BD016077BAKAAAHT0IRE")
    ]

    assert found == ["SUCCESS", "FAILURE", "UNKNOWN"]


def test_what_a_kill_left_is_applied_by_the_worker_and_answered_alike(channel, consumer) -> None:
    said = json.dumps(payment(consumer.number)).encode()
    moment = now().isoformat()
    headers = {"x-timestamp": moment, "x-signature": signature(KEY, moment, "pay", said)}
    inbound = Inbound(said, headers, "pay")
    here = inbox.door("bbps")
    setup = inbox.believed(here, inbound)
    asked._decide_and_keep(here, read(inbound, setup), inbound, setup, apart=False)
    assert post("status", names(txnReferenceId=TXN)).json()["txnStatus"] == "UNKNOWN"
    assert not Payment.objects.exists()

    InboundMessage.objects.update(next_try_at=now())
    drain()
    answer = post("pay", payment(consumer.number))

    assert answer.json()["status"] == "SUCCESS"
    assert Receipt.objects.count() == 1


def test_a_complaint_is_kept_and_answered_with_how_the_payment_stands(channel, consumer) -> None:
    post("pay", payment(consumer.number))

    answer = post(
        "complaint",
        names(complaintId="CC0125270014750", txnReferenceId=TXN, disposition="Not updated"),
    )

    assert answer.json()["txnStatus"] == "SUCCESS"
    assert InboundMessage.objects.filter(event_key__startswith="complaint:").count() == 1


# ---- What is not believed ----------------------------------------------------------------------


def test_what_is_not_proved_is_refused_in_the_channels_shape_and_counted(channel, consumer) -> None:
    said = payment(consumer.number)
    answers = [
        post("pay", said, key="another key"),
        post("pay", said, at=now() - timedelta(seconds=301)),
        post("pay", {**said, "billerId": "MAHA00000MAH01"}),
        Client().post("/ask/bbps/pay", b"{}", content_type="application/json"),
    ]

    assert [one.status_code for one in answers] == [401] * 4
    assert {one.json()["status"] for one in answers} == {"REFUSED"}
    assert tallies() == {"forged": 2, "stale": 1, "wrong_merchant": 1}
    assert not InboundMessage.objects.exists()


def test_a_fetch_cannot_be_replayed_as_a_payment(channel, consumer) -> None:
    body = json.dumps(payment(consumer.number)).encode()
    moment = now().isoformat()
    headers = {"X-Timestamp": moment, "X-Signature": signature(KEY, moment, "fetch", body)}

    answer = Client().post("/ask/bbps/pay", body, content_type="application/json", headers=headers)

    assert answer.status_code == 401
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("body", "headers", "status", "kind"),
    [
        (b" " * (256 * 1024 + 1), {}, 413, "oversized"),
        (b"{}", {"Content-Encoding": "gzip"}, 415, "malformed"),
        (b"{}", {"X-Signature": "a, b"}, 400, "doubled"),
    ],
)
def test_an_envelope_that_is_not_agreed_is_refused(channel, body, headers, status, kind) -> None:
    answer = Client().post("/ask/bbps/pay", body, content_type="application/json", headers=headers)

    assert answer.status_code == status
    assert answer.json()["status"] == "REFUSED"
    assert tallies() == {kind: 1}


def test_nobody_and_who_asks_nothing_are_not_found(channel) -> None:
    make.RazorpayFactory(code="razorpay")

    codes = [post("fetch", names(), code=code).status_code for code in ("nobody", "razorpay")]

    assert codes == [404, 404]
    assert Client().get("/ask/bbps/fetch").status_code == 405


@pytest.mark.parametrize("amount", ["123400", 1234.0, 0, -5, 10**14, None, True])
def test_an_amount_that_is_no_whole_paise_is_refused(channel, consumer, amount) -> None:
    answer = post("pay", payment(consumer.number, amount=amount))

    assert answer.status_code == 400
    assert not InboundMessage.objects.exists()


# ---- At the same moment ------------------------------------------------------------------------


def _together(count: int, act) -> list[dict[str, object]]:
    barrier = threading.Barrier(count)

    def one(number: int) -> dict[str, object]:
        try:
            barrier.wait(20)
            answer: dict[str, object] = act(number)
            return answer
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_same_message", [True, False])
def test_sixteen_at_the_same_moment_make_one_payment_and_get_one_answer(is_same_message) -> None:
    bbps()
    consumer = make.ConsumerFactory()
    said = payment(consumer.number)

    def act(number: int) -> dict[str, object]:
        mine = said if is_same_message else {**said, "msgId": f"MSG{number:032d}"}
        return without_names(post("pay", mine))

    answers = _together(16, act)

    assert Payment.objects.count() == Receipt.objects.count() == 1
    assert all(one == answers[0] for one in answers)
    assert answers[0]["status"] == "SUCCESS"


@pytest.mark.django_db(transaction=True)
def test_of_two_amounts_at_the_same_moment_one_is_credited_and_the_others_are_refused() -> None:
    bbps()
    consumer = make.ConsumerFactory()

    answers = _together(
        8, lambda number: post("pay", payment(consumer.number, amount=100 + number % 2)).json()
    )

    paid = Payment.objects.get().amount_paise
    assert Receipt.objects.count() == 1
    assert {one["amount"] for one in answers if one["status"] == "SUCCESS"} == {paid}
    assert sum(one["status"] == "SUCCESS" for one in answers) == 4


@pytest.mark.django_db(transaction=True)
def test_while_the_database_is_away_the_partner_is_asked_to_come_again() -> None:
    bbps()
    consumer = make.ConsumerFactory()
    assert post("pay", payment(consumer.number)).status_code == 200
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE paychannels_inboundmessage")
            locked.set()
            done.wait(20)
            cursor.execute("ROLLBACK")
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(10)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    answer = post("pay", payment(consumer.number, txnReferenceId="BD016077BAKAAAHT0IRD"))
    done.set()
    holder.join()
    connection.close()

    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert answer.json()["code"] == "unavailable"
    assert Payment.objects.count() == 1
