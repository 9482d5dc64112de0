"""The second person's yes, to whatever was proposed."""

from people.models import User
from reconciliation.desk import decisions, steps
from reconciliation.found import assigning
from reconciliation.models import Decision


def approve(decision: Decision, *, checker: User, answer: str = "") -> None:
    """Approve and act. Raises NotYours for the maker, NotDecidable for what has changed."""
    if decision.kind in assigning.KINDS:
        assigning.approve(decision, checker=checker, answer=answer)
    elif decision.kind in steps.KINDS:
        steps.approve(decision, checker=checker, answer=answer)
    else:
        decisions.approve(decision, checker=checker, answer=answer)
