"""The body of a message as people may read it: what names or reaches the payer is hidden."""

import re
from typing import Final

from cspdcl.kernel.logs import mask

# A value under one of these names is shown by its last characters only, quoted or bare.
_PRIVATE: Final = re.compile(
    r'("(?:payer_name|payer_account|payer_vpa|vpa|email|contact|name|account_number|mobile|phone)"'
    r'\s*:\s*")((?:[^"\\]|\\.)*)(")'
)
_SHOWN: Final = 4
_LONG_ENOUGH: Final = 9


def readable(body: bytes) -> str:
    """The body as text, masked; bytes that are no text are shown as replacement characters."""
    text = body.decode("utf-8", errors="replace")
    return mask(_PRIVATE.sub(_hide, text))


def _hide(found: re.Match[str]) -> str:
    value = found[2]
    end = value[-_SHOWN:] if len(value) >= _LONG_ENOUGH and value[-_SHOWN:].isdigit() else ""
    return f"{found[1]}••••{end if value else ''}{found[3]}" if value else found[0]
