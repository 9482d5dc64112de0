"""``python -m bench [WORD ...]``: every measurement, or those that are named."""

import sys

from bench import (
    capture,
    counter,
    drain,
    dues,
    load,
    pages,
    partitions,
    reconcile,
    subset,
    workers,
)

MEASUREMENTS = {
    "reconcile": reconcile.measure,
    "load": load.measure,
    "pages": pages.measure,
    "workers": workers.measure,
    "partitions": partitions.measure,
    "capture": capture.measure,
    "drain": drain.measure,
    "dues": dues.measure,
    "counter": counter.measure,
    "subset": subset.measure,
}


def main() -> None:
    """Run what is named, everything without a name."""
    names = sys.argv[1:] or list(MEASUREMENTS)
    unknown = set(names) - set(MEASUREMENTS)
    if unknown:
        raise SystemExit(f"expected {' or '.join(MEASUREMENTS)}, got {' '.join(sorted(unknown))}")
    for name in names:
        MEASUREMENTS[name]()


main()
