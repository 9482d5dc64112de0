"""Pages of cheques: the register by heap and filter, one paper, files, the law; by role."""

import csv
import io
import re
from collections.abc import Callable, Mapping

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from counters import making_good, returning, seconds
from counters.models import Instrument, LegalNotice, ReturnFile, Share
from counters.states import PaperState
from cspdcl.kernel.clock import today
from people.models import Office, User
from tests import factories
from tests.attachments.papers import jpeg
from tests.counters.lives import Branch, tariff
from tests.counters.test_return_files import file_of, told

AsRole = Callable[[str], Client]


@pytest.fixture
def branch(users: Mapping[str, User], offices: Mapping[str, Office]) -> Branch:
    tariff()
    return Branch(office=offices["Z1"], by=users["supervisor"])


def page(client: Client, name: str, *args: object, **query: str) -> str:
    answer = client.get(reverse(f"counters:{name}", args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_heap_is_acted_on_only_as_it_was_seen(branch: Branch, as_role: AsRole) -> None:
    branch.cheque(900)
    branch.cheque(450)
    client = as_role("supervisor")
    shown = page(client, "papers", board="with_clerk")
    assert re.search(r'name="seen_count"\s+value="2"', shown)
    where = reverse("counters:papers_act") + "?board=with_clerk"
    seen = {"act": "hand_over", "seen_count": 2, "seen_paise": 135_000}
    branch.cheque(100)

    late = client.post(where, seen)
    assert late.status_code == 422
    assert "The list has changed" in late.content.decode()
    assert set(Instrument.objects.values_list("state", flat=True)) == {PaperState.RECEIVED}

    done = client.post(where, {"act": "hand_over", "seen_count": 3, "seen_paise": 145_000})
    assert done.status_code == 302
    assert set(Instrument.objects.values_list("state", flat=True)) == {PaperState.WITH_SUPERVISOR}


def test_the_register_is_narrowed_and_exported(
    branch: Branch, as_role: AsRole, offices: Mapping[str, Office], users: Mapping[str, User]
) -> None:
    mine = branch.cheque(900, 450)
    draft = branch.cheque(70, method="demand_draft")
    elsewhere = Branch(office=offices["Z3"], by=users["finance_officer"]).cheque(
        33, number="000333"
    )
    branch.banked(mine)

    clerk = as_role("clerk")
    assert elsewhere.number not in page(clerk, "papers")
    assert draft.number not in page(clerk, "papers", method="cheque")
    assert mine.number in page(clerk, "papers", q=mine.shares.all()[0].consumer.number)
    assert draft.number not in page(clerk, "papers", board="in_clearing")
    assert "Take them over" not in page(clerk, "papers", board="with_clerk")
    answer = as_role("auditor").get(reverse("counters:papers_csv"), {"q": mine.number})
    (row,) = csv.DictReader(io.StringIO(answer.getvalue().decode()))
    assert (row["number"], row["amount"], row["consumers"]) == (mine.number, "1350.00", "2")
    wrong = clerk.get(reverse("counters:papers"), {"since": "yesterday"})
    assert wrong.status_code == 422
    file = clerk.get(reverse("counters:papers_csv"), {"since": "yesterday"})
    assert file["Location"] == f"{reverse('counters:papers')}?since=yesterday"


def test_a_return_is_written_down_with_its_memo_and_decided_by_another(
    branch: Branch, as_role: AsRole
) -> None:
    paper = branch.cheque(900)
    branch.banked(paper)
    client = as_role("supervisor")
    where = reverse("counters:paper_return", args=[paper.public_id])

    wrong = client.post(where, {"on": "2030-01-01", "code": "01", "words": "typed words"})
    assert wrong.status_code == 422
    assert "typed words" in wrong.content.decode()
    memo = SimpleUploadedFile("memo.jpg", jpeg(), content_type="image/jpeg")
    done = client.post(where, {"on": today().isoformat(), "code": "01", "memo": memo})
    assert done.status_code == 302
    paper.refresh_from_db()
    assert (paper.state, paper.memo is not None) == (PaperState.RETURNED, True)

    give_up = reverse("counters:paper_dishonour", args=[paper.public_id])
    alone = client.post(give_up, {"reason": "no money"})
    assert alone.status_code == 422
    assert "another person decides" in alone.content.decode()
    assert as_role("finance_officer").post(give_up, {"reason": ""}).status_code == 302
    shown = page(client, "paper", paper.public_id)
    assert "no cheques until" in shown
    assert "Go to law" in shown
    for role in ("clerk", "auditor"):
        assert "Go to law" not in page(as_role(role), "paper", paper.public_id)


def test_the_page_offers_what_the_consumer_paid_since(branch: Branch, as_role: AsRole) -> None:
    paper = _fallen(branch)
    share = Share.objects.get(instrument=paper)
    paid = factories.PaymentFactory.create(
        paid=True, consumer=share.consumer, office=branch.office, method="cash", amount_paise=90_000
    )
    client = as_role("supervisor")
    assert "Link ₹ 900.00" in page(client, "paper", paper.public_id)

    where = reverse("counters:paper_make_good", args=[paper.public_id])
    client.post(where, {"share": share.pk, "payment": paid.reference})

    paper.refresh_from_db()
    assert paper.state == PaperState.PAID_IN_CASH


def test_a_post_dated_cheque_is_given_back_by_another_than_who_took_it(
    branch: Branch, as_role: AsRole, users: Mapping[str, User]
) -> None:
    held, own = (
        Instrument.objects.create(
            method="cheque",
            number=f"00778{place}",
            bank_key="492240002",
            amount_paise=90_000,
            state=PaperState.HELD,
            due_on=today(),
            office=branch.office,
            counter=branch.counter,
            taken_by=by,
            received_on=today(),
        )
        for place, by in enumerate((users["clerk"], branch.by))
    )
    where = reverse("counters:paper_give_back", args=[held.public_id])
    client = as_role("supervisor")

    assert "Give it back" not in page(as_role("clerk"), "paper", held.public_id)
    silent = client.post(where, {"reason": " "})
    assert silent.status_code == 422
    assert "Say why it is given back." in silent.content.decode()
    assert client.post(where, {"reason": "paid by draft"}).status_code == 302
    assert "paid by draft" in page(client, "paper", held.public_id)
    assert held.events.get().to_state == PaperState.GIVEN_BACK
    assert making_good.give_back(held.pk, by=branch.by, reason="").state == PaperState.GIVEN_BACK
    assert held.events.count() == 1

    with pytest.raises(seconds.NotYours):
        making_good.give_back(own.pk, by=branch.by, reason="mine")
    taken = Branch(office=branch.office, by=users["clerk"]).cheque(80)
    with pytest.raises(making_good.NotGivenBack):
        making_good.give_back(taken.pk, by=branch.by, reason="it has receipts")


def test_a_bar_is_lifted_on_the_page(branch: Branch, as_role: AsRole) -> None:
    paper = _fallen(branch)
    number = paper.shares.get().consumer.number
    where = reverse("counters:paper_lift_bar", args=[paper.public_id])
    client = as_role("supervisor")

    assert client.post(where, {"consumer": number, "reason": ""}).status_code == 422
    assert client.post(where, {"consumer": number, "reason": "paid since"}).status_code == 302

    assert "no cheques until" not in page(client, "paper", paper.public_id)


def test_a_file_is_handed_in_looked_at_and_applied(
    branch: Branch, as_role: AsRole, django_capture_on_commit_callbacks: object
) -> None:
    paper = branch.cheque(900)
    branch.banked(paper)
    never = branch.cheque(77)
    content = file_of([told(paper), told(never, row=3)])
    client = as_role("supervisor")
    files = reverse("counters:return_files")

    empty = client.post(files, {"account": branch.account.code})
    assert empty.status_code == 422
    sent = SimpleUploadedFile("returns.csv", content)
    client.post(files, {"account": branch.account.code, "file": sent})
    file = ReturnFile.objects.get()
    shown = page(client, "return_file", file.public_id)
    assert "Nothing is applied yet." in shown
    assert "none of ours" in shown
    returning.release(file.pk, by=branch.by)
    returning.apply_lines()
    assert "Leave it" in page(client, "return_file", file.public_id)
    line = reverse("counters:return_line", args=[file.public_id, 3])
    assert client.post(line, {"reason": ""}).status_code == 422
    assert client.post(line, {"reason": "not ours"}).status_code == 302
    assert "not ours" in page(client, "return_file", file.public_id, state="known")
    assert "returns.csv" in page(client, "return_files")
    again = client.post(
        files, {"account": branch.account.code, "file": SimpleUploadedFile("x", content)}
    )
    assert again["Location"] == reverse("counters:return_file", args=[file.public_id])


def test_the_days_of_the_law_are_noted_and_the_letter_is_written(
    branch: Branch, as_role: AsRole
) -> None:
    paper = _fallen(branch)
    client = as_role("supervisor")
    assert "Nothing this week" in page(client, "legal")
    assert "Send the letter of demand" in page(client, "legal", show="open")
    where = reverse("counters:legal_step", args=[paper.public_id])

    early = client.post(where, {"step": "served", "on": today().isoformat()})
    assert early.status_code == 422
    client.post(where, {"step": "sent", "on": today().isoformat()})
    client.post(where, {"step": "served", "on": today().isoformat()})
    notice = LegalNotice.objects.get()
    assert notice.cure_by is not None
    assert (notice.cure_by - today()).days == 15
    answer = client.get(reverse("counters:legal_letter", args=[paper.public_id]))
    pdf = PdfReader(io.BytesIO(answer.content))
    assert len(pdf.pages) == 2
    assert paper.number in pdf.pages[1].extract_text()
    assert (round(pdf.pages[0].mediabox.width), round(pdf.pages[0].mediabox.height)) == (595, 842)
    client.post(where, {"step": "close", "outcome": "the complaint is filed"})
    assert "the complaint is filed" in page(client, "legal", show="all")


def _fallen(branch: Branch) -> Instrument:
    """A cheque that a file returned for want of money."""
    paper = branch.cheque(900)
    branch.banked(paper)
    file = returning.keep_file(branch.account, file_of([told(paper)]), name="r.csv", by=branch.by)
    returning.release(file.pk, by=branch.by)
    returning.apply_lines()
    paper.refresh_from_db()
    assert paper.state == PaperState.DISHONOURED
    return paper
