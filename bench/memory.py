"""What processes hold in memory at one time: a page that some share counts once among them."""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

EVERY: Final = 0.1  # seconds between two looks
_KIB: Final = 1024


class Peak:
    """The largest sum that was seen."""

    megabytes: int = 0


@contextmanager
def watched(pids: Collection[int]) -> Iterator[Peak]:
    """Look at the processes while the block runs; one that has ended holds nothing."""
    peak, ended = Peak(), threading.Event()

    def look() -> None:
        while not ended.wait(EVERY):
            peak.megabytes = max(peak.megabytes, round(sum(map(_held, pids)) / _KIB))

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield peak
    finally:
        ended.set()
        looking.join()


def _held(pid: int) -> int:
    """Its proportional set size in KiB."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
