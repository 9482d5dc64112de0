"""Prepares the database of the counter measurement: a million consumers, clerks in open shifts."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cspdcl.settings")
django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.db import connection  # noqa: E402

from bench.dues_setup import BILLS, CONSUMERS  # noqa: E402
from channels_.models import BankAccount, Channel  # noqa: E402
from counters.models import OfficeDay, Shift, SurchargeRate  # noqa: E402
from cspdcl.kernel.clock import today  # noqa: E402
from payments.models import Counter  # noqa: E402
from people import actions  # noqa: E402
from people.models import Office, User  # noqa: E402


def setup(consumers: int, clerks: int) -> dict[str, list[str]]:
    """Everything that the clerks need; answers the sessions of their browsers."""
    office = Office.objects.create(code="BENCH", name="Bench", kind="zone", path="/BENCH/")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '10min'")
        cursor.execute(CONSUMERS, [office.pk, consumers])
        cursor.execute(BILLS)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE payments_consumer, payments_bill")
    account = BankAccount.objects.create(
        code="bench", name="Bench", bank="A bank", account_number="1"
    )
    for code in ("cash", "cheque"):
        Channel.objects.create(
            code=code, name=code, adapter="counter", route="deposit", is_live=True,
            bank_account=account,
        )  # fmt: skip
    SurchargeRate.objects.create(percent="1.50", valid_from="2020-01-01")
    day = OfficeDay.objects.create(office=office, business_date=today())
    return {"sessions": [_clerk(office, day, place) for place in range(clerks)]}


def _clerk(office: Office, day: OfficeDay, place: int) -> str:
    counter = Counter.objects.create(code=f"bench{place}", name=f"Counter {place}", office=office)
    user = User.objects.create_user(f"bench{place}", None, full_name=f"Clerk {place}")
    actions.set_roles(user, {"clerk"})
    actions.grant_office(user, office)
    Shift.objects.create(counter=counter, clerk=user, office_day=day, number=1)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "people.auth.PeopleBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


if __name__ == "__main__":
    print(json.dumps(setup(int(sys.argv[1]), int(sys.argv[2]))))
