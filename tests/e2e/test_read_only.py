"""The auditor reads everything and changes nothing; the operator sees what the doors refused."""

import re
from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from channels_.models import RefusalTally
from payments.models import Payment
from people import audit
from people.models import AuditEvent
from people.roles import AUDITOR, NAVIGATION
from reconciliation.models import Break, Decision, Entry, Run
from tests.e2e.conftest import DAY
from tests.e2e.window import Window

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

# Forms that change nothing in the books: theme, language, sign-out.
HARMLESS = re.compile(r"/theme/|/i18n/|/sign-out/")


def test_an_auditor_finds_a_payment_by_utr_and_follows_it_over_the_books(
    window_of: Callable[[str], Window],
) -> None:
    entry = (
        Entry.objects.filter(book="receipts", match_lines__is_live=True, match_lines__stage="bank")
        .exclude(utr="")
        .first()
    )
    assert entry is not None
    payment = Payment.objects.get(reference=entry.reference)
    window = window_of("auditor")
    page = window.page

    page.keyboard.press("/")
    page.keyboard.type(entry.utr)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/payments/" in url)
    if window.path != f"/payments/{payment.reference}/":
        page.get_by_role("link", name=payment.reference).click()
        page.wait_for_url(f"**/payments/{payment.reference}/")

    window.look()
    expect(page.locator("body")).to_contain_text("Our receipt")
    expect(page.locator("body")).to_contain_text("Bank credit")
    expect(page.locator("body")).to_contain_text(entry.utr)


def test_an_auditor_verifies_the_trail(window_of: Callable[[str], Window]) -> None:
    window = window_of("auditor")
    audit.seal()
    window.open("/audit/")

    window.page.get_by_role("link", name="Verify now").click()

    expect(window.page.locator(".note-ok")).to_be_visible()
    window.look()


def test_an_auditor_finds_no_button_that_acts(window_of: Callable[[str], Window]) -> None:
    window = window_of("auditor")
    some = Break.objects.filter(state=Break.State.OPEN).order_by("id").first()
    paid = Payment.objects.filter(receipt__isnull=False).order_by("id").first()
    assert some is not None
    assert paid is not None
    pages = [
        reverse(link.view) for group in NAVIGATION for link in group.links if AUDITOR in link.roles
    ]
    pages += [
        f"/breaks/{some.public_id}/",
        f"/runs/{DAY.isoformat()}/1/",
        f"/payments/{paid.reference}/",
    ]

    for path in pages:
        window.open(path)
        acting = [
            form.get_attribute("action") or path
            for form in window.page.locator("form[method=post]").all()
            if not HARMLESS.search(form.get_attribute("action") or "")
            and form.get_by_role("button").count()
        ]
        assert acting == [], path


def test_what_an_auditor_posts_is_refused_and_changes_nothing(
    window_of: Callable[[str], Window],
) -> None:
    window = window_of("auditor")
    some = Break.objects.filter(state=Break.State.OPEN).order_by("id").first()
    assert some is not None
    window.open("/day/")
    tokens = [one for one in window.context.cookies() if one.get("name") == "csrftoken"]
    before = (Decision.objects.count(), Run.objects.count(), Payment.objects.count())
    events = AuditEvent.objects.count()

    for path in (
        f"/breaks/{some.public_id}/propose/",
        f"/day/{DAY.isoformat()}/run/",
        "/statements/upload/",
        "/counter/",
    ):
        answer = window.page.request.post(
            path,
            form={"csrfmiddlewaretoken": tokens[0].get("value", ""), "why": "x", "kind": "match"},
            headers={"Referer": window.page.url},
        )
        assert answer.status == 403, path

    assert (Decision.objects.count(), Run.objects.count(), Payment.objects.count()) == before
    assert AuditEvent.objects.count() == events


def test_an_operator_sees_a_forged_message_counted(window_of: Callable[[str], Window]) -> None:
    window = window_of("operator")
    for _time in range(3):
        answer = window.page.request.post(
            "/in/razorpay/",
            data=b'{"event": "payment.captured"}',
            headers={"X-Razorpay-Signature": "0" * 64, "Content-Type": "application/json"},
        )
        assert answer.status == 401

    window.open("/operator/")

    expect(window.page.locator("section[aria-labelledby=h-refused]")).to_contain_text(
        "signature wrong"
    )
    expect(window.page.locator("p.answer")).to_contain_text("3 were refused at the door")
    assert RefusalTally.objects.get(kind=RefusalTally.Kind.FORGED).count == 3
