"""The pages of shifts, safes, checks and counterfeit notes over HTTP: a day from float to close."""

import uuid

import pytest

from counters import safe, shifts
from counters.models import (
    CashMove,
    CounterfeitNote,
    Difference,
    DrawerCount,
    OfficePolicy,
    Shift,
    SurpriseCheck,
)
from counters.states import ShiftState
from cspdcl.kernel.clock import today
from tests import factories as make
from tests.counters import drawer
from tests.counters.banking import cash

pytestmark = pytest.mark.django_db


@pytest.fixture
def window(offices):
    return make.CounterFactory(
        code="rpr1", name="Counter 1", office=offices["Z1"], keeps_shifts=True
    )


@pytest.fixture
def place(window, users):
    """An open shift with 2,000.00, and 18,000.00 left in the safe."""
    drawer.fill_safe(
        window.office,
        20_000_00,
        supervisor=users["supervisor"],
        second=users["finance_officer"],
    )
    return drawer.open_with(
        window, clerk=users["clerk"], supervisor=users["supervisor"], paise=2_000_00
    )


def typed(counted: dict[str, int], **more: str) -> dict[str, str]:
    """A count as the form sends it."""
    notes = {"n_" + name.replace(".", "_"): str(count) for name, count in counted.items()}
    return {"submit_key": str(uuid.uuid4()), **notes, **more}


def text(answer) -> str:
    page: str = answer.content.decode()
    return page


def test_a_clerk_s_day_from_the_first_count_of_the_safe_to_the_closed_shift(
    as_role, window, users
) -> None:
    clerk, supervisor, finance = as_role("clerk"), as_role("supervisor"), as_role("finance_officer")

    supervisor.post("/safes/Z1/count/", typed({"500": 40}))
    opening = CashMove.objects.get(kind="opening")
    assert finance.post(f"/cash-moves/{opening.public_id}/", {}).status_code == 302
    assert safe.position(window.office) == 20_000_00

    given = {"submit_key": str(uuid.uuid4()), "receiver": "clerk", "amount": "2,000.00"}
    assert supervisor.post("/safes/Z1/float/", given).status_code == 302
    waiting = CashMove.objects.get(kind="float")
    assert "2,000.00" in text(clerk.get("/shift/open/"))
    short = clerk.post(
        "/shift/open/",
        typed({"500": 3}, counter="rpr1", float=str(waiting.public_id)),
    )
    assert (short.status_code, Shift.objects.count()) == (422, 0)
    assert 'value="3"' in text(short)
    clerk.post("/shift/open/", typed({"500": 4}, counter="rpr1", float=str(waiting.public_id)))
    shift = Shift.objects.get()

    drawer.take_cash(shift, 1_500_00)
    drawer.take_cheque(shift, 900_00, number="000777")
    assert "3,500" in text(clerk.get("/shift/"))
    clerk.post("/shift/hand-in/", typed({"500": 2}))
    drop = CashMove.objects.get(kind="drop")
    assert str(drop.public_id) in text(supervisor.get("/shifts/"))
    wrong = supervisor.post(f"/cash-moves/{drop.public_id}/", typed({"500": 1}))
    assert wrong.status_code == 422
    supervisor.post(f"/cash-moves/{drop.public_id}/", typed({"500": 2}))
    pay = {"submit_key": str(uuid.uuid4()), "amount": "100", "voucher": "V7", "reason": "stamps"}
    clerk.post("/shift/pay-out/", pay)
    supervisor.post(f"/cash-moves/{CashMove.objects.get(kind='paid_out').public_id}/", {})
    assert drawer.in_drawer(shift) == 2_400_00

    page = f"/shifts/{shift.public_id}/"
    assert clerk.post(f"{page}close/").status_code == 302
    counted = {"cheque_count": "1", "cheque_sum": "900.00"}
    assert "2,400" not in text(clerk.get(f"{page}count/"))
    assert "2,400" not in text(supervisor.get("/shifts/"))
    clerk.post(f"{page}count/", typed({"500": 4, "100": 3, "20": 4}, **counted))
    short_by = Difference.objects.get()
    assert short_by.amount_paise == -20_00
    assert "20.00 short" in text(clerk.get(page))
    refused = clerk.post(f"{page}reasons/", {"why-cash-why": "other", "why-cash-words": ""})
    assert refused.status_code == 422
    clerk.post(f"{page}reasons/", {"why-cash-why": "change", "why-cash-words": "gave 20"})
    assert "1 short, 20.00" in text(supervisor.get(page))
    supervisor.post(f"{page}accept/", {"keep": "2,000"})

    shift.refresh_from_db()
    assert shift.state == ShiftState.CLOSED
    assert safe.position(window.office) == 20_000_00 - 2_000_00 + 1_000_00 + 2_380_00 - 2_000_00
    assert text(clerk.get("/shift/open/")).count("2,000.00") >= 1
    for who in (clerk, supervisor, finance):
        assert who.get(page).status_code == 200
    assert "2,380" in text(supervisor.get("/safes/Z1/"))


def test_nothing_shows_a_clerk_what_must_be_there_while_they_count(as_role, place) -> None:
    clerk = as_role("clerk")
    payment = drawer.take_cash(place, 1_537_00)
    assert "1,537" in text(clerk.get("/payments/"))
    page = f"/shifts/{place.public_id}/"
    clerk.post(f"{page}close/")

    for address in (
        page,
        f"{page}count/",
        "/shifts/",
        "/payments/",
        "/payments/export.csv",
        "/counter/",
    ):
        shown = clerk.get(address, follow=True)
        body = b"".join(shown.streaming_content) if shown.streaming else shown.content
        assert b"1,537" not in body, address
        assert b"1537" not in body, address
        assert b"3,537" not in body, address
    api = clerk.get(f"/api/v1/payments/{payment.reference}/")
    assert api.status_code == 404


def test_the_office_may_hide_the_running_total(as_role, place) -> None:
    OfficePolicy.objects.create(
        office=place.counter.office, shows_running_total=False, drawer_limit_paise=1_000_00
    )
    clerk = as_role("clerk")
    drawer.take_cash(place, 1_537_00)

    page = text(clerk.get("/shift/"))
    assert "3,537" not in page
    assert "More than 1,000.00 is in the drawer" in page
    refused = text(clerk.post("/shift/hand-in/", typed({"500": 80})))
    assert "does not hold so much" in refused
    assert "3,537" not in refused


def test_a_draft_is_no_count_and_an_empty_form_neither(as_role, place) -> None:
    clerk = as_role("clerk")
    page = f"/shifts/{place.public_id}/"
    clerk.post(f"{page}close/")

    clerk.post(f"{page}count/", typed({"500": 3}, draft="1", cheque_count="2"))
    again = text(clerk.get(f"{page}count/"))
    assert 'value="3"' in again
    assert 'value="2"' in again
    empty = clerk.post(f"{page}count/", {"submit_key": str(uuid.uuid4())})

    assert empty.status_code == 422
    assert not DrawerCount.objects.filter(shift=place, kind="closing").exists()


def test_an_auditor_counts_a_drawer_and_the_sheet_is_kept(as_role, place) -> None:
    auditor = as_role("auditor")
    form = auditor.get(f"/checks/new/?shift={place.public_id}")
    assert "2,000" not in text(form)

    auditor.post(f"/checks/new/?shift={place.public_id}", typed({"500": 3}, words="one is gone"))
    auditor.post("/checks/new/?office=Z1", typed({"500": 36}))

    drawer_check, safe_check = SurpriseCheck.objects.order_by("pk")
    assert (drawer_check.difference_paise, safe_check.difference_paise) == (-500_00, 0)
    assert "one is gone" in text(auditor.get(f"/checks/{drawer_check.public_id}/"))
    sheet = auditor.get(f"/checks/{drawer_check.public_id}/sheet/")
    assert sheet.content.startswith(b"%PDF")
    assert "Counter 1" in text(auditor.get("/checks/"))
    assert as_role("clerk").get("/checks/").status_code == 403
    assert drawer.in_drawer(place) == 2_000_00


def test_a_counterfeit_note_is_kept_once_and_told_to_the_police(as_role, place) -> None:
    clerk, supervisor = as_role("clerk"), as_role("supervisor")
    note = {"denomination": "500", "serial": "5ab 123456", "tendered_by": "A consumer"}

    clerk.post("/shift/counterfeit/", note)
    clerk.post("/shift/counterfeit/", note)
    kept = CounterfeitNote.objects.get()
    assert (kept.denomination, kept.serial) == (500, "5AB123456")
    report = f"/counterfeits/{kept.public_id}/report/"
    early = supervisor.post(report, {"on": "2020-01-01", "number": "FIR 7"})
    assert early.status_code == 422
    supervisor.post(report, {"on": today().isoformat(), "number": "FIR 7"})

    kept.refresh_from_db()
    assert (kept.reported_on, kept.report_number) == (today(), "FIR 7")
    assert "FIR 7" in text(clerk.get("/counterfeits/"))
    assert drawer.in_drawer(place) == 2_000_00


def test_a_transfer_is_counted_by_who_gets_it(as_role, place, make_user, offices, client) -> None:
    other = make_user("other", "clerk", offices=(offices["Z1"],))
    second = make.CounterFactory(code="rpr2", office=offices["Z1"], keeps_shifts=True)
    there = shifts.open_shift(second, clerk=other)
    clerk = as_role("clerk")
    client.force_login(other, backend="people.auth.PeopleBackend")

    clerk.post("/shift/give/", typed({"500": 1}, to=str(there.public_id)))
    move = CashMove.objects.get(kind="transfer")
    assert str(move.public_id) in text(client.get("/shift/"))
    assert "500.00" not in text(client.get(f"/cash-moves/{move.public_id}/"))
    assert clerk.post(f"/cash-moves/{move.public_id}/", typed({"500": 1})).status_code == 422
    client.post(f"/cash-moves/{move.public_id}/", typed({"500": 1}))

    assert (drawer.in_drawer(place), drawer.in_drawer(there)) == (1_500_00, 500_00)


def test_a_clerk_sees_no_other_clerk_s_drawer(place, make_user, offices, client, settings) -> None:
    settings.SECOND_FACTOR_ROLES = []
    other = make_user("other", "clerk", offices=(offices["Z1"],))
    client.force_login(other, backend="people.auth.PeopleBackend")

    assert client.get(f"/shifts/{place.public_id}/").status_code == 404
    assert client.post(f"/shifts/{place.public_id}/close/").status_code == 404
    move = CashMove.objects.get(kind="float")
    assert client.get(f"/cash-moves/{move.public_id}/").status_code == 404


def test_a_list_of_payments_keeps_the_sum_of_a_hidden_drawer(as_role, place, offices) -> None:
    OfficePolicy.objects.create(office=offices["Z1"], shows_running_total=False)
    make.ChannelFactory(code="cash")
    cash(place, 1_234_00)

    clerk = text(as_role("clerk").get("/payments/?method=cash"))
    supervisor = text(as_role("supervisor").get("/payments/?method=cash"))

    assert "payments of" not in clerk
    assert "payments of" in supervisor
    assert as_role("clerk").get("/payments/export.csv")["Location"] == "/payments/?"
    assert as_role("supervisor").get("/payments/export.csv").status_code == 200
    assert "Sums are shown when your drawer is counted" in text(as_role("clerk").get("/cheques/"))
    assert "Sums are shown" not in text(as_role("supervisor").get("/cheques/"))
    assert as_role("clerk").get("/cheques/export.csv")["Location"] == "/cheques/?"
