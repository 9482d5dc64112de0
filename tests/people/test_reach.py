"""How far each person sees, and what their pages offer them."""

import pytest
from django.contrib.messages.storage.fallback import FallbackStorage
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import Client

from cspdcl.kernel.errors import DomainError
from people import context
from people.access import has_role, offices_of, roles, sees_everything
from people.middleware import DomainErrorMiddleware
from people.roles import ROLES, Link, LinkGroup

pytestmark = pytest.mark.django_db


def codes(user) -> set[str]:
    return set(offices_of(user).values_list("code", flat=True))


def test_a_clerk_sees_the_granted_office_and_what_is_below(make_user, offices) -> None:
    assert codes(make_user("a", "clerk", offices=(offices["Z1"],))) == {"Z1"}
    assert codes(make_user("b", "clerk", offices=(offices["C1"],))) == {"C1", "Z1", "Z2"}
    assert codes(make_user("c", "supervisor", offices=(offices["R2"], offices["Z1"]))) == {
        "R2",
        "Z3",
        "Z1",
    }


def test_an_office_whose_code_begins_alike_is_another_office(make_user, offices) -> None:
    alike = type(offices["Z1"]).objects.create(
        code="Z11",
        name="Alike",
        kind="zone",
        parent=offices["C1"],
        path=f"{offices['C1'].path}Z11/",
    )

    assert alike.code not in codes(make_user("a", "clerk", offices=(offices["Z1"],)))


def test_without_a_grant_a_clerk_sees_nothing(make_user, offices) -> None:
    assert codes(make_user("a", "clerk")) == set()


def test_a_grant_without_a_role_shows_nothing(make_user, offices) -> None:
    assert codes(make_user("a", offices=(offices["CO"],))) == set()


def test_who_is_switched_off_sees_nothing(make_user, offices) -> None:
    assert codes(make_user("a", "auditor", is_active=False)) == set()


def test_the_other_roles_see_every_office(users) -> None:
    assert {code for code, user in users.items() if not sees_everything(user)} == {
        "clerk",
        "supervisor",
    }
    assert len(codes(users["auditor"])) == 7


def test_no_role_contains_another(users) -> None:
    for code, user in users.items():
        assert [other for other in ROLES if has_role(user, other)] == [code]


def test_a_view_lets_only_its_roles_in(rf, users) -> None:
    @roles("auditor")
    def view(request) -> HttpResponse:
        return HttpResponse("in")

    request = rf.get("/")
    request.user = users["auditor"]
    assert view(request).content == b"in"
    request.user = users["administrator"]
    with pytest.raises(PermissionDenied):
        view(request)


def test_a_role_that_does_not_exist_cannot_guard() -> None:
    with pytest.raises(ValueError, match="king"):
        roles("king")


def test_each_role_is_offered_only_pages_it_may_open(as_role) -> None:
    for code in ROLES:
        client = as_role(code)
        account = client.get("/account/")
        links = [link for group in account.context["navigation"] for link in group["links"]]

        answers = {link["url"]: client.get(link["url"]).status_code for link in links}

        assert set(answers.values()) <= {200, 302}, (code, answers)


def test_a_count_stands_beside_its_line(users, monkeypatch) -> None:
    monkeypatch.setattr(context, "_counts", {})
    context.count_by("audit", lambda _user: "1 late")
    line = Link(view="people:audit", label="Audit", icon="x", roles=("auditor",), counts="audit")
    monkeypatch.setattr(context, "NAVIGATION", [LinkGroup(title="Proof", links=[line])])

    (group,) = context.navigation_of(users["auditor"], "/audit/")

    assert [(x["count"], x["tone"], x["is_current"]) for x in group["links"]] == [
        ("1 late", "bad", True)
    ]
    assert context.navigation_of(users["clerk"], "/audit/") == []


class Refused(DomainError):
    """A refusal of a test."""


def test_a_refusal_is_said_on_the_page_one_came_from(rf) -> None:
    request = rf.post("/x/", headers={"referer": "http://testserver/account/"})
    request.session = {}
    request._messages = FallbackStorage(request)

    answer = DomainErrorMiddleware(lambda _: HttpResponse()).process_exception(
        request, Refused("the day is closed")
    )

    assert answer is not None
    assert (answer.status_code, answer["Location"]) == (302, "http://testserver/account/")
    assert [str(message) for message in request._messages] == ["the day is closed"]


def test_a_page_of_another_site_is_not_gone_back_to(rf, users) -> None:
    request = rf.post("/x/", headers={"referer": "https://elsewhere.example/"})
    request.user = users["auditor"]

    answer = DomainErrorMiddleware(lambda _: HttpResponse()).process_exception(
        request, Refused("the day is closed")
    )

    assert answer is not None
    assert answer.status_code == 409
    assert b"the day is closed" in answer.content


def test_the_pages_of_who_has_no_permission_say_so(as_role) -> None:
    answer = as_role("clerk").get("/audit/")

    assert answer.status_code == 403
    assert b"Traceback" not in answer.content


def test_nobody_signed_in_is_led_to_the_door() -> None:
    answer = Client().get("/audit/")

    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?next=/audit/")
