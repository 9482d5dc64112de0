"""Prepares the database of the capture measurements: channels, their secrets, the floor's table."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cspdcl.settings")
django.setup()

from django.db import connection  # noqa: E402 - after the set-up

from bench.partners import speaking  # noqa: E402
from channels_ import registry  # noqa: E402
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


def setup(key: str, keys: dict[str, dict[str, str]], consumers: int) -> None:
    """Razorpay with the floor's key, and every partner whose keys are given."""
    keys = {"razorpay": {"webhook_secret": key}, **keys}
    for code, simulation in speaking().items():
        if code not in keys:
            continue
        channel = Channel.objects.create(
            code=code,
            name=code,
            adapter=code,
            route="settlement",
            merchant_id=simulation.merchant_id if code != "razorpay" else "",
            settings=dict(simulation.settings),
            is_live=True,
        )
        for name in registry.adapter(code).secret_names:
            set_secret(channel, name=name, value=keys[code][name], actor="bench")
    office = Office.objects.create(code="BENCH", name="Bench", kind="zone", path="/BENCH/")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_floor (id bigserial PRIMARY KEY, body bytea NOT NULL)")
        cursor.execute(CONSUMERS, [office.pk, consumers])


setup(sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}, 1000)
print(json.dumps({"ready": True}))
