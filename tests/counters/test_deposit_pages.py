"""The pages on the way to the bank: the slip, its paper, the bag, the stamp, the end of the day."""

import io
from uuid import uuid4
from zipfile import ZipFile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from pypdf import PdfReader

from attachments.models import Attachment
from counters import closing, returning
from counters.models import Bag, Instrument, OfficeDay, SafeCount, Shift
from counters.states import PaperState
from cspdcl.kernel.clock import today
from payments.models import Deposit
from tests import factories as make
from tests.counters import drawer
from tests.counters.banking import cash, cheque, close, open_shift, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def closed(offices, users) -> Shift:
    """A closed shift of Z1 with 1,234.00 in cash and a cheque; 5,000.00 in the safe before it."""
    for code in ("cash", "cheque"):
        make.ChannelFactory(code=code)
    drawer.fill_safe(
        offices["Z1"], 5_000_00, supervisor=users["supervisor"], second=users["finance_officer"]
    )
    shift = open_shift(
        offices["Z1"], clerk=users["clerk"], supervisor=users["supervisor"], code="rpr1"
    )
    cash(shift, 1_234_00)
    cheque(shift, 7_000_00, number="000123")
    close(shift, 2_234_00, by=users["supervisor"], papers={"cheque": (1, 7_000_00)})
    return shift


def typed(notes: dict[str, int]) -> dict[str, str]:
    return {"n_" + key.replace(".", "_"): str(count) for key, count in notes.items()}


def picture() -> SimpleUploadedFile:
    made = io.BytesIO()
    Image.new("RGB", (600, 400), "white").save(made, "JPEG")
    return SimpleUploadedFile("slip.jpg", made.getvalue(), content_type="image/jpeg")


def test_from_the_safe_to_the_banks_stamp_by_its_pages(as_role, closed) -> None:
    client = as_role("supervisor")
    page = text(client.get("/deposits/new/Z1/"))
    assert "1,234.00" in page
    assert "7,000.00" in page

    address = "/deposits/new/Z1/?channel=cash"
    form = {"submit_key": drawer.key(), "slip_number": "ds-1", **typed(drawer.notes(1_234_00))}
    refused = client.post(address, form)
    assert refused.status_code == 422
    assert 'value="2"' in refused.content.decode()  # the notes that were typed stay
    form["slip_number"] = ""
    wrong = client.post(address, form | {"n_500": "1"})
    assert wrong.status_code == 422
    assert "counted 734.00" in wrong.content.decode()
    first, again = client.post(address, form), client.post(address, form)
    made = Deposit.objects.get()
    assert first["Location"] == again["Location"] == f"/deposits/{made.reference}/"
    client.post("/deposits/new/Z1/?channel=cheque", {"submit_key": drawer.key(), "slip_number": ""})
    papers = Deposit.objects.get(channel__code="cheque")

    sealed = client.post(
        "/bags/new/Z1/", {"number": "sl 77", "slips": [made.reference, papers.reference]}
    )
    bag = Bag.objects.get()
    assert sealed["Location"] == f"/bags/{bag.public_id}/"
    assert client.post(f"/bags/{bag.public_id}/go/", {"carrier": ""}).status_code == 422
    client.post(f"/bags/{bag.public_id}/go/", {"carrier": "the guard's van"})
    stamp = f"/deposits/{made.reference}/stamp/"
    assert client.post(stamp, {"bank_ref": ""}).status_code == 422
    assert client.post(stamp, {"bank_ref": "JNL 17", "photo": picture()}).status_code == 302
    client.post(f"/deposits/{papers.reference}/stamp/", {"bank_ref": "JNL 18"})

    bag.refresh_from_db()
    assert bag.state == "receipted"
    shown = client.get(f"/deposits/{made.reference}/").content.decode()
    assert "JNL 17" in shown
    assert "The bank&#x27;s statement has not told of it yet." in shown
    assert f"/attachments/{Attachment.objects.get().public_id}/" in shown
    for path in ("/deposits/", "/deposits/?state=stamped", "/bags/", f"/bags/{bag.public_id}/"):
        assert "SL 77" in text(client.get(path))


def test_a_slip_prints_for_the_bank_and_the_office(as_role, closed) -> None:
    client = as_role("supervisor")
    client.post("/deposits/new/Z1/?channel=cheque", {"submit_key": drawer.key(), "slip_number": ""})
    made = Deposit.objects.get()

    paper = client.get(f"/deposits/{made.reference}/slip.pdf")
    sheet = client.get(f"/deposits/{made.reference}/slip.xlsx")

    assert paper.content.startswith(b"%PDF")
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(paper.content)).pages]
    assert ["000123" in page for page in pages] == [True, True]
    assert ["copy" in page for page in pages] == [True, True]
    assert "Office" in pages[1]
    assert "seven thousand" in pages[0]
    with ZipFile(io.BytesIO(sheet.content)) as book:
        words = book.read("xl/sharedStrings.xml").decode()
    assert "000123" in words
    assert made.reference in words


def test_the_day_is_counted_by_the_clerk_and_closed_by_the_supervisor(as_role, closed) -> None:
    clerk, supervisor = as_role("clerk"), as_role("supervisor")
    day = f"/office-days/Z1/{today().isoformat()}/"
    blind = text(clerk.get(f"{day}count/"))
    assert "6,234.00" not in blind

    form = {"submit_key": drawer.key(), **typed(drawer.notes(6_234_00))}
    assert clerk.post(f"{day}count/", form)["Location"] == "/counter/history/"
    assert clerk.post(f"{day}count/", form).status_code == 302
    assert SafeCount.objects.count() == 1
    refused = supervisor.post(f"{day}close/", {"stays": ""})
    assert refused.status_code == 422
    assert "over night" in refused.content.decode()
    assert supervisor.post(f"{day}close/", {"stays": "the bank is shut"}).status_code == 302

    assert OfficeDay.objects.get().state == "closed"
    assert "the bank is shut" in text(supervisor.get(day))
    assert "6,234.00" in text(supervisor.get("/office-days/"))
    assert supervisor.get(f"{day}cash-book.pdf").content.startswith(b"%PDF")
    assert clerk.get(day).status_code == 403


def test_a_wrong_count_is_kept_and_the_day_says_what_to_do(as_role, closed) -> None:
    supervisor = as_role("supervisor")
    day = f"/office-days/Z1/{today().isoformat()}/"
    supervisor.post(f"{day}count/", {"submit_key": drawer.key(), **typed(drawer.notes(6_000_00))})

    page = supervisor.get(day).content.decode()

    assert "put it right" in page
    assert "/safes/Z1/count/" in page
    count = closing.last_count(OfficeDay.objects.get())
    assert count is not None
    assert count.counted_paise == 6_000_00


def test_other_offices_are_not_there(as_role, make_user, offices, closed, client) -> None:
    as_role("supervisor").post(
        "/deposits/new/Z1/?channel=cheque", {"submit_key": drawer.key(), "slip_number": ""}
    )
    made = Deposit.objects.get()
    stranger = make_user("stranger", "supervisor", offices=(offices["Z2"],))
    client.force_login(stranger, backend="people.auth.PeopleBackend")

    for path in (
        f"/deposits/{made.reference}/",
        f"/deposits/{made.reference}/slip.pdf",
        "/deposits/new/Z1/",
        "/bags/new/Z1/",
        f"/office-days/Z1/{today().isoformat()}/",
    ):
        assert client.get(path).status_code == 404
    assert made.reference not in text(client.get("/deposits/"))


def test_a_returned_cheque_goes_to_the_bank_once_more(as_role, closed, users) -> None:
    client = as_role("supervisor")
    address = "/deposits/new/Z1/?channel=cheque"
    client.post(address, {"submit_key": drawer.key(), "slip_number": ""})
    paper = Instrument.objects.get()
    returning.record_return(paper, on=today(), code="03", by=users["supervisor"])

    page = client.get(address).content.decode()
    assert f'value="{paper.public_id}"' in page
    assert "checked" in page  # effects not cleared: the bank asks for it again
    other = client.post(
        address, {"submit_key": drawer.key(), "slip_number": "", "again": [str(uuid4())]}
    )
    assert other.status_code == 422
    form = {"submit_key": drawer.key(), "slip_number": "", "again": [str(paper.public_id)]}
    assert client.post(address, form).status_code == 302
    slip = Deposit.objects.get(instruments=paper)
    assert client.post(address, form)["Location"] == f"/deposits/{slip.reference}/", "sent twice"

    paper.refresh_from_db()
    assert (paper.state, paper.presented_count) == (PaperState.DEPOSITED, 2)
    assert Deposit.objects.get(instruments=paper).amount_paise == paper.amount_paise
