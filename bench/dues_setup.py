"""Prepares the database of the dues measurement: a million consumers with a bill, an agency."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cspdcl.settings")
django.setup()

from django.db import connection  # noqa: E402 - after the set-up

from agencies import doors  # noqa: E402
from agencies.capabilities import EVERY  # noqa: E402
from agencies.models import Agency, AgencyKey, FloatAccount  # noqa: E402
from channels_ import registry  # noqa: E402
from channels_.adapters.bbps_api.simulate import SIMULATION  # noqa: E402
from channels_.models import Channel  # noqa: E402
from channels_.secrets import set_secret  # noqa: E402
from people.models import Office  # noqa: E402

CONSUMERS = """
    INSERT INTO payments_consumer (number, business_partner, name, office_id, category, plan,
                                   is_active)
    SELECT (100000000000 + n)::text, (1000000000 + n)::text, 'Sample consumer ' || n, %s,
           'LV-1', 'postpaid', true
    FROM generate_series(0, %s - 1) AS n
"""
BILLS = """
    INSERT INTO payments_bill (consumer_id, number, period, amount_paise, issued_on, due_on)
    SELECT id, 'B' || number, '2026-08', 10000 + id % 900000, DATE '2026-08-01', DATE '2026-08-20'
    FROM payments_consumer
"""


def setup(count: int, secret: str) -> dict[str, str]:
    """Everything that the two questions need; answers the secrets of the biller unit's side."""
    office = Office.objects.create(code="BENCH", name="Bench", kind="zone", path="/BENCH/")
    with connection.cursor() as cursor:
        cursor.execute(CONSUMERS, [office.pk, count])
        cursor.execute(BILLS)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE payments_consumer, payments_bill")
    channel = Channel.objects.create(
        code="atp", name="Kiosks", adapter="agency", route="settlement", is_live=True
    )
    agency = Agency.objects.create(code="atp", name="Kiosks", kind="atp", channel=channel)
    FloatAccount.objects.create(agency=agency, kind="prepaid", credit_limit_paise=0)
    AgencyKey.objects.create(
        agency=agency,
        key_id="ak_bench",
        sealed=doors.seal(secret, key_id="ak_bench"),
        capabilities=list(EVERY),
    )
    unit = Channel.objects.create(
        code="bbps",
        name="Bharat Connect",
        adapter="bbps_api",
        route="settlement",
        merchant_id=SIMULATION.merchant_id,
        settings=dict(SIMULATION.settings),
        is_live=True,
    )
    names = registry.adapter("bbps_api").secret_names
    for name in names:
        set_secret(unit, name=name, value=secret, actor="bench")
    return dict.fromkeys(names, secret)


if __name__ == "__main__":
    print(json.dumps(setup(int(sys.argv[1]), sys.argv[2])))
