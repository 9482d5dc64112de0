"""Addresses of reports, so that a figure leads to its rows."""

from datetime import date
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse


def report_url(code: str, day: date, **more: str) -> str:
    """The page of a report for a day, narrowed by whatever else its form takes."""
    query = urlencode(
        {"day": day.isoformat(), **{name: value for name, value in more.items() if value}}
    )
    return f"{reverse(f'reports:{code}')}?{query}"


def page_url(view: str, *args: str | int) -> str:
    """The page of another app; nothing where this installation has no such page."""
    try:
        return reverse(view, args=args)
    except NoReverseMatch:
        return ""
