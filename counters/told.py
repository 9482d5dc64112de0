"""What higher parts of the house tell of a slip on its page, such as whether the bank has it.

The counters know nothing of the books; who does, registers here when its app is ready.
"""

from collections.abc import Callable, Sequence
from typing import Final

from channels_.panels import Panel
from payments.models import Deposit
from people.access import Somebody

Panels = Callable[[Somebody, Deposit], Sequence[Panel]]

_panels: Final[dict[str, Panels]] = {}


def tell_by(name: str, panels: Panels) -> None:
    """Let an app tell of one slip on its page; called when the app is ready."""
    _panels[name] = panels


def panels_of(user: Somebody, deposit: Deposit) -> list[Panel]:
    """What the other apps tell of one slip."""
    return [panel for name in sorted(_panels) for panel in _panels[name](user, deposit)]
