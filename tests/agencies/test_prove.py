"""Who calls is proved by key, signature, moment, address and nonce; every failure is counted."""

from datetime import timedelta

import pytest
import time_machine

from agencies import doors, tasks
from agencies.models import AgencyKey, Nonce
from channels_.models import Channel, RefusalTally
from cspdcl.kernel.clock import now
from payments.models import Payment
from tests.agencies.partner import Partner, asked, make_agency, make_key

pytestmark = pytest.mark.django_db


def tallies() -> dict[tuple[str, str], int]:
    return {(one.channel_code, one.kind): one.count for one in RefusalTally.objects.order_by("pk")}


def stamp(**off: float) -> str:
    return str(int((now() + timedelta(**off)).timestamp()))


@pytest.mark.parametrize(
    ("wrong", "code", "tally"),
    [
        ({"headers": {"X-Agency-Key": "ak_nobody"}}, "forged", ("?", "unknown_channel")),
        ({"headers": {"X-Agency-Key": ""}}, "unsigned", ("?", "forged")),
        ({"headers": {"X-Agency-Key": "ak_atp, ak_atp"}}, "unsigned", ("?", "doubled")),
        ({"headers": {"X-Signature": "0" * 64}}, "forged", ("atp", "forged")),
        ({"headers": {"X-Signature": "é"}}, "unsigned", ("?", "forged")),
        ({"headers": {"X-Signature": ""}}, "unsigned", ("?", "forged")),
        ({"headers": {"X-Timestamp": "now"}}, "unsigned", ("?", "forged")),
        ({"headers": {"X-Nonce": "short"}}, "unsigned", ("?", "forged")),
        ({"headers": {"X-Nonce": "another-nonce-than-signed"}}, "forged", ("atp", "forged")),
        ({"signed_path": "float/?last=2"}, "forged", ("atp", "forged")),
        ({"signed_path": "dues/"}, "forged", ("atp", "forged")),
        ({"signed_body": b"another body"}, "forged", ("atp", "forged")),
        ({"seconds_off": -310}, "stale", ("atp", "stale")),
        ({"seconds_off": 400}, "stale", ("atp", "stale")),
    ],
    ids=str,
)
def test_what_is_not_proved_is_refused_and_counted(partner, wrong, code, tally) -> None:
    # The clock is read here: between collecting a test and running it minutes may pass.
    off = wrong.get("seconds_off")
    told = wrong if off is None else {"timestamp": stamp(seconds=off)}
    answer = partner.get("float/?last=1", **told)

    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.json()["expected"]
    assert answer["WWW-Authenticate"] == "AgencyKey"
    assert tallies() == {tally: 1}
    assert not Nonce.objects.exists()


def test_a_wrong_secret_and_another_agencys_secret_are_refused(partner) -> None:
    make_agency("csc")

    refused = [
        Partner(secret="a guess"),
        Partner("ak_csc", secret="a guess"),
    ]

    assert [one.get("float/").status_code for one in refused] == [401, 401]
    assert partner.get("float/").status_code == 200
    assert tallies() == {("atp", "forged"): 1, ("csc", "forged"): 1}


def test_a_request_is_taken_once_whatever_it_was_answered(partner, consumer) -> None:
    signed = {"timestamp": stamp(), "nonce": "a-nonce-of-sixteen"}

    first = partner.post("payments/", asked(consumer, amount_paise=10**9), **signed)
    again = partner.post("payments/", asked(consumer, amount_paise=10**9), **signed)

    assert (first.status_code, again.status_code) == (422, 401)
    assert again.json()["code"] == "replayed"
    assert tallies() == {("atp", "replayed"): 1}
    assert not Payment.objects.exists()


def test_a_nonce_belongs_to_its_key(partner, agency) -> None:
    make_key(agency, key_id="ak_second")

    answers = [
        Partner(key_id).get("float/", nonce="a-nonce-of-sixteen")
        for key_id in ("ak_atp", "ak_second")
    ]

    assert [one.status_code for one in answers] == [200, 200]


def test_used_nonces_are_forgotten_only_when_no_request_could_use_them(partner) -> None:
    signed = {"timestamp": stamp(seconds=290), "nonce": "a-nonce-of-sixteen"}
    partner.get("float/", **signed)

    with time_machine.travel(now() + timedelta(seconds=580), tick=False):
        tasks.forget_nonces()
        assert partner.get("float/", **signed).json()["code"] == "replayed"
    with time_machine.travel(now() + timedelta(seconds=601), tick=False):
        tasks.forget_nonces()
        assert not Nonce.objects.exists()
        assert partner.get("float/", **signed).json()["code"] == "stale"


@pytest.mark.parametrize(
    ("address", "status"),
    [("203.0.113.9", 200), ("203.0.114.9", 401), ("", 401), ("2001:db8::1", 200)],
)
def test_only_agreed_addresses_come_in(agency, address, status) -> None:
    AgencyKey.objects.update(addresses=["203.0.113.0/24", "2001:db8::/32"])
    doors.forget()

    answer = Partner().get("float/", REMOTE_ADDR=address)

    assert answer.status_code == status
    if status == 401:
        assert answer.json()["code"] == "wrong_address"
        assert tallies() == {("atp", "wrong_address"): 1}
        assert not Nonce.objects.exists()


@pytest.mark.parametrize("held", ["dues", "pay", "reverse", "status", "float"])
def test_a_key_does_what_it_was_given(agency, consumer, held) -> None:
    reference = Partner().post("payments/", asked(consumer)).json()["reference"]
    make_key(agency, key_id="ak_narrow", capabilities=[held])
    narrow = Partner("ak_narrow")

    allowed = {
        "dues": narrow.get("dues/?consumer=100000000000").status_code,
        "pay": narrow.post("payments/", asked(consumer, "T2")).status_code,
        "status": narrow.get(f"payments/{reference}/").status_code,
        "float": narrow.get("float/").status_code,
        "reverse": narrow.post(f"payments/{reference}/reverse/", {"reason": "wrong"}).status_code,
    }

    assert {name for name, status in allowed.items() if status != 403} == {held}
    listed = narrow.get("payments/")
    assert (listed.status_code == 200) == (held == "status")
    peeked = narrow.send("HEAD", "float/")
    assert (peeked.status_code == 200) == (held == "float")


def test_an_agency_that_is_switched_off_is_refused(partner, agency) -> None:
    agency.is_active = False
    agency.save()
    doors.forget()
    first = partner.get("float/")
    agency.is_active = True
    agency.save()
    Channel.objects.update(is_live=False)
    doors.forget()
    second = partner.get("float/")

    assert [one.status_code for one in (first, second)] == [403, 403]
    assert first.json()["code"] == "switched_off"
    assert tallies() == {("atp", "not_live"): 2}


def test_an_ended_key_is_nobody(partner) -> None:
    AgencyKey.objects.update(ended_at=now())
    doors.forget()

    assert partner.get("float/").json()["code"] == "forged"


def test_odd_requests_are_refused_before_they_are_read(partner) -> None:
    encoded = partner.get("float/", headers={"Content-Encoding": "gzip"})
    large = partner.post("payments/", {"txn_id": "x" * 70_000})
    text = partner.send("PUT", "float/")
    odd = partner.get("float/", headers={"Accept": "text/html"})

    assert [one.status_code for one in (encoded, large, text, odd)] == [415, 413, 405, 406]
    assert {one["Content-Type"] for one in (encoded, large, text, odd)} == {
        "application/problem+json"
    }


def test_a_key_notes_that_it_lives_at_most_once_a_minute(partner) -> None:
    partner.get("float/")
    first = AgencyKey.objects.get().last_used_at
    partner.get("float/")

    assert first is not None
    assert AgencyKey.objects.get().last_used_at == first


def test_a_person_or_machine_of_ours_is_no_agency(as_role, agency) -> None:
    for role in ("administrator", "channel"):
        assert as_role(role).get("/partner/v1/float/").status_code == 401
