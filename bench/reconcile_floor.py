"""The floor of the reconcile measurement, in a process of its own."""

import json
import os
import resource
import sys
import time
from pathlib import Path

import psycopg2

from bench.ground import cpu_seconds


def main() -> None:
    """COPY, join, insert; answers the seconds and the pairs."""
    folder = Path(sys.argv[1])
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    server = cpu_seconds()
    started = time.perf_counter()
    with connection, connection.cursor() as cursor:
        for name in ("payments", "settlement"):
            with (folder / f"{name}.csv").open("rb") as file:
                columns = file.readline().decode().strip().split(",")
                fields = ", ".join(f"{column} text" for column in columns)
                cursor.execute(f"CREATE TABLE {name} ({fields})")
                file.seek(0)
                cursor.copy_expert(f"COPY {name} FROM STDIN (FORMAT csv, HEADER true)", file)
        cursor.execute("CREATE TABLE pair (left_ref text, right_ref text)")
        cursor.execute("SET LOCAL enable_mergejoin = off; SET LOCAL enable_nestloop = off")
        cursor.execute(
            "INSERT INTO pair SELECT p.reference, s.entity_id FROM payments p "
            "JOIN settlement s ON s.entity_id = p.channel_ref"
        )
        pairs = cursor.rowcount
    seconds = time.perf_counter() - started
    own = resource.getrusage(resource.RUSAGE_SELF)
    cpu = cpu_seconds() - server + own.ru_utime + own.ru_stime
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "pairs": pairs}))


main()
