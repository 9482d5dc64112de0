"""Writes package-lock.json from package.json, without the hosts that a registry puts into it.

npm finds every package by name, version and integrity, through whatever registry it is set to.
"""

import json
import subprocess
from pathlib import Path

from bootstrap import ROOT, find_npm

UNWANTED = ("resolved", "funding")


def main() -> int:
    """Lock, then strip."""
    npm, _ = find_npm()
    subprocess.run(
        [*npm, "install", "--package-lock-only", "--ignore-scripts"], cwd=ROOT, check=True
    )
    strip(ROOT / "package-lock.json")
    return 0


def strip(path: Path) -> None:
    """Remove what names a host from every package of the lock file."""
    lock = json.loads(path.read_text())
    for package in lock["packages"].values():
        for key in UNWANTED:
            package.pop(key, None)
    path.write_text(json.dumps(lock, indent=2) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
