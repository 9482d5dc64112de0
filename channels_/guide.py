"""The guide to the channels, made of what their folders say of themselves: docs/channels.md.

What stands above the mark is written by hand; what stands below it is made anew.
"""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Final

from channels_ import adapters as folder
from channels_.contract import CALLS, Adapter

MARK: Final = "<!-- Below this line: made by manage.py channel_guide. -->"

# What each capability lets a channel do, in the order in which a reader asks for it.
WORDS: Final[Mapping[str, str]] = {
    "notices": "tells",
    "questions": "asks",
    "order": "order",
    "status": "status",
    "refund": "refund",
    "refund_status": "refund status",
    "dispute": "dispute",
    "history": "history",
    "report": "report by API",
    "statements": "report as file",
}


def guide(page: str, adapters: Mapping[str, Adapter]) -> str:
    """The page with everything below the mark made anew; ValueError when it has no mark."""
    head, mark, _old = page.partition(MARK)
    if not mark:
        raise ValueError(f"expected the line {MARK!r} in the page")
    known = [adapters[code] for code in sorted(adapters)]
    return "\n".join([head + MARK, "", *_overview(known), *_chapters(known)]).rstrip() + "\n"


def _overview(known: Iterable[Adapter]) -> Iterator[str]:
    yield "## What each adapter can do"
    yield f"| adapter | {' | '.join(WORDS.values())} |"
    yield f"|---|{'---|' * len(WORDS)}"
    for one in known:
        marks = ["yes" if name in one.capabilities else "" for name in WORDS]
        yield f"| [{one.title}](#{_anchor(_heading(one))}) | {' | '.join(marks)} |"
    yield ""


def _chapters(known: Iterable[Adapter]) -> Iterator[str]:
    for one in known:
        yield f"## {_heading(one)}"
        yield inspect.getdoc(import_module(f"{folder.__name__}.{one.code}")) or ""
        yield ""
        yield from _facts(one)
        yield ""


def _heading(one: Adapter) -> str:
    return f"{one.title} ({one.code})"


def _anchor(heading: str) -> str:
    """How a reader of the page finds the heading: as its words, small and joined."""
    return re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")


def _facts(one: Adapter) -> Iterator[str]:
    calls = [WORDS[name] for name in CALLS if name in one.capabilities]
    found = (*one.formats, *(one.layouts({}) if one.layouts else ()))
    formats = {known.code: known for known in found}.values()  # an agreed one has its base's code
    if one.secret_names:
        yield f"- Secrets that prove what comes in: {_codes(one.secret_names)}."
    if one.call_secret_names:
        yield f"- Secrets for our calls: {_codes(one.call_secret_names)}."
    if calls:
        yield f"- Our calls: {', '.join(calls)}."
    if formats:
        named = ", ".join(f"{known.title} (`{known.code}`)" for known in formats)
        yield f"- Reports it reads: {named}."
    if one.settings:
        yield "- Agreed by configuration (`settings` of the channel's row):"
        yield from (f"  - `{name}`: {meaning}" for name, meaning in one.settings.items())


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
