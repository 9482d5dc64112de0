"""Every published statement gives what its truth says, or a refusal that its truth explains.

No file of the truth is left out: each is read by its format, read by a mapping, or refused as what
no format knows. The files stand in tests/corpora; those whose licence or size keeps them out of the
project are read from the shared folder (CSPDCL_CORPORA, or ../shared/corpora) where it is present.
"""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Final

import pytest

from channels_.formats import sniff
from channels_.formats.guard import head_of
from channels_.formats.inspect import inspect, report_of
from channels_.formats.mapped import bank_table, bank_table_format
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

# How a person would map the tables; the truth tells the same conventions in words.
ENGLISH: Final[dict[str, Any]] = {
    "columns": {"day": "Date", "amount": "Amount", "narration": ["Label", "Partner Name"]}
    | {"currency": "Currency"},
    "dates": ["%m/%d/%Y"],
    "currency": "USD",
}
WITH_BALANCE: Final[dict[str, Any]] = {
    **ENGLISH,
    "columns": {"day": "Date", "amount": "Amount", "narration": "Label", "balance": "Balance"},
}
FRENCH: Final[dict[str, Any]] = {
    "columns": {"day": "Date", "debit": "Debit", "credit": "Credit", "narration": "Label"}
    | {"reference": "Operation Number"},
    "dates": ["%d/%m/%y"],
    "decimal": ",",
    "currency": "EUR",
    "minus_is_noise": True,
    "opening_label": "Balance at start",
    "closing_label": "Balance at end",
    "account_label": "Account Number",
}
OCA: Final = "OCA__bank-statement-import/account_statement_import_sheet_file/"
ROUSSEAU: Final = "sebastienrousseau__bankstatementparser/"
MAPPINGS: Final[dict[str, dict[str, Any]]] = {
    f"{OCA}balance.csv": WITH_BALANCE,
    f"{OCA}debit_credit.csv": WITH_BALANCE
    | {"columns": WITH_BALANCE["columns"] | {"direction": "D/C"}}
    | {"directions": {"D": "debit", "C": "credit"}, "minus_is_noise": True},
    f"{OCA}empty_statement_en.csv": ENGLISH,
    f"{OCA}meta_data_separated_credit_debit.csv": FRENCH,
    f"{OCA}meta_data_separated_credit_debit.xlsx": FRENCH,
    f"{OCA}multi_currency.csv": ENGLISH,
    # Its column names the currency of the other side.
    f"{OCA}sample_statement_en.csv": ENGLISH | {"columns": {"day": "Date", "amount": "Amount"}},
    f"{OCA}sample_statement_en.xlsx": ENGLISH | {"columns": {"day": "Date", "amount": "Amount"}},
    "ajitgunturi__vael/icici_one_row.csv": {
        "columns": {"day": "Transaction Date", "debit": "Debit Amount", "credit": "Credit Amount"}
        | {"balance": "Balance (INR)", "narration": "Transaction Remarks"}
        | {"instrument": "Cheque Number"},
    },
    "ajitgunturi__vael/sbi_two_rows.csv": {
        "columns": {"day": "Txn Date", "debit": "Debit", "credit": "Credit", "balance": "Balance"}
        | {"narration": "Description", "reference": "Ref No./Cheque No."},
    },
    "ankurawl__finkit/chase_checking.csv": {
        "columns": {"day": "Posting Date", "amount": "Amount", "balance": "Balance"}
        | {"narration": "Description", "code": "Type"},
        "dates": ["%m/%d/%Y"],
        "currency": "USD",
    },
    "punchagan__expense-tracker/axis-statement-0.csv": {
        "columns": {"day": "Tran Date", "debit": "DR", "credit": "CR", "balance": "BAL"}
        | {"narration": "PARTICULARS", "instrument": "CHQNO"},
    },
    f"{ROUSSEAU}golden/csv_european_decimals.csv": {
        "columns": {"day": "Buchungstag", "amount": "Betrag", "narration": "Verwendungszweck"}
        | {"currency": "CCY", "account": "IBAN", "reference": "Ref"},
        "decimal": ",",
        "currency": "EUR",
    },
    f"{ROUSSEAU}sample_split_amounts.csv": {
        "columns": {"day": "Booking Date", "credit": "Credit", "debit": "Debit"}
        | {"currency": "CCY", "account": "IBAN", "reference": "Ref"}
        | {"balance": "Running Balance", "narration": "Details"},
        "decimal": ",",
        "currency": "EUR",
    },
    f"{ROUSSEAU}sample_statement.csv": {
        "columns": {"day": "Date", "amount": "Amount", "narration": "Description"}
        | {"currency": "Currency", "account": "Account", "reference": "Reference"}
        | {"balance": "Balance"},
        "currency": "EUR",
    },
    "vivek-tech-exp__my-fi/hdfc_sample.csv": {
        "columns": {"day": "Date", "debit": "Debit Amount", "credit": "Credit Amount"}
        | {"balance": "Closing Balance", "narration": "Narration", "reference": "Chq Ref No"},
    },
    "vivek-tech-exp__my-fi/kotak_sample.csv": {
        "columns": {"day": "Date", "debit": "Debit", "credit": "Credit", "balance": "Balance"}
        | {"narration": "Description", "reference": "Chq / Ref No"},
        "dates": ["%d-%m-%Y %H:%M:%S"],
        "account_label": "Account No",
        "closing_label": "Closing balance",
    },
}
# What is no statement of a bank account, or in a format that we leave to its own software.
NOT_OURS: Final = (
    *("QIF", "SAP IDoc", "X9.37", "labelled", "JSON eval", "BBPS"),
    *("Cashfree", "Razorpay"),  # of channels, which have their own readers and tests
)

# Our page has booked balances only; of these the truth gives what was available.
BOOKED_BALANCES: Final = ("OPBD", "PRCD", "CLBD")
# What cannot be read: (name, how many lines, the words of the first refusal, the truth without it).
REFUSED_LINES: Final[dict[str, tuple[int, str, dict[str, Any] | None]]] = {
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
    f"{OCA}multi_currency.csv": (1, "expected the currency USD, got 'EUR'", {}),
    "vivek-tech-exp__my-fi/kotak_sample.csv": (
        7,
        "expected an amount as credit or as debit, got nothing",
        None,
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

MAPPED: Final = "mapped"
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
    if name.startswith(NOT_OURS):
        return None
    return {
        "BAI2": "bai2",
        "OFX 1.x SGML": "ofx",
        "OFX 2.x XML": "ofx",
        "CSV/sheet statement": MAPPED,
    }[name]


def _cases() -> dict[str, tuple[Path, str | None, dict[str, Any]]]:
    """File, format and truth by name: the project's files and the shared folder's others."""
    found: dict[str, tuple[Path, str | None, dict[str, Any]]] = {}
    for folder in (HERE, SHARED):
        if not (folder / "truth.json").exists():
            continue
        for name, truth in json.loads((folder / "truth.json").read_text()).items():
            found.setdefault(name, (folder / name, _format_of(truth), truth))
    return found


CASES: Final = _cases()
READ: Final = [name for name, (_path, code, _truth) in CASES.items() if code]
OTHERS: Final = [name for name, (_path, code, _truth) in CASES.items() if not code]


@pytest.mark.parametrize("name", READ)
def test_published_file_gives_what_its_truth_says(name: str) -> None:
    path, code, truth = CASES[name]
    assert code is not None
    if name in REFUSED or not _statements(truth):
        words = REFUSED.get(name, "expected")
        with path.open("rb") as file, pytest.raises(Malformed, match=words):
            inspect(code, file)
        return

    with path.open("rb") as file:
        report = _mapped(name, file) if code == MAPPED else inspect(code, file)

    refused, words, rest = REFUSED_LINES.get(name, (0, "", {}))
    statements = [told | (rest or {}) for told in _statements(truth)]
    if code == MAPPED:
        statements = [_of_one_currency(told) for told in statements[:1]]
    elif code.startswith("camt"):
        statements = [_as_booked(told) | (rest or {}) for told in statements]
    foreign = FOREIGN_ENTRIES.get(name, 0)
    assert len(report["statements"]) == len(statements)
    if rest is not None:
        for place, (told, read) in enumerate(zip(statements, report["statements"], strict=True)):
            _compare(name, place, told, read, foreign=foreign)
    trapped = foreign or sum(_is_trapped(told) for told in statements) or refused
    assert len(report["refusals"]) == trapped, report["refusals"]
    assert not refused or words in report["refusals"][0]["problem"]


@pytest.mark.parametrize("name", OTHERS)
def test_file_of_no_known_format_is_told_which_are_known(name: str) -> None:
    with CASES[name][0].open("rb") as file, pytest.raises(Malformed) as caught:
        sniff(head_of(file))

    assert "none of the known formats: MT940 bank statement (mt940), " in str(caught.value)


def test_the_walk_is_a_walk() -> None:
    assert sum(name.startswith("wolph__mt940/") for name in READ) == 31
    assert len(READ) >= 189
    assert {CASES[name][1] for name in READ} >= {"mt940", "camt052", "camt054", "bai2", "ofx"}
    assert all(path.is_file() for path, _code, _truth in CASES.values())


@pytest.mark.skipif(not SHARED.exists(), reason="the shared folder of published files is not here")
def test_the_walk_takes_the_shared_files_too() -> None:
    truth = json.loads((SHARED / "truth.json").read_text())

    assert {*READ, *OTHERS} >= set(truth)
    assert {name for name in READ if CASES[name][1] == MAPPED} == set(MAPPINGS)


def _mapped(name: str, file: BinaryIO) -> dict[str, Any]:
    table = bank_table({"code": "mapped", "title": "Mapped", **MAPPINGS[name]})
    return report_of(bank_table_format(table), file)


def _of_one_currency(told: dict[str, Any]) -> dict[str, Any]:
    """Of a table the mapping says the currency; the first and last day are those of the rows."""
    return told | {"currency": None, "statement_date": None}


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
