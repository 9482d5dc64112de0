"""The comparison of the same files by datacompy on polars; it writes nothing, so it is only told
beside ours. Runs under the Python of the peers.
"""

import json
import sys
import time
from pathlib import Path

import polars as pl
from datacompy import PolarsCompare


def main() -> None:
    """Read both files and compare them by the channel's id; answers the seconds."""
    folder = Path(sys.argv[1])
    started = time.perf_counter()
    ours = pl.read_csv(folder / "payments.csv", infer_schema=False).select(
        key="channel_ref", amount=pl.col("amount_paise").cast(pl.Int64)
    )
    theirs = pl.read_csv(folder / "settlement.csv", infer_schema=False).select(
        key="entity_id", amount=pl.col("amount").cast(pl.Int64)
    )
    compared = PolarsCompare(ours, theirs, join_columns=["key"])
    pairs = compared.intersect_rows.height
    print(json.dumps({"seconds": time.perf_counter() - started, "pairs": pairs}))


main()
