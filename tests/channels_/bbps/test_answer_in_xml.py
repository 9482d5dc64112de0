"""The XML form end to end: a signed question, the Ack at once, the response posted apart."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import cast

import pytest
import time_machine
from django.db import connection
from django.test import Client
from lxml import etree

from channels_ import inbox, xml_signed
from channels_.adapters.bbps import simulate
from channels_.adapters.bbps.messages import document, read, validate
from channels_.contract import Ask, Inbound, Method, Setup, Wire
from channels_.models import Channel, InboundMessage, RefusalTally
from channels_.simulation import Called, Envelope, News, SamplePayment, World
from cspdcl.kernel.clock import now
from enquiries import replies
from payments import asked, owed
from payments.inbox import drain
from payments.models import OwedReply, Payment, Receipt
from payments.states import State
from tests import factories as make
from tests.enquiries.partner import Partner, running

pytestmark = pytest.mark.django_db

KEYS = simulate.make_keys()
STRANGER = simulate.make_keys()
TXN = "BD016077BAKAAAHT0IRC"

_ids = itertools.count(1)


@pytest.fixture(scope="module")
def server():
    with running() as partner:
        yield partner


@pytest.fixture
def unit(server: Partner) -> Partner:
    """The unit's own server: it proves and acknowledges what we post."""
    server.asked.clear()
    server.fault, server.hold = "", None
    server.reached.clear()
    server.answer = _acknowledged
    return server


class _Empty:
    """The books of a unit that is asked nothing."""


def _acknowledged(path: str, body: bytes) -> Wire:
    theirs = Setup(secrets=KEYS.theirs, at=now())
    return simulate.answer(Called("POST", path, {}, body), cast("World", _Empty()), theirs)


def xml_channel(unit: Partner, **fields) -> Channel:
    channel = make.ChannelFactory(
        code="bbps",
        adapter="bbps",
        route=Channel.Route.SETTLEMENT,
        merchant_id=simulate.BILLER,
        api_url=f"{unit.url}/bbps",
        **fields,
    )
    for name, value in KEYS.ours.items():
        make.ChannelSecretFactory(channel=channel, name=name, value=value)
    return channel


@pytest.fixture
def channel(unit) -> Channel:
    return xml_channel(unit)


@pytest.fixture
def consumer():
    consumer = make.ConsumerFactory()
    make.BillFactory(consumer=consumer, amount_paise=123_400, number="B26080012345")
    return consumer


def sample(number: str, *, paid_at: datetime | None = None, **more) -> SamplePayment:
    moment = paid_at or now()
    found = SamplePayment(
        channel_ref=TXN,
        order_ref="",
        amount_paise=123_400,
        method=Method.UPI,
        network="",
        issuer="SAMP",
        payer="sample@okbank",
        mobile="9000000000",
        rrn="623011223344",
        utr="",
        consumer_number=number,
        bill_number="",
        created_at=moment,
        paid_at=moment,
        fee_paise=0,
        tax_paise=0,
    )
    return found._replace(**more)


def sealed(envelope: Envelope, *, keys=KEYS.theirs, at: datetime | None = None) -> Envelope:
    return simulate.seal(envelope, Setup(secrets=keys, at=at or now()))


def payment(number: str, *, event: str = "", **more) -> Envelope:
    told = simulate.tell(News.PAID, sample(number, **more), now(), event or f"event-{next(_ids)}")
    return sealed(told)


def fetch(number: str) -> Envelope:
    return sealed(simulate.ask_dues(number, now(), f"event-{next(_ids)}"))


def post(envelope: Envelope):
    return Client().post(
        f"/ask/bbps/{envelope.path}", envelope.body, content_type="application/xml"
    )


def heard(unit: Partner) -> list[etree._Element]:
    """What the unit was told, each proved by our key and shaped as agreed."""
    found = []
    for _method, _path, _headers, body in unit.asked:
        root = document(body)
        xml_signed.check(root, KEYS.theirs["signing_key"])
        validate(root)
        found.append(root)
    return found


def part(root: etree._Element, path: str) -> etree._Element:
    found = root.find(path)
    assert found is not None
    return found


def test_a_fetch_is_acknowledged_at_once_and_answered_apart(channel, consumer, unit) -> None:
    question = fetch(consumer.business_partner)

    ack = post(question)

    assert (ack.status_code, ack["Content-Type"]) == (200, "application/xml")
    root = document(ack.content)
    validate(root)
    assert (root.get("api"), root.get("RspCd")) == ("FETCH_REQUEST", "Successful")
    assert not unit.asked

    assert replies.deliver() == 1
    (told,) = heard(unit)
    ref = question.path.rpartition(":")[2]
    assert unit.asked[0][1] == f"/api/bbps/BillFetchResponse/1.0/urn:referenceId:{ref}"
    assert part(told, "Reason").get("responseCode") == "000"
    bill = part(told, "BillerResponse")
    assert (bill.get("amount"), bill.get("customerName")) == ("123400", consumer.name)
    assert (bill.get("dueDate"), bill.get("billNumber")) == ("2026-08-21", "B26080012345")
    assert OwedReply.objects.get().state == OwedReply.State.SENT
    assert not InboundMessage.objects.exists()


@pytest.mark.parametrize(
    ("number", "code"), [("999999999999", "BFR001"), ("paid", "BFR004"), ("prepaid", "BFR001")]
)
def test_a_fetch_without_a_bill_has_its_compliance_code(unit, consumer, number, code) -> None:
    xml_channel(unit, settings={"category": "postpaid"})
    if number == "paid":
        make.PaymentFactory(consumer=consumer, amount_paise=123_400, paid=True)
        number = consumer.number
    if number == "prepaid":
        number = make.ConsumerFactory(plan="prepaid").number

    post(fetch(number))
    replies.deliver()

    reason = part(heard(unit)[0], "Reason")
    assert (reason.get("responseCode"), reason.get("complianceRespCd")) == ("200", code)


def test_a_payment_is_credited_before_the_ack_and_answered_apart(channel, consumer, unit) -> None:
    assert post(payment(consumer.number)).status_code == 200

    paid = Payment.objects.get()
    assert (paid.state, paid.channel_ref, paid.consumer) == (State.SUCCEEDED, TXN, consumer)
    replies.deliver()
    (told,) = heard(unit)
    assert etree.QName(told).localname == "BillPaymentResponse"
    assert part(told, "Reason").get("approvalRefNum") == paid.reference
    assert part(told, "Txn").get("type") == "FORWARD TYPE RESPONSE"
    assert part(told, "Txn").get("txnReferenceId") == TXN
    assert part(told, "BillerResponse").get("amount") == "123400"


def test_a_repeat_is_answered_again_and_alike(channel, consumer, unit) -> None:
    post(payment(consumer.number))
    replies.deliver()
    post(payment(consumer.number))
    post(payment(consumer.number, amount_paise=99_900))
    replies.deliver()

    reasons = [dict(part(told, "Reason").attrib) for told in heard(unit)]
    assert reasons[0] == reasons[1]
    assert reasons[2]["responseCode"] == "200"
    assert Payment.objects.count() == Receipt.objects.count() == 1


def test_an_unknown_consumer_is_refused_and_a_late_payment_of_one_is_taken(channel, unit) -> None:
    post(payment("999999999999"))
    replies.deliver()
    assert part(heard(unit)[0], "Reason").get("responseCode") == "200"
    assert not Payment.objects.exists()

    post(payment("999999999999", paid_at=now() - timedelta(hours=3)))
    replies.deliver()

    assert part(heard(unit)[1], "Reason").get("responseCode") == "000"
    assert Payment.objects.get().consumer is None


def test_a_paused_channel_says_that_it_is_unavailable(unit, consumer) -> None:
    xml_channel(unit, paused_at=now(), paused_by="sample", pause_reason="sample")

    post(fetch(consumer.number))
    post(payment(consumer.number))
    replies.deliver()

    reasons = [part(told, "Reason") for told in heard(unit)]
    assert [one.get("responseCode") for one in reasons] == ["200", "200"]
    assert reasons[0].get("complianceRespCd") == "BFR008"
    assert not Payment.objects.exists()


def test_a_unit_that_is_away_gets_its_answer_later(channel, consumer, unit) -> None:
    unit.fault = "cut"
    post(payment(consumer.number))
    replies.deliver()
    owed = OwedReply.objects.get()
    assert (owed.state, owed.attempts) == (OwedReply.State.DUE, 1)

    unit.fault = ""
    assert replies.deliver() == 0
    OwedReply.objects.update(next_try_at=now())
    assert replies.deliver() == 1

    assert OwedReply.objects.get().state == OwedReply.State.SENT


def test_an_answer_that_nobody_acknowledges_is_given_up_in_the_end(
    channel, consumer, unit, caplog
) -> None:
    unit.answer = lambda _path, _body: Wire(b"<html/>", 500)
    post(payment(consumer.number))

    for _ in range(10):
        replies.deliver()
        OwedReply.objects.update(next_try_at=now())

    owed = OwedReply.objects.get()
    assert (owed.state, owed.attempts) == (OwedReply.State.GIVEN_UP, 8)
    assert len(unit.asked) == 8
    assert "is not delivered" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_slow_unit_is_told_each_answer_once(unit) -> None:
    xml_channel(unit)
    consumer = make.ConsumerFactory()
    for _ in range(4):
        post(fetch(consumer.number))
    gate = unit.hold = threading.Event()

    def deliver() -> None:
        try:
            replies.deliver()
        finally:
            connection.close()

    slow = threading.Thread(target=deliver)
    slow.start()
    assert unit.reached.wait(10)
    unit.hold = None
    with time_machine.travel(now() + timedelta(seconds=30), tick=True):
        assert replies.deliver() == 3
        gate.set()
        slow.join(20)

    assert len({path for _method, path, _headers, _body in unit.asked}) == len(unit.asked) == 4
    assert set(OwedReply.objects.values_list("attempts", "state")) == {(1, "sent")}


def test_an_answer_that_kills_its_worker_is_given_up(channel, consumer, unit) -> None:
    post(fetch(consumer.number))
    for _ in range(owed.ATTEMPTS_MAX):
        assert owed._claim() is not None  # and here the worker is killed
        OwedReply.objects.update(next_try_at=now())

    assert replies.deliver() == 0
    assert OwedReply.objects.get().state == OwedReply.State.GIVEN_UP
    assert not unit.asked


def test_a_question_that_is_asked_again_much_later_is_answered_again(
    channel, consumer, unit
) -> None:
    question = fetch(consumer.number)
    ask = _asked_in(question)
    post(question)
    replies.deliver()
    with time_machine.travel(now() + timedelta(minutes=11), tick=False):
        owed.owe(channel, ask=ask)
        replies.deliver()

    assert len(unit.asked) == 2
    assert OwedReply.objects.get().state == OwedReply.State.SENT


def _asked_in(question: Envelope) -> Ask:
    inbound = Inbound(question.body, {}, question.path)
    return read(inbound, inbox.believed(inbox.door("bbps"), inbound))


def test_what_a_kill_left_is_applied_and_answered(channel, consumer, unit) -> None:
    envelope = payment(consumer.number)
    inbound = Inbound(envelope.body, {}, envelope.path)
    here = inbox.door("bbps")
    setup = inbox.believed(here, inbound)
    # What is committed before the Ack, and nothing after it.
    asked._decide_and_keep(here, read(inbound, setup), inbound, setup, apart=True)

    replies.deliver()
    assert not unit.asked
    assert OwedReply.objects.get().outcome == "the payment is not decided yet"
    for rows in (InboundMessage.objects, OwedReply.objects):
        rows.update(next_try_at=now())
    drain()
    replies.deliver()

    assert part(heard(unit)[0], "Reason").get("responseCode") == "000"
    assert Receipt.objects.count() == 1


def test_status_complaint_and_heartbeat_are_answered(channel, consumer, unit) -> None:
    post(payment(consumer.number))
    at = now()
    for api, inside in (
        ("TxnStatusRequest", f'<TxnStatusReq txnReferenceId="{TXN}"/>'),
        (
            "TxnStatusComplainRequest",
            f'<TxnStatusComplainReq complaintId="CC0125270014750" txnReferenceId="{TXN}"/>',
        ),
        ("ReqHbt", ""),
    ):
        root = simulate._request(api, api, at)
        simulate._txn(root, api, at)
        if inside:
            root.append(etree.fromstring(inside))
        assert post(sealed(simulate._envelope(root))).status_code == 200
    replies.deliver()

    told = {etree.QName(one).localname: one for one in heard(unit)}
    assert set(told) == {
        "BillPaymentResponse",
        "TxnStatusResponse",
        "TxnStatusComplainResponse",
        "ResHbt",
    }
    assert part(told["TxnStatusResponse"], "Reason").get("responseCode") == "000"
    assert part(told["TxnStatusComplainResponse"], "TxnStatusComplainResp").get("txnStatus") == (
        "SUCCESS"
    )


@pytest.mark.parametrize(("agreed", "code", "state"), [
    ({}, "200", State.SUCCEEDED),
    ({"reversal": "same_day"}, "000", State.REVERSED),
])  # fmt: skip
def test_a_reversal_is_done_only_if_it_is_agreed(unit, consumer, agreed, code, state) -> None:
    xml_channel(unit, settings=agreed)
    post(payment(consumer.number))
    told = simulate.tell(News.PAID, sample(consumer.number), now(), "reversal")
    body = told.body.replace(b"FORWARD TYPE REQUEST", b"REVERSAL TYPE REQUEST")

    post(sealed(told._replace(body=body)))
    replies.deliver()

    assert Payment.objects.get().state == state
    reversal = [one for one in heard(unit) if part(one, "Txn").get("type", "").startswith("REV")]
    assert [part(one, "Reason").get("responseCode") for one in reversal] == [code]


# ---- What is not believed ----------------------------------------------------------------------


def _wrapped(envelope: Envelope) -> bytes:
    """The signed document moved inside another one that says something else."""
    signed = etree.fromstring(envelope.body)
    evil = etree.fromstring(envelope.body)
    part(evil, "Amount/Amt").set("amount", "1")
    holder = part(evil, "{*}Signature")
    holder.append(signed)
    return etree.tostring(evil)


def _two_signatures(envelope: Envelope) -> bytes:
    root = etree.fromstring(envelope.body)
    root.append(etree.fromstring(etree.tostring(part(root, "{*}Signature"))))
    return etree.tostring(root)


def _part_signed(envelope: Envelope) -> bytes:
    root = etree.fromstring(envelope.body)
    part(root, "Head").set("Id", "head")
    part(root, ".//{*}Reference").set("URI", "#head")
    return etree.tostring(root)


def _no_signature(envelope: Envelope) -> bytes:
    root = etree.fromstring(envelope.body)
    root.remove(part(root, "{*}Signature"))
    return etree.tostring(root)


def _changed(envelope: Envelope) -> bytes:
    return envelope.body.replace(b'amount="123400"', b'amount="123401"')


def _entities(envelope: Envelope) -> bytes:
    document_type = b'<!DOCTYPE a [<!ENTITY b "c">]>'
    return document_type + envelope.body.partition(b"?>")[2]


def _comment(envelope: Envelope) -> bytes:
    return envelope.body.replace(b"<Amount>", b"<!-- --><Amount>")


def _deep(_envelope: Envelope) -> bytes:
    return b"<a>" * 5_000 + b"</a>" * 5_000


def _wide(_envelope: Envelope) -> bytes:
    inside = b"<Tag/>" * 30_000
    return (
        b'<n:BillFetchRequest xmlns:n="http://bbps.org/schema">'
        + inside
        + (b"</n:BillFetchRequest>")
    )


def _another_digest(envelope: Envelope) -> bytes:
    return envelope.body.replace(b"xmlenc#sha256", b"xmldsig#sha1").replace(
        b"2001/04/xmldsig", b"2000/09/xmldsig"
    )


@pytest.mark.parametrize(
    "forge",
    [
        *(_wrapped, _two_signatures, _part_signed, _no_signature, _changed, _entities),
        *(_comment, _deep, _wide, _another_digest),
    ],
)
def test_hostile_documents_are_refused_with_a_failure(channel, consumer, forge) -> None:
    envelope = payment(consumer.number)

    answer = post(envelope._replace(body=forge(envelope)))

    assert answer.status_code == 401
    assert document(answer.content).get("RspCd") == "Failure"
    assert not InboundMessage.objects.exists()
    assert not OwedReply.objects.exists()
    assert RefusalTally.objects.get().kind == RefusalTally.Kind.FORGED


@pytest.mark.parametrize(
    ("keys", "ahead", "kind"),
    [
        (STRANGER.theirs, 0, "forged"),
        (KEYS.theirs, -301, "stale"),
        (KEYS.theirs, 301, "stale"),
    ],
)
def test_another_key_and_another_time_are_refused(channel, consumer, keys, ahead, kind) -> None:
    told = simulate.tell(News.PAID, sample(consumer.number), now(), "event")

    answer = post(sealed(told, keys=keys, at=now() + timedelta(seconds=ahead)))

    assert answer.status_code == 401
    assert RefusalTally.objects.get().kind == kind
    assert not Payment.objects.exists()


def test_another_biller_and_another_address_are_refused(channel, consumer) -> None:
    told = simulate.tell(News.PAID, sample(consumer.number), now(), "event")
    other = told._replace(body=told.body.replace(b"CSPDCL000CHH01", b"MAHA00000MAH01"))

    assert post(sealed(other)).status_code == 401
    assert post(
        sealed(told)._replace(path="BillFetchRequest/1.0/urn:referenceId:X")
    ).status_code == (400)
    assert {one.kind for one in RefusalTally.objects.all()} == {"wrong_merchant", "malformed"}
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'amount="123400" custConvFee', b'amount="1234.00" custConvFee'),
        (b'amount="123400" custConvFee', b'amount="-5" custConvFee'),
        (b'currency="356"', b'currency="840"'),
        (b"<Amount>", b'<Amount><Amt amount="5" currency="356"/>'),
        (b"<PaymentMethod ", b"<Method "),
        (TXN.encode(), b"short"),
        (b"<Customer ", b"<Surprise/><Customer "),
    ],
)
def test_what_is_signed_and_not_as_agreed_is_refused(channel, consumer, old, new) -> None:
    told = simulate.tell(News.PAID, sample(consumer.number), now(), "event")
    assert old in told.body

    answer = post(sealed(told._replace(body=told.body.replace(old, new))))

    assert answer.status_code == 400
    assert not InboundMessage.objects.exists()


# ---- At the same moment ------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_eight_at_the_same_moment_make_one_payment_and_each_is_answered(unit) -> None:
    xml_channel(unit)
    consumer = make.ConsumerFactory()
    envelopes = [payment(consumer.number) for _ in range(8)]
    barrier = threading.Barrier(8)

    def send(envelope: Envelope) -> int:
        try:
            barrier.wait(20)
            return int(post(envelope).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(send, envelopes)) == [200] * 8

    def deliver(_: int) -> int:
        try:
            return replies.deliver()
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(deliver, range(3))) == 8

    told = heard(unit)
    assert Payment.objects.count() == Receipt.objects.count() == 1
    assert len(told) == 8
    assert len({part(one, "Reason").get("approvalRefNum") for one in told}) == 1
