"""Fills a database with days of books, as many entries as are asked for, and runs the engine once.

Entries are written by the database itself with the indexes aside: what is measured afterwards is
reading. The run is the real one, so matches, breaks, sums and the proof are the engine's.
"""

import json
import os
import sys
import time
from datetime import date, timedelta
from typing import Any, Final

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cspdcl.settings")
django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.db import connection  # noqa: E402
from django_otp import DEVICE_ID_SESSION_KEY  # noqa: E402

from channels_.models import BankAccount, Channel, StatementFile  # noqa: E402
from people import actions  # noqa: E402
from people.models import User  # noqa: E402
from reconciliation import engine  # noqa: E402
from reconciliation.models import Break, Entry, Match  # noqa: E402

DAYS: Final = 60
LAST: Final = date(2026, 8, 18)
CHANNELS: Final = 6

_INDEXES: Final = """
SELECT indexname, indexdef FROM pg_indexes
 WHERE tablename = 'reconciliation_entry' AND indexname <> 'reconciliation_entry_pkey'
"""

# One payment in two thousand has no line and one has no receipt, one in five thousand differs.
_FILL: Final = """
INSERT INTO reconciliation_entry
       (book, kind, channel_id, file_id, line, source_key, business_date, due_on, amount_paise,
        fee_paise, tax_paise, net_paise, reference, channel_ref, order_ref, original_ref,
        settlement_ref, deposit_ref, utr, rrn, instrument, consumer_number, method, network, code,
        narration, in_channel_stage, in_bank_stage)
SELECT book, 'payment', (%(channels)s::bigint[])[1 + n %% %(count)s],
       CASE book WHEN 'channel' THEN (%(files)s::bigint[])[1 + n %% %(count)s] END, n,
       CASE book WHEN 'receipts' THEN 'payment:' || name ELSE 'bench:pay_' || name END,
       %(day)s, %(day)s, paise, 0, 0, paise, CASE book WHEN 'receipts' THEN name ELSE '' END,
       'pay_' || name, 'order_' || name, '', CASE book WHEN 'channel' THEN settlement ELSE '' END,
       '', CASE book WHEN 'channel' THEN 'UTR' || settlement ELSE '' END, '', '', '', 'upi', '',
       '', '', true, book = 'channel'
  FROM (SELECT n, book, %(at)s || '-' || lpad(n::text, 9, '0') AS name,
               10000 + (n * 7919) %% 890000
                 + CASE WHEN n %% 5000 = 3 AND book = 'channel' THEN 100 ELSE 0 END AS paise,
               'setl_' || %(at)s || '-' || n %% 14 AS settlement
          FROM generate_series(1, %(payments)s) AS n
         CROSS JOIN (VALUES ('receipts'), ('channel')) AS b(book)
         WHERE n %% 2000 <> CASE book WHEN 'channel' THEN 1 ELSE 2 END) AS told
 ORDER BY book DESC, n
"""


def setup(entries: int) -> dict[str, object]:
    """Everything; answers the session of a reader and how long each part took."""
    channels = [_channel(number) for number in range(CHANNELS)]
    took: dict[str, float] = {}
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET maintenance_work_mem = '512MB'")
        cursor.execute(_INDEXES)
        indexes = cursor.fetchall()
        cursor.execute("ALTER TABLE reconciliation_entry DROP CONSTRAINT entry_once")
        for name, _made in indexes:
            cursor.execute(f'DROP INDEX IF EXISTS "{name}"')
        for at in range(DAYS):
            day = LAST - timedelta(days=DAYS - 1 - at)
            files = [_file(channel, day) for channel in channels]
            params: dict[str, Any] = {
                "channels": [one.pk for one in channels], "files": [one.pk for one in files],
                "count": CHANNELS, "day": day, "at": f"d{at:02d}",
                "payments": entries // 2 // DAYS,
            }  # fmt: skip
            cursor.execute(_FILL, params)
        took["filled"] = round(time.perf_counter() - began, 1)
        for name, made in indexes:
            cursor.execute(made)
            if name == "entry_once":
                cursor.execute(
                    "ALTER TABLE reconciliation_entry ADD CONSTRAINT entry_once "
                    "UNIQUE USING INDEX entry_once"
                )
        cursor.execute("VACUUM (ANALYZE) reconciliation_entry")
    took["indexed"] = round(time.perf_counter() - began, 1)
    engine.reconcile(LAST, started_by="bench")
    took["run"] = round(time.perf_counter() - began, 1)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) reconciliation_match")
        cursor.execute("VACUUM (ANALYZE) reconciliation_break, reconciliation_breakline")
    return {
        "session": reader(),
        "entries": Entry.objects.count(),
        "matches": Match.objects.count(),
        "breaks": Break.objects.count(),
        "took": took,
    }


def _channel(number: int) -> Channel:
    account = BankAccount.objects.create(
        code=f"bank{number}", name=f"Bank {number}", account_number=f"10{number}"
    )
    return Channel.objects.create(
        code=f"bench{number}",
        name=f"Bench {number}",
        adapter="razorpay",
        route="settlement",
        is_live=True,
        settlement_days=0,
        bank_account=account,
    )


def _file(channel: Channel, day: date) -> StatementFile:
    return StatementFile.objects.create(
        channel=channel, sha256=f"{channel.code}-{day}", name=f"{channel.code}-{day}.csv", size=1,
        state=StatementFile.State.LOADED, covers_from=day, covers_to=day,
    )  # fmt: skip


def reader() -> str:
    user = User.objects.create_user("bench", None, full_name="Bench")
    actions.set_roles(user, {"finance_officer"})
    device = actions.device_to_enrol(user)
    actions.confirm_device(user, device)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "people.auth.PeopleBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session[DEVICE_ID_SESSION_KEY] = device.persistent_id
    session.create()
    return str(session.session_key)


if __name__ == "__main__":
    print(json.dumps(setup(int(sys.argv[1]))))
