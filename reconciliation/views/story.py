"""The page of one payment: where its money is, in all books, and how it came there."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from channels_.selectors import messages_visible_to
from cspdcl.kernel.clock import today
from cspdcl.ui.templatetags.ui import day
from enquiries import selectors as enquiries
from enquiries import tat
from payments import looks
from payments.models import Payment
from payments.selectors import payments_visible_to, timeline
from payments.states import State
from payments.views.payments import PAYMENT_READERS
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import FINANCE, FINANCE_OFFICER
from reconciliation.selectors import may_read_books
from reconciliation.story import Story, newest_first, repeats_in_words
from refunds import selectors as refunds

_TONES: Final[Mapping[str, str]] = {
    "circle-check": "ok",
    "receipt": "ok",
    "clock": "wait",
    "receipt-off": "open",
    "arrow-back-up": "open",
}


@roles(*PAYMENT_READERS)
@require_safe
def payment(request: HttpRequest, reference: str) -> HttpResponse:
    """One payment, told from the consumer's hand to our bank."""
    user = signed_in(request)
    rows = payments_visible_to(user).select_related(
        "channel", "consumer__office", "bill", "receipt", "office", "counter", "deposit",
        "duplicate_of",
    )  # fmt: skip
    found = get_object_or_404(rows, reference=reference)
    story = Story(found, reads_books=may_read_books(user))
    answer, more = story.answer()
    context = {
        "payment": found,
        "found_by": "",
        "receipt": story.receipt,
        "answer": answer,
        "more": more,
        "say": story.say(),
        "books": story.books(),
        "events": newest_first([*_events(found, user), *story.events()]),
        "states": looks.STATES,
        "open_break": story.open_break,
        "is_in_bank": story.is_in_bank,
        "consumer_facts": _consumer_facts(found),
        "tender_facts": _tender_facts(found),
        "undoable": _undoable(story) if has_role(user, *FINANCE) else [],
        "may_refund": found.state == State.SUCCEEDED and has_role(user, FINANCE_OFFICER),
        "back": _to_be_back(found, user),
        "duplicates": list(found.duplicates.order_by("id")[:20]),
    }
    return render(request, "reconciliation/payment.html", context)


def _undoable(story: Story) -> list[dict[str, str]]:
    """Where each of its live matches may be undone; a match is named by one of its entries."""
    found: dict[int, dict[str, str]] = {}
    posted = [replace(story.posting.step, entry=story.entry)] if story.posting else []
    for step in [*story.steps, *posted]:
        match, entry = step.match, step.entry
        if match is not None and entry is not None and match.run_id is not None:
            key = f"{match.stage}|{entry.book}|{entry.source_key}"
            query = urlencode({"kind": "match", "key": key})
            url = f"{reverse('reconciliation:ask_undo')}?{query}"
            found[match.pk] = {"url": url, "label": str(match.get_leg_display())}
    return list(found.values())


def _to_be_back(found: Payment, user: User) -> dict[str, Any] | None:
    """The Reserve Bank's clock, while it runs for this payment."""
    if not refunds.is_on_clock(user, found):
        return None
    due = tat.due_on(found)
    return {"on": due, "is_late": due < today(), "owed_paise": refunds.compensation_of(found)}


def _events(found: Payment, user: User) -> list[dict[str, Any]]:
    may_read = messages_visible_to(user).exists()
    rows = [_event(row, may_read=may_read) for row in timeline(found)]
    return [*rows, *_questions(found, user), *refunds.story_of(found, user)]


def _questions(found: Payment, user: User) -> list[dict[str, Any]]:
    """What was asked of the channel; its answers are for those who work on unknown money."""
    rows = enquiries.story_of(found)
    if not has_role(user, *enquiries.UNKNOWN_MONEY_READERS):
        return [{**row, "by": ""} for row in rows]
    url = reverse("enquiries:question", args=[found.reference])
    return [{**row, "proof_url": url, "proof_label": _("question and answer")} for row in rows]


def _event(row: Mapping[str, Any], *, may_read: bool) -> dict[str, Any]:
    heard = row.get("message")
    by = row["detail"]
    shown = {
        "at": row["at"],
        "text": row["text"],
        "icon": row["icon"],
        "tone": _TONES.get(row["icon"], ""),
    }
    if heard is None:
        return {**shown, "by": by}
    if heard.repeats:
        by = f"{by}; {repeats_in_words(heard.repeats)}"
    if not may_read:
        return {**shown, "by": by}
    url = reverse("channels:message", args=[heard.channel.code, heard.event_key])
    return {**shown, "by": by, "proof_url": url, "proof_label": _("raw message")}


def _consumer_facts(found: Payment) -> list[dict[str, Any]]:
    consumer, bill = found.consumer, found.bill
    facts: list[dict[str, Any]] = [
        {"label": _("Number"), "text": found.consumer_number, "is_id": True}
    ]
    if consumer is not None:
        facts += [
            {"label": _("Name"), "text": consumer.name},
            {"label": _("Partner"), "text": consumer.business_partner, "is_id": True},
            {"label": _("Office"), "text": consumer.office.name},
            {"label": _("Category"), "text": f"{consumer.category}, {consumer.get_plan_display()}"},
        ]
    elif found.consumer_number:
        facts.append(
            {
                "label": _("Consumer"),
                "word": _("nobody has this number"),
                "tone": "open",
                "icon": "",
            }
        )
    if bill is not None:
        facts += [
            {"label": _("Bill"), "text": f"{bill.period}, {bill.number}"},
            {"label": _("Bill amount, ₹"), "paise": bill.amount_paise},
            {"label": _("Due on"), "text": day(bill.due_on)},
        ]
    return facts


def _tender_facts(found: Payment) -> list[dict[str, Any]]:
    facts: list[dict[str, Any]] = [
        {"label": _("Channel"), "text": found.channel.name},
        {"label": _("Paid by"), "text": looks.METHODS.get(found.method, found.method)},
    ]
    for tender in found.tenders.order_by("id"):
        if tender.instrument:
            facts.append({"label": _("Number"), "text": tender.instrument, "is_id": True})
            facts.append({"label": _("Drawn on"), "text": tender.bank_name})
        elif tender.payer:
            facts.append({"label": _("Payer"), "text": tender.payer})
    for label, text in (
        (_("Their id"), found.channel_ref),
        (_("Their order"), found.order_ref),
        ("RRN", found.rrn),
        ("UTR", found.utr),
    ):
        if text:
            facts.append({"label": label, "text": text, "is_id": True})
    if found.counter is not None:
        facts.append({"label": _("Counter"), "text": found.counter.name})
    return facts
