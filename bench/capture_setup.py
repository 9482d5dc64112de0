"""Prepares the database of the capture measurement: the channel, its secret, the floor's table."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cspdcl.settings")
django.setup()

from django.db import connection  # noqa: E402 - after the set-up

from channels_.models import Channel  # noqa: E402
from channels_.secrets import set_secret  # noqa: E402

channel = Channel.objects.create(
    code="razorpay", name="Razorpay", adapter="razorpay", route="settlement", is_live=True
)
set_secret(channel, name="webhook_secret", value=sys.argv[1], actor="bench")
with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE bench_floor (id bigserial PRIMARY KEY, body bytea NOT NULL)")
print(json.dumps({"ready": True}))
