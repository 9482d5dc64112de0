"""What the statement proves of papers: a slip that was credited, and stayed so, has cleared."""

from counters import books, papers
from cspdcl.kernel.clock import today
from reconciliation.models import Book, Entry, Stage


def clear_papers() -> int:
    """Clear the papers of credited slips whose days have passed without a return; how many."""
    waiting = books.slips_in_clearing()
    credited = (
        Entry.objects.filter(
            book=Book.RECEIPTS,
            deposit_ref__in=waiting,
            match_lines__stage=Stage.BANK,
            match_lines__is_live=True,
        )
        .values_list("deposit_ref", flat=True)
        .distinct()
    )
    return papers.clear_due(list(credited), on=today())
