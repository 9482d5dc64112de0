"""Every published statement gives what its truth says, or a refusal that its truth explains.

The files stand in tests/corpora; those whose licence or size keeps them out of the project are read
from the shared folder (CSPDCL_CORPORA, or ../shared/corpora) where it is present.
"""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from channels_.formats.inspect import inspect
from cspdcl.kernel.errors import Malformed

HERE: Final = Path(__file__).parents[2] / "corpora"
SHARED: Final = Path(
    os.environ.get("CSPDCL_CORPORA", Path(__file__).parents[4] / "shared" / "corpora")
)

# Where truth and reader disagree, the file was looked at.
LOOKED_AT: Final = {
    # A Ctrl-Z stands before the :20: of the fourth statement. The truth's parser missed that field
    # and gives the third statement the account of the fourth.
    ("zilverline__mt940/two_accounts.txt", 2, "account"): "3462.483.153 EUR",
    ("zilverline__mt940/two_accounts.txt", 3, "account"): "1325.76.155EUR",
}
# The one entry in euros of a statement in dollars is refused; the truth adds the bare numbers.
FOREIGN_ENTRIES: Final = {"svapnil__iso20022.js/goldman_sachs/camt_053_us_v2_sample.xml": 1}

# Our page has booked balances only; of these the truth gives what was available.
BOOKED_BALANCES: Final = ("OPBD", "PRCD", "CLBD")
# What cannot be read: (name, how many lines, the words of the first refusal, the truth without it).
REFUSED_LINES: Final[dict[str, tuple[int, str, dict[str, Any]]]] = {
    "rseufert__mock-bank/camt.054.001.08-query-farm.xml": (
        1,
        "expected a booking date or a value date",
        {"entries": 0, "total_debits": "0", "debit_entries": 0},
    ),
    "jseutter__ofxparse/fail_nice/date_missing.ofx": (
        3,
        "expected a day such as 20260826, got ''",
        {"entries": 0, "total_debits": "0", "debit_entries": 0}
        | {"total_credits": "0", "credit_entries": 0},
    ),
    "moov-io__bai2/sample2.txt": (
        1,
        "expected an update (1), the group is a correction",
        {},
    ),
    "moov-io__bai2/sample4-continuations-newline-delimited.txt": (
        9,
        "amounts of the account: expected 7999960 as they were read, got -1260161341762",
        {},
    ),
    "moov-io__bai2/sample5-issue113.txt": (
        9,
        "amounts of the account: expected 7999960 as they were read, got -1260161341762",
        {},
    ),
}

# What the truth's parser took out of a file that we refuse, and with which words.
REFUSED: Final = {
    # Currency and account stand inside a comment.
    "OCA__bank-statement-import/account_statement_import_ofx/test_ofx_wrong.ofx": (
        r"expected a currency \(CURDEF\) before the transactions"
    ),
    "libofx__libofx/downcast.ofx": "expected </CCSTMTRS>, got </CCACCTFROM>",
    "libofx__libofx/heap-buffer-overflow-1.ofx": r"expected a currency \(CURDEF\)",
}

AMOUNTS: Final = {
    "opening_balance": "opening_balance",
    "closing_balance": "closing_balance",
    "difference": "difference",
    "total_credits": "credits",
    "total_debits": "debits",
}
FACTS: Final = {
    "account": "account",
    "balances": "balances",
    "closing_date": "closed_on",
    "credit_entries": "credit_entries",
    "currency": "currency",
    "debit_entries": "debit_entries",
    "entries": "entries",
    "opening_date": "opened_on",
    "statement_date": "closed_on",
    "statement_number": "number",
}


def _format_of(truth: dict[str, Any]) -> str | None:
    name = str(truth.get("format"))
    if name == "MT940/942":
        return "mt940"
    for message in ("camt052", "camt053", "camt054"):
        if message in name.replace("camt.", "camt"):
            return message
    if "camt" in name:
        return "camt053"
    return {"BAI2": "bai2", "OFX 1.x SGML": "ofx", "OFX 2.x XML": "ofx"}.get(name)


def _cases() -> list[Any]:
    """(name, file, format, truth) of the project's files and of the shared folder's others."""
    found: dict[str, Any] = {}
    for folder in (HERE, SHARED):
        if not (folder / "truth.json").exists():
            continue
        for name, truth in json.loads((folder / "truth.json").read_text()).items():
            code = _format_of(truth)
            if code and name not in found:
                found[name] = pytest.param(name, folder / name, code, truth, id=name)
    return list(found.values())


@pytest.mark.parametrize(("name", "path", "code", "truth"), _cases())
def test_published_file_gives_what_its_truth_says(
    name: str, path: Path, code: str, truth: dict[str, Any]
) -> None:
    if name in REFUSED or not _statements(truth):
        words = REFUSED.get(name, "expected")
        with path.open("rb") as file, pytest.raises(Malformed, match=words):
            inspect(code, file)
        return

    with path.open("rb") as file:
        report = inspect(code, file)

    statements = _statements(truth)
    statements = [_as_booked(told) if code.startswith("camt") else told for told in statements]
    refused, words, rest = REFUSED_LINES.get(name, (0, "", {}))
    statements = [told | rest for told in statements]
    foreign = FOREIGN_ENTRIES.get(name, 0)
    assert len(report["statements"]) == len(statements)
    for place, (told, read) in enumerate(zip(statements, report["statements"], strict=True)):
        _compare(name, place, told, read, foreign=foreign)
    trapped = foreign or sum(_is_trapped(told) for told in statements) or refused
    assert len(report["refusals"]) == trapped, report["refusals"]
    assert not refused or words in report["refusals"][0]["problem"]


def test_the_walk_is_a_walk() -> None:
    names = [case.values[0] for case in _cases()]

    assert sum(name.startswith("wolph__mt940/") for name in names) == 31
    assert len(names) >= 149


@pytest.mark.skipif(not SHARED.exists(), reason="the shared folder of published files is not here")
def test_the_walk_takes_the_shared_files_too() -> None:
    names = [case.values[0] for case in _cases()]

    assert "OCA__bank-statement-import/account_statement_import_camt/test-camt053.zip" in names
    assert "Subite-eu__camt-to-coda/Other/account_statement-3.xml" in names


def _as_booked(told: dict[str, Any]) -> dict[str, Any]:
    """What the truth says of the booked entries alone, and of booked balances."""
    states = told["status_counts"]
    booked = states.get("BOOK", 0) + states.get("none", 0)
    told = dict(told)
    if booked != told["entries"]:
        for key in ("credit_entries", "debit_entries", "currency_trap", "currency"):
            told.pop(key, None)
    if told["opening_type"] not in BOOKED_BALANCES:
        told["opening_balance"] = None
        if told["opening_type"]:
            told["statement_date"] = None
    return told | {
        "entries": booked,
        "total_credits": told["booked_credits"],
        "total_debits": told["booked_debits"],
        "left_out": {word: n for word, n in states.items() if word not in ("BOOK", "none")},
    }


def _statements(truth: dict[str, Any]) -> list[dict[str, Any]]:
    if "members" in truth:
        return [told for member in truth["members"].values() for told in member]
    statements: list[dict[str, Any]] = truth["statements"]
    return statements


def _is_trapped(told: dict[str, Any]) -> bool:
    return "currency_trap" in told


def _compare(
    name: str, place: int, told: dict[str, Any], read: dict[str, Any], *, foreign: int
) -> None:
    if foreign:
        told = _without_foreign(told, foreign)
    for theirs, ours in AMOUNTS.items():
        if told.get(theirs) is not None:
            assert Decimal(read[ours]) == Decimal(told[theirs]), f"{place} {theirs}"
    for theirs, ours in FACTS.items():
        expected = LOOKED_AT.get((name, place, ours), told.get(theirs))
        if expected is not None:
            assert read[ours] == expected, f"{place} {theirs}"
    assert read["notes"] == told.get("left_out", read["notes"])
    if told.get("marks"):
        marks = told["marks"]
        assert read["credit_entries"] == marks.get("C", 0) + marks.get("RD", 0)
        assert read["debit_entries"] == marks.get("D", 0) + marks.get("RC", 0)


def _without_foreign(told: dict[str, Any], foreign: int) -> dict[str, Any]:
    own = told["totals_by_currency"][told["currency"]]
    opening, closing = Decimal(told["opening_balance"]), Decimal(told["closing_balance"])
    return told | {
        "entries": told["entries"] - foreign,
        "debit_entries": told["debit_entries"] - foreign,
        "total_credits": own["CRDT"],
        "total_debits": own["DBIT"],
        "difference": closing - opening - Decimal(own["CRDT"]) + Decimal(own["DBIT"]),
    }
