"""Virtual accounts over the real door: strangers' money goes back, a UTR counts once."""

import base64
import hashlib
import hmac
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from channels_ import inbox, registry
from channels_.adapters.van_hdfc.codes import IN, OUT
from channels_.adapters.van_icici.envelope import BANK_KEY, PRIVATE_KEY, opened, sealed
from channels_.adapters.van_icici.simulate import make_keys
from channels_.contract import Inbound, Setup
from channels_.models import Channel, InboundMessage, RefusalTally
from channels_.secrets import set_secret
from channels_.simulation import SampleKeys
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import Unverified
from payments.models import Consumer, Payment, Receipt
from payments.states import State
from tests import factories as make

pytestmark = pytest.mark.django_db

UTR = "SBINN52026081811431836"
KEYS = make_keys()
TOKEN = "bank:secret"


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> None:
    inbox.forget()


@pytest.fixture
def consumer() -> Consumer:
    return make.ConsumerFactory()


def channel(adapter: str, secrets: dict[str, str], **settings: Any) -> Channel:
    simulation = registry.simulation(adapter)
    assert simulation is not None
    made = make.ChannelFactory(
        code=adapter.replace("_", "-"),
        adapter=adapter,
        route=Channel.Route.TRANSFER,
        merchant_id=simulation.merchant_id,
        settings={**simulation.settings, **settings},
    )
    for name, value in secrets.items():
        set_secret(made, name=name, value=value, actor="test")
    return made


@pytest.fixture
def icici() -> Channel:
    return channel("van_icici", dict(KEYS.ours))


@pytest.fixture
def hdfc() -> Channel:
    return channel("van_hdfc", {"credentials": "bank:secret"})


def ask_icici(
    consumer_number: str,
    *,
    step: str = "posting",
    utr: str = UTR,
    amount: str = "1234.00",
    keys: SampleKeys = KEYS,
    turn: int = 1,
) -> Any:
    said = {
        "ClientCode": "CSPS",
        "VirtualAccountNumber": f"CSPS{consumer_number}",
        "Mode": "NEFT",
        "UTR": utr,
        "Amount": amount,
        "PayerName": "Sample payer",
        "PayerAccNumber": "000020004321",
        "PayerBankIFSC": "SBIN0000001",
        "PayerPaymentDate": "20260818",
    }
    body = sealed(
        said,
        key=keys.theirs[PRIVATE_KEY],
        nonce=f"{turn:032x}",
        request_id=f"req-{turn}",
        service="eCollections",
    )
    return Client().post(f"/ask/van-icici/{step}", body, content_type="application/json")


def icici_says(answer: Any) -> dict[str, Any]:
    """What the bank reads with its own private key."""
    assert answer.status_code == 200, answer.content
    theirs = Setup(secrets={PRIVATE_KEY: KEYS.theirs[BANK_KEY]})
    return dict(opened(answer.content, theirs))


def ask_hdfc(
    consumer_number: str,
    *,
    step: str = "credit",
    token: str = TOKEN,
    door: str = "ask",
    **changes: Any,
) -> Any:
    record = {
        "Client Code": "CSPSAMPLE",
        "Virtual Account Number": f"CSPH{consumer_number}",
        "Transaction Amount": "1234.00",
        "UTR number": UTR,
        "Sender Name": "Sample payer",
        "Mode": "N",
        **changes,
    }
    authorization = f"Basic {base64.b64encode(token.encode()).decode()}"
    return Client(headers={"authorization": authorization}).post(
        f"/{door}/van-hdfc/{step}",
        json.dumps({IN: [record]}),
        content_type="application/json",
    )


def test_a_hold_is_accepted_for_a_consumer_and_rejected_for_a_stranger(icici, consumer) -> None:
    known = icici_says(ask_icici(consumer.business_partner, step="hold"))
    unknown = icici_says(ask_icici("9999999999", step="hold"))

    assert known == {"AcceptOrReject": "Y", "Message": "Accept", "Code": "11"}
    assert unknown == {"AcceptOrReject": "N", "Message": "Reject", "Code": "12"}
    assert not Payment.objects.exists()
    assert not InboundMessage.objects.exists()


def test_a_hold_for_a_closed_account_is_accepted_while_it_owes(icici) -> None:
    closed = make.ConsumerFactory(is_active=False)

    nothing_owed = icici_says(ask_icici(closed.number, step="hold"))
    make.BillFactory(consumer=closed)
    still_owes = icici_says(ask_icici(closed.number, step="hold", turn=2))

    assert (nothing_owed["AcceptOrReject"], still_owes["AcceptOrReject"]) == ("N", "Y")


def test_a_question_at_the_door_for_notices_is_refused_and_in_nobodys_way(hdfc, consumer) -> None:
    """Both questions have the same bytes: kept at the wrong door, one would hide the other."""
    for step in ("validate", "credit"):
        wrong_door = ask_hdfc(consumer.number, step=step, door="in")
        assert (wrong_door.status_code, wrong_door.json()["code"]) == (400, "malformed")
    broken = ask_hdfc(consumer.number, door="in", **{"Transaction Amount": "0"})
    assert broken.status_code == 400
    assert not InboundMessage.objects.exists()
    assert RefusalTally.objects.get().count == 3

    assert ask_hdfc(consumer.number).json()[OUT][0]["Status"] == "Success"
    assert Payment.objects.get().consumer == consumer


def test_a_posting_without_a_hold_is_credited_once_whatever_its_envelope(icici, consumer) -> None:
    first = icici_says(ask_icici(consumer.business_partner, turn=1))
    again = icici_says(ask_icici(consumer.business_partner, turn=2))
    other = icici_says(ask_icici(consumer.business_partner, amount="9999.00", turn=3))

    assert first == {"Response": "Success", "Code": "11"}
    assert again == other == {"Response": "Duplicate UTR", "Code": "06"}
    payment = Payment.objects.get()
    assert (payment.state, payment.consumer, payment.amount_paise) == (
        State.SUCCEEDED,
        consumer,
        123_400,
    )
    assert (payment.channel_ref, payment.utr) == (UTR, UTR)
    assert Receipt.objects.count() == 1


def test_a_hold_for_what_is_credited_is_accepted_again(icici, consumer) -> None:
    ask_icici(consumer.number)

    late = icici_says(ask_icici(consumer.number, step="hold", turn=2))

    assert late["AcceptOrReject"] == "Y"
    assert Payment.objects.count() == 1


def test_money_that_came_for_a_stranger_is_kept_for_a_person(icici) -> None:
    said = icici_says(ask_icici("9999999999"))

    assert said == {"Response": "Success", "Code": "11"}
    payment = Payment.objects.get()
    assert (payment.consumer, payment.state) == (None, State.SUCCEEDED)


@pytest.mark.parametrize("addresses", [[], ["203.0.113.7"], ["nonsense"], "203.0.113.0/28"])
def test_from_another_address_nobody_is_believed(consumer, addresses) -> None:
    channel("van_icici", dict(KEYS.ours), addresses=addresses)

    answer = ask_icici(consumer.number)

    assert answer.status_code == 403
    assert RefusalTally.objects.get().kind == "forged"
    assert not InboundMessage.objects.exists()


def test_a_message_for_another_key_or_client_is_refused(icici, consumer) -> None:
    wrong_key = ask_icici(consumer.number, keys=make_keys())
    Channel.objects.update(merchant_id="OTHER")
    inbox.forget()
    wrong_client = ask_icici(consumer.number)

    assert (wrong_key.status_code, wrong_client.status_code) == (403, 403)
    assert set(RefusalTally.objects.values_list("kind", flat=True)) == {"forged", "wrong_merchant"}
    assert not Payment.objects.exists()


def test_a_message_under_the_key_before_is_read_after_the_keys_have_changed(
    icici, consumer
) -> None:
    set_secret(icici, name=PRIVATE_KEY, value=make_keys().ours[PRIVATE_KEY], actor="test")
    inbox.forget()

    said = icici_says(ask_icici(consumer.number))

    assert said == {"Response": "Success", "Code": "11"}
    assert Payment.objects.get().consumer == consumer


def test_while_the_channel_is_paused_the_bank_asks_again_and_its_money_counts(
    icici, consumer
) -> None:
    Channel.objects.update(paused_at=now(), paused_by="x", pause_reason="y")
    inbox.forget()

    assert ask_icici(consumer.number, step="hold").status_code == 503
    assert icici_says(ask_icici(consumer.number)) == {"Response": "Success", "Code": "11"}


def test_a_validation_with_a_token_is_answered_with_the_record(hdfc, consumer) -> None:
    (known,) = ask_hdfc(consumer.business_partner, step="validate").json()[OUT]
    (unknown,) = ask_hdfc("9999999999", step="validate").json()[OUT]

    assert (known["Status"], known["Reject Reason"]) == ("Success", "")
    assert known["UTR number"] == UTR
    assert (unknown["Status"], unknown["Reject Reason"]) == ("Reject", "unknown consumer")
    assert not Payment.objects.exists()


def test_a_credit_with_a_token_counts_once(hdfc, consumer) -> None:
    answers = [ask_hdfc(consumer.number).json()[OUT][0]["Status"] for _ in range(3)]

    assert answers == ["Success", "Duplicate", "Duplicate"]
    assert Payment.objects.get().consumer == consumer
    assert Receipt.objects.count() == 1


@pytest.mark.parametrize("token", ["", "bank:Secret", "bank:secret,bank:secret", "x" * 4000])
def test_a_wrong_token_leaves_no_trace(hdfc, consumer, token) -> None:
    answer = ask_hdfc(consumer.number, token=token)

    assert answer.status_code == 401
    assert not Payment.objects.exists()
    assert not InboundMessage.objects.exists()


def test_what_proves_the_bank_is_not_kept_as_evidence(hdfc, consumer) -> None:
    ask_hdfc(consumer.number)

    kept = InboundMessage.objects.get()
    assert "authorization" not in kept.headers
    assert b"YmFuazpzZWNyZXQ" not in json.dumps(kept.headers).encode()


def test_a_header_of_the_banks_own_must_be_one_that_is_never_kept(hdfc) -> None:
    adapter = registry.adapter("van_hdfc")
    assert adapter.verify is not None
    setup = Setup(secrets={"credentials": "s"}, settings={"auth": "x-proof"})
    inbound = Inbound(b"{}", {"x-proof": "s", "x-bank-token": "s"})

    with pytest.raises(Unverified):
        adapter.verify(inbound, setup)
    adapter.verify(inbound, replace(setup, settings={"auth": "X-Bank-Token"}))


@pytest.mark.django_db(transaction=True)
def test_eight_equal_postings_at_once_are_one_credit() -> None:
    channel("van_icici", dict(KEYS.ours))
    consumer = make.ConsumerFactory()
    barrier = threading.Barrier(8)

    def post(turn: int) -> str:
        try:
            barrier.wait(10)
            return str(icici_says(ask_icici(consumer.number, turn=turn))["Code"])
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(post, range(1, 9)))

    assert set(codes) <= {"11", "06"}
    assert Payment.objects.count() == 1
    assert Receipt.objects.count() == 1


def plain(consumer_number: str, *, step: str, key: str = make.NOTICE_KEY, **changes: Any) -> Any:
    said = {
        "event_id": "e-1",
        "credited_at": "2026-08-18T12:00:00+05:30",
        "mode": "NEFT",
        "utr": UTR,
        "amount": "1234.00",
        "virtual_account": f"CSPD{consumer_number}",
        **changes,
    }
    body = json.dumps(said).encode()
    signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-signature": signature, "x-event-id": said["event_id"]}
    return Client(headers=headers).post(f"/ask/neft/{step}", body, content_type="application/json")


def test_the_plain_agreement_knows_the_question_before_the_credit(consumer) -> None:
    make.BankTransferFactory(code="neft")

    known = plain(consumer.business_partner, step="validate", utr="").json()
    unknown = plain("9999999999", step="validate", utr="", event_id="e-2").json()
    first = plain(consumer.business_partner, step="credit").json()
    again = plain(consumer.business_partner, step="credit").json()

    assert known == {"event_id": "e-1", "decision": "accept"}
    assert unknown == {"event_id": "e-2", "decision": "reject", "reason": "unknown_consumer"}
    payment = Payment.objects.get()
    assert first == {
        "event_id": "e-1",
        "status": "credited",
        "reference": payment.reference,
        "receipt": payment.receipt.label,
    }
    assert again == {**first, "status": "duplicate"}


def test_the_plain_question_is_signed_too(consumer) -> None:
    make.BankTransferFactory(code="neft")

    assert plain(consumer.number, step="validate", key="another").status_code == 401
    assert plain(consumer.number, step="somewhere").status_code == 400
    assert not Payment.objects.exists()
