"""What makes a bank line itself: a key that is the same whenever the bank sends the line again."""

import hashlib
from collections import Counter
from datetime import date


class Keys:
    """Gives the lines of one file their keys; the second of two identical lines ends in ``#2``."""

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()

    def key(
        self,
        account: str,
        *,
        day: date,
        amount_paise: int,
        reference: str,
        channel_ref: str,
        narration: str,
    ) -> str:
        """The key of a line; order and statement number are no part of it, banks change both."""
        digest = hashlib.sha1(narration.encode(), usedforsecurity=False).hexdigest()[:12]
        bare = "|".join([account, f"{day}", f"{amount_paise}", reference, channel_ref, digest])
        self._times[bare] += 1
        times = self._times[bare]
        return bare if times == 1 else f"{bare}#{times}"
