"""What a finance team's script does with the same files: pandas merges them, to_sql writes it.

Runs under the Python of the peers, which knows nothing of ours.
"""

import json
import os
import sys
import time
from pathlib import Path

import pandas as pd
import psycopg2
from sqlalchemy import create_engine


def main() -> None:
    """Read, merge by the channel's id, name what differs, write; answers the seconds."""
    folder = Path(sys.argv[1])
    url = os.environ["DATABASE_URL"]
    engine = create_engine("postgresql+psycopg2://", creator=lambda: psycopg2.connect(url))
    started = time.perf_counter()
    ours = pd.read_csv(folder / "payments.csv", dtype={"consumer_number": str})
    theirs = pd.read_csv(folder / "settlement.csv")
    both = ours.merge(
        theirs, how="outer", left_on="channel_ref", right_on="entity_id", indicator="found"
    )
    both["difference"] = both["amount_paise"] - both["amount"]
    kept = both[["reference", "entity_id", "amount_paise", "amount", "difference", "found"]]
    kept = kept.astype({"found": str})
    read = time.perf_counter()
    kept.to_sql("pair", engine, index=False, if_exists="replace", chunksize=10_000)
    ended = time.perf_counter()
    pairs = int((kept["found"] == "both").sum())
    print(
        json.dumps({"seconds": ended - started, "merged": round(read - started, 2), "pairs": pairs})
    )


main()
