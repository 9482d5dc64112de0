"""How days are written: ``dd/mm/yyyy`` for people, ``%d/%m/%Y`` for the reader of tables."""

from typing import Final

# The longer word first: it holds the shorter one.
_WORDS: Final = (
    ("yyyy", "%Y"), ("yy", "%y"), ("MMM", "%b"), ("mm", "%m"), ("dd", "%d"),
    ("HH", "%H"), ("MI", "%M"), ("SS", "%S"),
)  # fmt: skip


def as_pattern(words: str) -> str:
    """What the reader wants for what a person typed."""
    for word, mark in _WORDS:
        words = words.replace(word, mark)
    return words


def as_words(text: str) -> str:
    """The marks of the reader in a text as words for people."""
    for word, mark in _WORDS:
        text = text.replace(mark, word)
    return text
