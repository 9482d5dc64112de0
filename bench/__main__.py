"""``python -m bench [reconcile|capture] ...``: every measurement, or the named ones."""

import sys

from bench import capture, reconcile

MEASUREMENTS = {"reconcile": reconcile.measure, "capture": capture.measure}


def main() -> None:
    """Run what is named, everything without a name."""
    names = sys.argv[1:] or list(MEASUREMENTS)
    unknown = set(names) - set(MEASUREMENTS)
    if unknown:
        raise SystemExit(f"expected {' or '.join(MEASUREMENTS)}, got {' '.join(sorted(unknown))}")
    for name in names:
        MEASUREMENTS[name]()


main()
