"""How often somebody who has not signed in may be wrong: counted in this process, never stored."""

import ipaddress
import threading
import time
from typing import Final

_REMEMBERED_MOST: Final = 10_000


class Pace:
    """So many faults of one address in so many seconds; each web process counts for itself."""

    def __init__(self, most: int, *, seconds: int) -> None:
        self.most, self.seconds = most, seconds
        self._faults: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def is_over(self, address: str) -> bool:
        """Whether this address has been wrong too often and must wait."""
        began, count = self._faults.get(_network(address), (0.0, 0))
        return count >= self.most and time.monotonic() - began < self.seconds

    def count(self, address: str) -> None:
        """Note that this address was wrong."""
        here, moment = _network(address), time.monotonic()
        with self._lock:
            began, count = self._faults.get(here, (moment, 0))
            if moment - began >= self.seconds:
                began, count = moment, 0
            if here not in self._faults and len(self._faults) >= _REMEMBERED_MOST:
                self._faults.clear()  # made-up addresses shall not fill the memory
            self._faults[here] = (began, count + 1)

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._faults.clear()


def _network(address: str) -> str:
    """One connection of IPv6 has 2^64 addresses: they count as one."""
    try:
        here = ipaddress.ip_address(address)
    except ValueError:
        return "?"
    if isinstance(here, ipaddress.IPv4Address):
        return str(here)
    return str(ipaddress.ip_network((here, 64), strict=False).network_address)
