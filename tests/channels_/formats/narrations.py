"""The labelled narrations, and how well they are read; run as a program it writes the table.

``python -m tests.channels_.formats.narrations`` puts the measured table into docs/narrations.md.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from channels_.formats.narrations import BANKS, GENERAL, read_narration

CORPUS: Final = Path(__file__).with_suffix(".toml")
DOCS: Final = Path(__file__).parents[3] / "docs" / "narrations.md"
FIELDS: Final = ("utr", "rrn", "ifsc", "account", "consumer", "payer")
REFERENCES: Final = FIELDS[:-1]  # what decides whose money it is; a payer's name never does
TITLES: Final = {
    "SBIN": "SBI",
    "HDFC": "HDFC",
    "ICIC": "ICICI",
    "UTIB": "Axis",
    GENERAL: "general",
}
HELD_OUT: Final = "held out"
BEGIN: Final = "<!-- measured -->"
END: Final = "<!-- end -->"


class Judged(NamedTuple):
    """How one field of one line was read."""

    bank: str
    source: str
    field: str
    text: str
    expected: str
    found: str

    @property
    def verdict(self) -> str:
        """right, missed, wrong (something else, or something where nothing is), or nothing."""
        if self.found == self.expected:
            return "right" if self.expected else "nothing"
        return "wrong" if self.found else "missed"


def corpus() -> Mapping[str, Any]:
    """The labelled lines."""
    return tomllib.loads(CORPUS.read_text(encoding="utf-8"))


def judged() -> Iterator[Judged]:
    """Every field of every line, read and compared."""
    known = corpus()
    for line in known["line"]:
        bank, text = line["bank"], line["text"]
        said = read_narration(text, bank=bank, prefixes=known["prefixes"])
        for field in FIELDS:
            found = getattr(said, field)
            yield Judged(bank, line["source"], field, text, line.get(field, ""), found)


def table() -> str:
    """The measured accuracy by bank and field, as the document shows it."""
    everything = list(judged())
    rows = [
        _row(TITLES[bank], [one for one in everything if one.bank == bank])
        for bank in (*BANKS, GENERAL)
    ]
    rows.append(_row("of these held out", [one for one in everything if one.source == HELD_OUT]))
    rows.append(_row("all", everything))
    head = [f"| printed by | lines | {' | '.join(FIELDS)} |", f"|---|---|{'---|' * len(FIELDS)}"]
    return "\n".join([*head, *rows])


def documented() -> str:
    """The table as the document has it."""
    text = DOCS.read_text(encoding="utf-8")
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def write() -> None:
    """Put the measured table into the document."""
    text = DOCS.read_text(encoding="utf-8")
    head, _begin, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    DOCS.write_text(f"{head}{BEGIN}\n{table()}\n{END}{tail}", encoding="utf-8")


def _row(title: str, judgements: Sequence[Judged]) -> str:
    counts = Counter((one.field, one.verdict) for one in judgements)
    lines = len(judgements) // len(FIELDS)
    cells = [
        _cell(*(counts[field, verdict] for verdict in ("right", "wrong", "missed")))
        for field in FIELDS
    ]
    return f"| {title} | {lines} | {' | '.join(cells)} |"


def _cell(right: int, wrong: int, missed: int) -> str:
    """Such as "24 of 25", with what was wrong if anything was."""
    if not right + wrong + missed:
        return "-"
    cell = f"{right} of {right + wrong + missed}"
    return f"{cell}, {wrong} wrong" if wrong else cell


if __name__ == "__main__":
    write()
