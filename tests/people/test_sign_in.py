"""The door: passwords, locks, idle sessions, the second factor, keys."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client
from django.urls import reverse
from rest_framework.exceptions import AuthenticationFailed

from cspdcl.kernel.clock import now
from cspdcl.kernel.crypto import Undecipherable
from people import second_factor
from people.auth import ApiKeyAuthentication, make_api_key, revoke_api_key
from people.models import ApiKey, AuditEvent, SecondFactor, SignInTally, User

PASSWORD = "correct horse battery"

pytestmark = pytest.mark.django_db


def sign_in(client: Client, name: str = "asha", password: str = PASSWORD, **more: str):
    return client.post(reverse("people:sign_in"), {"username": name, "password": password, **more})


def phone_of(user: User) -> SecondFactor:
    """A phone that the user has taken into use."""
    sealed = second_factor.seal(second_factor.new_seed(), user_id=user.pk)
    phone = SecondFactor(user=user, name="phone", sealed=sealed)
    phone.save()
    return phone


def code_of(phone: SecondFactor) -> str:
    return second_factor.code_now(phone.seed)


def test_a_right_password_opens_the_persons_first_page(client, make_user):
    make_user("asha", "auditor")

    answer = sign_in(client)

    assert answer.status_code == 302
    assert answer["Location"] == "/"
    assert client.get("/").status_code == 302
    assert AuditEvent.objects.get().action == "user.signed_in"


def test_a_wrong_password_says_neither_which_nor_why(client, make_user):
    make_user("asha", "auditor")

    wrong, unknown = sign_in(client, password="no"), sign_in(client, name="nobody")

    assert wrong.status_code == unknown.status_code == 422
    assert wrong.context["form"].non_field_errors() == unknown.context["form"].non_field_errors()
    assert "_auth_user_id" not in client.session


def test_the_eleventh_guess_is_refused_even_when_right(client, make_user):
    make_user("asha", "auditor")
    for _ in range(10):
        sign_in(client, password="no")

    assert sign_in(client).status_code == 422

    with time_machine.travel(now() + timedelta(minutes=31), tick=False):
        assert sign_in(client).status_code == 302
    assert SignInTally.objects.get().failures == 0
    assert AuditEvent.objects.filter(action="sign_in.locked", object_id="asha").count() == 1


def test_a_right_password_forgives_the_wrong_ones(client, make_user):
    make_user("asha", "auditor")
    for _ in range(3):
        for _ in range(9):
            sign_in(client, password="no")
        assert sign_in(client).status_code == 302
        client.post(reverse("people:sign_out"))


@pytest.mark.django_db(transaction=True)
def test_a_hundred_guesses_at_once_get_ten_tries():
    User.objects.create(username="asha", full_name="Asha", password=make_password(PASSWORD))

    def guess(number: int) -> object:
        try:
            return authenticate(None, username="asha", password=f"guess {number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(guess, range(100)))

    assert found == [None] * 100
    assert authenticate(None, username="asha", password=PASSWORD) is None
    assert SignInTally.objects.get().failures == 10


@pytest.mark.parametrize("fields", [{"is_active": False}, {"is_demo": True}])
def test_who_may_not_come_in_does_not(client, make_user, settings, fields):
    settings.IS_PRODUCTION = True
    make_user("asha", "auditor", **fields)

    assert sign_in(client).status_code == 422


def test_a_session_of_a_demo_user_is_worth_nothing_in_production(client, make_user, settings):
    make_user("asha", "auditor", is_demo=True)
    sign_in(client)
    settings.IS_PRODUCTION = True

    answer = client.get(reverse("people:account"))

    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("people:sign_in"))


@pytest.mark.parametrize(
    ("asked", "given"),
    [("/account/", "/account/"), ("https://elsewhere.example/", "/"), ("//elsewhere.example", "/")],
)
def test_after_signing_in_one_stays_on_our_pages(client, make_user, asked, given):
    make_user("asha", "auditor")

    assert sign_in(client, next=asked)["Location"] == given


def test_a_session_left_alone_ends(client, make_user):
    make_user("asha", "auditor")
    start = now()
    with time_machine.travel(start, tick=False):
        sign_in(client)
        client.get(reverse("people:account"))
    with time_machine.travel(start + timedelta(minutes=14), tick=False):
        assert client.get(reverse("people:account")).status_code == 200
    with time_machine.travel(start + timedelta(minutes=28), tick=False):
        assert client.get(reverse("people:account")).status_code == 200
    with time_machine.travel(start + timedelta(minutes=44), tick=False):
        assert client.get(reverse("people:account")).status_code == 302


def test_a_busy_session_ends_after_a_working_day(client, make_user):
    make_user("asha", "auditor")
    start = now()
    for minutes in range(0, 8 * 60 + 1, 10):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            if not minutes:
                sign_in(client)
            assert client.get(reverse("people:account")).status_code == 200

    with time_machine.travel(start + timedelta(minutes=8 * 60 + 9), tick=False):
        assert client.get(reverse("people:account")).status_code == 302


def test_signing_out_needs_a_post(client, make_user):
    make_user("asha", "auditor")
    sign_in(client)

    assert client.get(reverse("people:sign_out")).status_code == 405
    assert client.post(reverse("people:sign_out")).status_code == 302
    assert client.get(reverse("people:account")).status_code == 302


def test_a_role_that_needs_it_is_led_to_the_second_factor(client, make_user, settings):
    settings.SECOND_FACTOR_ROLES = ["finance_officer"]
    user = make_user("asha", "finance_officer")
    sign_in(client)

    first = client.get("/account/", follow=True)
    device = SecondFactor.objects.get(user=user)

    assert first.redirect_chain == [
        ("/sign-in/code/?next=%2Faccount%2F", 302),
        ("/sign-in/phone/?next=%2Faccount%2F", 302),
    ]
    assert "data:image/svg+xml" in first.context["picture"]
    answer = client.post("/sign-in/phone/?next=/account/", {"code": code_of(device)})
    assert answer["Location"] == "/account/"
    assert client.get("/account/").status_code == 200
    assert AuditEvent.objects.filter(action="user.second_factor_added").count() == 1


def test_the_code_is_asked_at_every_sign_in_and_counts_once(client, make_user, settings):
    settings.SECOND_FACTOR_ROLES = ["finance_officer"]
    user = make_user("asha", "finance_officer")
    device = phone_of(user)
    sign_in(client)
    code = code_of(device)

    assert client.get("/audit/").status_code == 302
    assert client.post("/sign-in/code/", {"code": code}).status_code == 302
    assert client.get("/account/").status_code == 200

    other = Client()
    sign_in(other)
    assert other.post("/sign-in/code/", {"code": code}).status_code == 422
    assert other.get("/account/").status_code == 302


@pytest.mark.parametrize("code", ["000000", "12345", "abcdef", ""])
def test_a_wrong_code_opens_nothing(client, make_user, settings, code):
    settings.SECOND_FACTOR_ROLES = ["finance_officer"]
    phone_of(make_user("asha", "finance_officer"))
    sign_in(client)

    assert client.post("/sign-in/code/", {"code": code}).status_code == 422
    assert client.get("/account/").status_code == 302


def test_a_stolen_password_cannot_bring_its_own_phone(client, make_user, settings):
    settings.SECOND_FACTOR_ROLES = ["finance_officer"]
    user = make_user("asha", "finance_officer")
    phone_of(user)
    sign_in(client)

    assert client.get("/sign-in/phone/")["Location"] == "/sign-in/code/"
    assert SecondFactor.objects.count() == 1


def test_a_seed_is_kept_encrypted_and_for_its_own_user_only(make_user):
    phone, other = phone_of(make_user("asha")), make_user("ravi")
    seed = phone.seed

    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM people_secondfactor")
        (stored,) = cursor.fetchone()
    assert seed not in bytes(stored)
    assert seed.hex() not in bytes(stored).hex()
    phone.user = other
    with pytest.raises(Undecipherable):
        phone.seed  # noqa: B018 - reading it is what fails


def test_after_a_wrong_code_even_the_right_one_must_wait(client, make_user, settings):
    settings.SECOND_FACTOR_ROLES = ["finance_officer"]
    with time_machine.travel("2026-08-18 11:00:00+05:30", tick=False) as clock:
        phone = phone_of(make_user("asha", "finance_officer"))
        sign_in(client)
        right = code_of(phone)
        wrong = f"{(int(right) + 1) % 1_000_000:06d}"
        for _ in range(3):
            client.post("/sign-in/code/", {"code": wrong})
            clock.shift(timedelta(seconds=5))
        client.post("/sign-in/code/", {"code": wrong})

        clock.shift(timedelta(seconds=1))
        assert client.post("/sign-in/code/", {"code": code_of(phone)}).status_code == 422
        clock.shift(timedelta(seconds=16))
        assert client.post("/sign-in/code/", {"code": code_of(phone)}).status_code == 302


def test_a_key_opens_and_is_kept_as_a_digest_only(rf, make_user):
    user = make_user("machine", "channel")
    key = make_api_key(user, "test")

    found, kept = ApiKeyAuthentication().authenticate(
        rf.get("/", headers={"Authorization": f"Bearer {key}"})
    ) or (None, None)

    assert found == user
    assert key.partition(".")[2] not in str(ApiKey.objects.values())
    assert ApiKey.objects.get().last_used_at is not None
    assert kept is not None
    assert kept.name == "test"


@pytest.mark.parametrize("how", ["other", "half", "empty", "revoked", "inactive", "é"])
def test_what_is_no_key_of_ours_is_refused(rf, make_user, how):
    user = make_user("machine", "channel", is_active=how != "inactive")
    key = make_api_key(user, "test")
    if how == "revoked":
        revoke_api_key(ApiKey.objects.get(), actor=user)
    sent = {"other": f"{key[:-1]}~", "half": key[:12], "empty": "", "é": "é.é"}.get(how, key)

    with pytest.raises(AuthenticationFailed):
        ApiKeyAuthentication().authenticate(
            rf.get("/", headers={"Authorization": f"Bearer {sent}"})
        )


def test_without_a_key_another_way_is_tried(rf):
    assert ApiKeyAuthentication().authenticate(rf.get("/")) is None


def test_a_changed_password_ends_other_sessions(client, make_user):
    make_user("asha", "auditor")
    sign_in(client)
    other = Client()
    sign_in(other)

    refused = client.post("/account/", {"part": "password", "current": "no", "new": "x" * 12})
    assert refused.status_code == 422
    answer = client.post(
        "/account/", {"part": "password", "current": PASSWORD, "new": "a much better phrase"}
    )

    assert answer.status_code == 302
    assert client.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302


def test_the_language_is_kept(client, make_user):
    user = make_user("asha", "auditor")
    sign_in(client)

    answer = client.post("/account/", {"part": "language", "language": "hi"})

    assert answer.cookies["django_language"].value == "hi"
    user.refresh_from_db()
    assert user.language == "hi"
