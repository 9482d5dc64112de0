"""Delivering: what is due is claimed, sent side by side, and what came of each is kept at once.

No transaction is open while a gateway is waited for; the threads that wait touch no database.
"""

import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Final

from outgoing import lines, queue

SECONDS: Final = 15  # of one sweep; then another worker may have its turn


def work(*, seconds: float = SECONDS) -> int:
    """Send what is due, for a while; says how many tries were made."""
    ends = time.monotonic() + seconds
    queue.sort_out()
    queue.recover_lost()
    count = 0
    while time.monotonic() < ends:
        tried = sum(send_some(channel) for channel in lines.connected())
        if not tried:
            break
        count += tried
    return count


def send_some(channel: str) -> int:
    """Send one handful of a channel; says how many there were."""
    parcels = queue.claim(channel)
    if not parcels:
        return 0
    send = lines.LINES[channel].send
    with ThreadPoolExecutor(len(parcels), thread_name_prefix=channel) as pool:
        under_way = {pool.submit(send, parcel): parcel for parcel in parcels}
        for done in as_completed(under_way):
            queue.settle(under_way[done], done.result())
    return len(parcels)
