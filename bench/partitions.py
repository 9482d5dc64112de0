"""Twenty million entries become the first partition: how long, how much room, what is slower."""

import os
from typing import Final

from bench import ground

ENTRIES: Final = 20_000_000


def measure() -> None:
    """Fill, ask, partition, ask again; writes var/bench/partitions.json.

    ``BENCH_ENTRIES`` names another size.
    """
    entries = int(os.environ.get("BENCH_ENTRIES", ENTRIES))
    ground.prepare_template()
    with ground.database("cspdcl_bench_partitions", template=ground.TEMPLATE) as name:
        ground.child("bench.history", str(entries), name=name)
        answer = ground.child("bench.partitions_ours", str(entries), name=name)
    print(
        f"partitions: {answer['entries']:,} entries in {answer['took']} s, "
        f"{answer['megabytes_before']} MB before, {answer['megabytes_after']} MB after"
    )
    for what, was in answer["before"].items():
        print(f"  {what}: {was['ms']} ms before, {answer['after'][what]['ms']} ms after")
    ground.write("partitions", answer)
