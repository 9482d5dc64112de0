"""The second person's yes, to whatever was proposed."""

from people.models import User
from reconciliation import assigning, decisions
from reconciliation.models import Decision


def approve(decision: Decision, *, checker: User, answer: str = "") -> None:
    """Approve and act. Raises NotYours for the maker, NotDecidable for what has changed."""
    act = assigning.approve if decision.kind in assigning.KINDS else decisions.approve
    act(decision, checker=checker, answer=answer)
