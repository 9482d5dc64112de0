"""Writing text into sheets so that no reader takes it for a formula."""

from typing import Final

_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")  # noqa: RUF001


def safe_text(text: str) -> str:
    """Text for a CSV cell; what could start a formula gets a quote in front. Not for numbers."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text
