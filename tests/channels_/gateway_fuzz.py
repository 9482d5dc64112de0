"""Answers of a partner with any value in any place: read, refused or not understood, never else."""

import json
from typing import Any, Final

from hypothesis import strategies as st

from channels_.contract import Declined, Exchange, Setup, Wire
from cspdcl.kernel.errors import Malformed

VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.just(""),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)


def changed(document: Any, data: st.DataObject) -> Any:
    """The document with another value in one place, at any depth."""
    if isinstance(document, dict) and document and data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(document)))
        return {**document, name: changed(document[name], data)}
    if isinstance(document, list) and document and data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(document) - 1))
        return [*document[:place], changed(document[place], data), *document[place + 1 :]]
    return data.draw(VALUES)


def is_understood(
    exchange: Exchange[Any, Any] | None, ask: Any, *, document: Any, status: int, setup: Setup
) -> bool:
    """Whether the answer was read; it must not do anything else than that or say why not."""
    assert exchange is not None
    try:
        exchange.read(Wire(json.dumps(document).encode(), status=status), setup, ask)
    except (Malformed, Declined):
        return False
    return True
