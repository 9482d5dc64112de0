"""The simulated unit is believed by the real door, and its files tell the same money."""

import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.test import Client

from channels_ import inbox
from channels_.adapters.bbps_api import ADAPTER, simulate
from channels_.adapters.bbps_api.notices import signature
from channels_.contract import LineKind, Method, Setup, Wire
from channels_.models import Channel
from channels_.simulation import Envelope, News, ReportRow, SamplePayment
from cspdcl.kernel.clock import now
from payments.models import Payment
from payments.states import State
from tests import factories as make

pytestmark = pytest.mark.django_db

KEYS = simulate.make_keys()
PAID = datetime(2026, 8, 18, 6, 0, tzinfo=UTC)


@pytest.fixture
def channel():
    inbox.forget()
    channel = make.ChannelFactory(
        code="unit",
        adapter="bbps_api",
        route=Channel.Route.SETTLEMENT,
        merchant_id=simulate.SIMULATION.merchant_id,
        settings=dict(simulate.SIMULATION.settings),
    )
    for name, value in KEYS.ours.items():
        make.ChannelSecretFactory(channel=channel, name=name, value=value)
    yield channel
    inbox.forget()


def sample(number: str) -> SamplePayment:
    return SamplePayment(
        channel_ref="BD016077BAKAAAHT0IRC",
        order_ref="",
        amount_paise=123_400,
        method=Method.NETBANKING,
        network="",
        issuer="SAMP",
        payer="",
        mobile="9000000000",
        rrn="",
        utr="",
        consumer_number=number,
        bill_number="",
        created_at=PAID,
        paid_at=PAID,
        fee_paise=300,
        tax_paise=54,
    )


def post(envelope: Envelope) -> Wire:
    headers = simulate.sign(envelope, Setup(secrets=KEYS.theirs, at=now()))
    address = simulate.SIMULATION.door.format(code="unit", path=envelope.path)
    answer = Client().post(
        address, envelope.body, content_type="application/json", headers=dict(headers)
    )
    return Wire(answer.content, answer.status_code)


def test_a_told_payment_becomes_a_payment_and_its_answer_is_a_success(channel) -> None:
    consumer = make.ConsumerFactory()
    told = simulate.tell(News.PAID, sample(consumer.number), PAID, "event")

    assert simulate.is_accepted(post(told))
    assert simulate.is_accepted(post(told))

    payment = Payment.objects.get()
    assert (payment.state, payment.method) == (State.SUCCEEDED, "netbanking")
    assert payment.business_date.isoformat() == "2026-08-18"


def test_a_refused_fetch_is_no_success(channel) -> None:
    bill = make.BillFactory()

    assert simulate.is_accepted(post(simulate.ask_dues(bill.consumer.number, "one")))
    assert not simulate.is_accepted(post(simulate.ask_dues("999999999999", "two")))


def test_a_unit_tells_payments_only() -> None:
    with pytest.raises(ValueError, match="nothing of failed"):
        simulate.tell(News.FAILED, sample("100000000000"), PAID, "event")


def row(ref: str, word: str, **more) -> ReportRow:
    found = ReportRow(
        channel_ref=ref,
        word=word,
        debit_paise=0,
        credit_paise=123_046,
        amount_paise=123_400,
        fee_paise=300,
        tax_paise=54,
        created_at=PAID,
        settled_at=PAID,
        settlement_ref="BBPS0000000001",
        utr="SAMPN00000000001",
        method="upi",
    )
    return found._replace(**more)


def test_the_report_tells_each_row_in_both_files() -> None:
    taken = {"debit_paise": 50_000, "credit_paise": 0, "amount_paise": 50_000}
    free = {**taken, "fee_paise": 0, "tax_paise": 0}
    rows = [
        row("BD016077BAKAAAHT0IRC", "payment"),
        row(
            "BD016077BAKAAAHT0IRD",
            "adjustment",
            dispute_ref="CC0125270014750",
            payment_ref="BD016077BAKAAAHT0IRE",
            **free,
        ),
        row("BD016077BAKAAAHT0IRF", "reserve_hold", **free),
    ]
    assert ADAPTER.layouts is not None
    raw, mis = ADAPTER.layouts({})

    files = simulate.report(rows)

    assert list(files) == ["csv", "xml"]
    for form, content in ((mis, files["csv"]), (raw, files["xml"])):
        (statement,) = form.read(io.BytesIO(content))
        lines = list(statement.lines)
        assert not statement.refusals
        assert [line.kind for line in lines] == [
            LineKind.PAYMENT,
            LineKind.CHARGEBACK,
            LineKind.UNKNOWN,
        ]
        assert [line.amount_paise for line in lines] == [123_400, -50_000, -50_000]
        assert [line.channel_ref for line in lines] == [one.channel_ref for one in rows]
        net = sum(line.amount_paise - line.fee_paise - line.tax_paise for line in lines)
        assert net == sum(one.net_paise for one in rows)


def test_the_signature_in_the_document_is_right() -> None:
    text = (Path(__file__).parents[3] / "docs" / "bbps.md").read_text(encoding="utf-8")
    found = re.search(r"MOMENT=(.*)\nWORD=(.*)\nBODY='(.*)'\n.*-hmac (\S+)\n# (\w+)", text)
    assert found is not None
    moment, word, body, key, expected = found.groups()

    assert signature(key, moment, word, body.encode()) == expected
