"""The public proof of a receipt: a token that only we can make, and a page that names nobody."""

import base64
import hmac

import pytest
import segno
from django.conf import settings as real
from django.test import Client

from cspdcl.kernel.clock import now, today
from cspdcl.kernel.pace import Pace
from payments import paper, proofs, receipts
from payments.models import Receipt, Tender
from payments.states import State
from payments.views import check
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def receipt(offices) -> Receipt:
    """1,234.50 by cheque at counter 2 of zone Z1."""
    counter = make.CounterFactory(code="rpr-1", name="counter 2", office=offices["Z1"])
    consumer = make.ConsumerFactory(
        name="Sample Consumer", number="100000417263", office=offices["Z1"]
    )
    payment = make.PaymentFactory(
        channel=make.ChannelFactory(), consumer=consumer, consumer_number=consumer.number,
        counter=counter, office=counter.office, amount_paise=123_450, method="cheque",
        state=State.SUCCEEDED, succeeded_at=now(),
    )  # fmt: skip
    Tender.objects.create(
        payment=payment, method="cheque", amount_paise=123_450, instrument="204117"
    )
    return receipts.issue([payment])[0]


def page(token: str, *, address: str = "127.0.0.1") -> tuple[int, str]:
    answer = Client(REMOTE_ADDR=address).get(f"/check/{token}/")
    return answer.status_code, " ".join(answer.content.decode().split())


def test_the_page_says_what_the_paper_is_worth_and_names_nobody(receipt) -> None:
    answer = Client().get(f"/check/{proofs.token_of(receipt)}/")
    text = answer.content.decode()

    assert answer.status_code == 200
    for words in (
        "Valid receipt", "मान्य रसीद", "1,234.50", receipt.label, f"{today():%d-%m-%Y}",
        "Office Z1, counter 2", "••••7263", "Cheque", "Subject to realisation",
    ):  # fmt: skip
        assert words in text, words
    for secret in ("Sample", "417263", "204117", receipt.payment.reference):
        assert secret not in text
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert not answer.cookies


def test_a_cancelled_and_a_replaced_receipt_say_so(receipt, monkeypatch) -> None:
    token = proofs.token_of(receipt)
    Receipt.objects.filter(pk=receipt.pk).update(cancelled_at=now())

    _status, text = page(token)
    assert f"was cancelled on {today():%d-%m-%Y}" in text
    assert "Valid receipt" not in text

    told = paper.HandOver(replaced_by="RPR-1/2026-27/000009")
    monkeypatch.setitem(paper._tellers, "test", lambda asked: {one.pk: told for one in asked})
    assert "Receipt RPR-1/2026-27/000009 was given for it" in page(token)[1]


def test_a_token_changed_at_any_place_is_refused_alike(receipt, monkeypatch) -> None:
    monkeypatch.setattr(check.WRONG, "most", 1000)
    token = proofs.token_of(receipt)
    unknown = page("nobody")

    assert proofs.receipt_of(token) == receipt
    assert proofs.receipt_of(token.lower()) == receipt
    for place, sign in enumerate(token):
        for other in "0Z-":
            changed = f"{token[:place]}{other}{token[place + 1 :]}"
            if other != sign:
                assert proofs.receipt_of(changed) is None, changed
        assert proofs.receipt_of(token[:place] + token[place + 1 :]) is None
        assert page(f"{token[:place]}0{token[place + 1 :]}") == unknown or sign == "0"
    assert unknown[0] == 404


@pytest.mark.parametrize(
    "word", ["", "x", "RPR-1-26-1-", "RPR-1-26-0-0000000000000000", "१-26-1-" + "0" * 16, "9" * 400]
)
def test_a_word_that_is_no_token_costs_no_query_and_is_compared_too(
    word, receipt, monkeypatch, django_assert_num_queries
) -> None:
    compared = []

    def noting(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", noting)

    with django_assert_num_queries(0):
        assert proofs.receipt_of(word) is None
    assert compared == [(proofs.MARK_BYTES,) * 2]  # 80 bits, in constant time


def test_a_key_that_was_replaced_still_proves_and_one_that_was_ended_does_not(
    receipt, settings
) -> None:
    token = proofs.token_of(receipt)
    new = f"7:{base64.b64encode(b'n' * 32).decode()}"

    settings.FIELD_KEYS = f"{new},{real.FIELD_KEYS}"
    assert proofs.token_of(receipt) != token
    assert proofs.receipt_of(token) == receipt
    assert proofs.receipt_of(proofs.token_of(receipt)) == receipt

    settings.FIELD_KEYS = new
    assert proofs.receipt_of(token) is None


def test_the_picture_holds_the_address_with_error_level_m(receipt, settings) -> None:
    settings.PUBLIC_URL = "https://pay.example.org"
    address = proofs.address_of(receipt)

    assert address == f"https://pay.example.org/check/{proofs.token_of(receipt)}/"
    drawn = segno.make(address, error="M", micro=False, boost_error=False)
    assert drawn.error == "M"
    assert str(drawn.version) in "12345"
    path = drawn.svg_inline(border=0, omitsize=True).partition(' d="')[2].partition('"')[0]
    assert path
    assert path in proofs.code_of(receipt)


def test_who_guesses_must_wait_and_others_need_not(receipt) -> None:
    token = proofs.token_of(receipt)
    for _number in range(check.WRONG.most):
        assert page("nobody")[0] == 404

    answer = Client().get(f"/check/{token}/")

    assert answer.status_code == 429
    assert answer["Retry-After"] == "600"
    assert "1,234.50" not in answer.content.decode()
    assert page(token, address="192.0.2.7")[0] == 200


def test_one_connection_of_ipv6_counts_as_one() -> None:
    pace = Pace(2, seconds=60)

    pace.count("2001:db8::1")
    pace.count("2001:db8::2")
    pace.count("192.0.2.7")

    assert pace.is_over("2001:db8::3")
    assert not pace.is_over("2001:db8:0:1::1")
    assert not pace.is_over("192.0.2.7")
    assert not Pace(2, seconds=0).is_over("192.0.2.7")


def test_the_code_can_be_typed(receipt) -> None:
    token = proofs.token_of(receipt)
    typed = f" {token[:9].lower()} {token[9:]}"

    answer = Client().get("/check/", {"code": typed})

    assert answer["Location"] == f"/check/{token}/"
    assert "No such receipt" in Client().get("/check/", {"code": "no/token"}).content.decode()
    assert 'name="code"' in Client().get("/check/").content.decode()
