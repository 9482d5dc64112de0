"""Our side of the loading: one file of a channel."""

import json
import os
import resource
import sys
import time
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cspdcl.settings")
django.setup()

from bench.ground import cpu_seconds  # noqa: E402 - after the set-up
from channels_.models import Channel  # noqa: E402
from reconciliation.incoming import statements  # noqa: E402

path = Path(sys.argv[1])
channel = Channel.objects.create(
    code="razorpay", name="Razorpay", adapter="razorpay", route="settlement", is_live=True
)
server, started = cpu_seconds(), time.perf_counter()
with path.open("rb") as file:
    loaded = statements.load(channel, file, name=path.name)
if loaded.problem:
    raise SystemExit(loaded.problem)
seconds = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_SELF)
print(
    json.dumps(
        {
            "seconds": seconds,
            "megabytes": round(used.ru_maxrss / 1024),
            "own_cpu": used.ru_utime + used.ru_stime,
            "server_cpu": cpu_seconds() - server,
            "lines": loaded.added_count,
        }
    )
)
