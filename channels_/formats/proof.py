"""Whether a statement adds up. What does not prove is refused whole, with the difference."""

from channels_.contract import Page
from cspdcl.kernel.money import rupees_from_paise


def prove(page: Page, lines_paise: int, *, lines_count: int | None = None) -> str | None:
    """Why the lines do not prove the page, as a sentence; nothing when they do.

    Call it when the lines are exhausted: the closing balance stands at the end of a file.
    """
    if page.is_interim:
        return f"{_name(page)} is an interim report: expected the statement, which brings it again"
    if page.must_balance and (page.opening_paise is None or page.closing_paise is None):
        missing = "opening" if page.opening_paise is None else "closing"
        return f"{_name(page)} has no {missing} balance: it is cut short or an interim report"
    if page.opening_paise is not None and page.closing_paise is not None:
        difference = page.closing_paise - page.opening_paise - lines_paise
        if difference:
            return (
                f"{_name(page)} does not balance: opening {rupees_from_paise(page.opening_paise)}"
                f" + entries {rupees_from_paise(lines_paise)}"
                f" = {rupees_from_paise(page.opening_paise + lines_paise)},"
                f" but closing is {rupees_from_paise(page.closing_paise)}:"
                f" difference {rupees_from_paise(difference)}"
            )
    return _declared(page, lines_paise, lines_count)


def _declared(page: Page, lines_paise: int, lines_count: int | None) -> str | None:
    if page.declared_count is not None and lines_count not in {None, page.declared_count}:
        return f"{_name(page)} declares {page.declared_count} entries, but {lines_count} were read"
    if page.declared_paise is not None and page.declared_paise != lines_paise:
        return (
            f"{_name(page)} declares a sum of {rupees_from_paise(page.declared_paise)},"
            f" but its entries give {rupees_from_paise(lines_paise)}:"
            f" difference {rupees_from_paise(page.declared_paise - lines_paise)}"
        )
    return None


def _name(page: Page) -> str:
    return f"Statement {page.number}" if page.number else "The statement"
