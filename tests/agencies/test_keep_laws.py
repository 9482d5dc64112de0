"""What the database refuses of a float, whoever asks for it."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F

from agencies import doors, floats
from agencies.floats import NotChangeable, NotYours
from agencies.models import AgencyKey, FloatAccount, FloatChange, FloatEntry
from cspdcl.kernel.crypto import Undecipherable
from people.models import AuditEvent
from tests.agencies.partner import Partner, asked, finance

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(agency) -> FloatAccount:
    return FloatAccount.objects.get(agency=agency)


def refused(sql: str) -> str:
    """What the database says to a statement that it must not take."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except DatabaseError as error:
        return str(error)
    return "it was taken"


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE agencies_floatentry SET amount_paise = 1", "append-only"),
        ("DELETE FROM agencies_floatentry", "append-only"),
        ("UPDATE agencies_floataccount SET balance_paise = 0", "with its entry only"),
        ("UPDATE agencies_floataccount SET entry_count = 7", "with its entry only"),
        ("DELETE FROM agencies_floataccount", "never deleted"),
        (
            "UPDATE agencies_floataccount SET credit_limit_paise = 5",
            "float_credit_limit_fits_its_kind",
        ),
        ("UPDATE agencies_floatchange SET amount_paise = 1", "answered once"),
        ("UPDATE agencies_floatchange SET state = 'proposed'", "answered once"),
        ("DELETE FROM agencies_floatchange", "answered once"),
        ("UPDATE agencies_agencykey SET before_until = now()", "agency_key_before_expires"),
        ("UPDATE agencies_agency SET opens_at = '06:00'", "opens_before_it_closes"),
    ],
)
def test_the_database_refuses(account, sql, words) -> None:
    assert words in refused(sql)


def test_entries_are_not_truncated(account, truncate_refused) -> None:
    assert "append-only" in refused("TRUNCATE agencies_floatentry")


def test_an_entry_continues_the_one_before_and_the_account_follows(account) -> None:
    columns = "account_id, number, kind, amount_paise, balance_after_paise, utr, note, actor, at"
    change = FloatChange.objects.create(
        public_id="c" * 32, account=account, kind="commission", amount_paise=5, why="w",
        maker=finance("maker"),
    )  # fmt: skip
    values = f"({account.pk}, %s, 'commission', 5, %s, '', '', 'x', now(), {change.pk})"
    insert = f"INSERT INTO agencies_floatentry ({columns}, change_id) VALUES {values}"  # noqa: S608

    assert "does not continue" in refused(insert % (2, 5))
    assert "does not continue" in refused(insert % (3, 10_000_005))
    assert "does not follow" in refused(insert % (2, 10_000_005))


def test_who_proposes_does_not_approve(account) -> None:
    change = floats.propose(
        account, kind=FloatChange.Kind.TOP_UP, amount_paise=100, utr="sbin0001", why="paid",
        maker=finance("maker"),
    )  # fmt: skip

    with pytest.raises(NotYours):
        floats.approve(change, checker=finance("maker"))
    with pytest.raises(IntegrityError, match="maker_is_not_checker"), transaction.atomic():
        FloatChange.objects.filter(pk=change.pk).update(
            state="approved", checker=F("maker"), checked_at=F("made_at")
        )
    assert FloatEntry.objects.count() == 1

    entry = floats.approve(change, checker=finance("checker"))
    with pytest.raises(NotChangeable):
        floats.approve(change, checker=finance("checker"))

    assert (entry.kind, entry.amount_paise, entry.utr) == ("top_up", 100, "SBIN0001")
    assert AuditEvent.objects.filter(action="float.approved").count() == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"utr": ""},
        {"utr": "x y"},
        {"amount_paise": 0},
        {"amount_paise": -5},
        {"amount_paise": 10**15},
        {"why": " "},
        {"kind": FloatChange.Kind.COMMISSION},
    ],
    ids=str,
)
def test_odd_proposals_are_refused(account, wrong) -> None:
    right = {
        "kind": FloatChange.Kind.TOP_UP, "amount_paise": 100, "utr": "SBIN0001", "why": "paid",
    }  # fmt: skip

    with pytest.raises(NotChangeable):
        floats.propose(account, maker=finance("maker"), **{**right, **wrong})

    assert not FloatChange.objects.filter(state="proposed").exists()


def test_a_credit_tops_up_once(account) -> None:
    def propose() -> FloatChange:
        return floats.propose(
            account, kind=FloatChange.Kind.TOP_UP, amount_paise=100, utr="SBIN0001", why="paid",
            maker=finance("maker"),
        )  # fmt: skip

    first = propose()
    with pytest.raises(NotChangeable, match="already"):
        propose()
    floats.reject(first, checker=finance("checker"), answer="not in the statement")

    assert propose().state == "proposed"
    assert FloatEntry.objects.count() == 1


def test_a_correction_takes_no_more_than_there_is(account, consumer) -> None:
    change = floats.propose(
        account, kind=FloatChange.Kind.CORRECTION, amount_paise=-10_000_000, utr="", why="twice",
        maker=finance("maker"),
    )  # fmt: skip
    Partner().post("payments/", asked(consumer))

    with pytest.raises(NotChangeable, match="does not hold"):
        floats.approve(change, checker=finance("checker"))

    account.refresh_from_db()
    assert account.balance_paise == 9_950_000


def test_a_secret_opens_for_its_own_key_only(agency) -> None:
    sealed = AgencyKey.objects.get().sealed
    with pytest.raises(Undecipherable):
        doors.unseal(sealed, key_id="ak_other")
    assert b"secret" not in bytes(sealed)
