"""``manage.py inspect_statement``: the report, the exit codes and the refusal."""

import json
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.management import CommandError, call_command

CORPORA: Final = Path(__file__).parents[2] / "corpora"


def report(code: str, name: str) -> dict[str, Any]:
    out = StringIO()
    call_command("inspect_statement", code, str(CORPORA / name), "--json", stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_report_of_a_bank_statement() -> None:
    answer = report("mt940", "wolph__mt940/mBank/mt940.sta")

    assert answer == {
        "format": "mt940",
        "statements": [
            {
                "account": "PL29114010810000267002001002",
                "number": "1/1",
                "currency": "PLN",
                "opening_balance": "0.40",
                "closing_balance": "0.43",
                "opened_on": "2017-01-19",
                "closed_on": "2017-01-19",
                "entries": 3,
                "credits": "0.03",
                "debits": "0.00",
                "credit_entries": 3,
                "debit_entries": 0,
                "difference": "0.00",
                "balances": True,
                "problem": None,
                "notes": {},
            }
        ],
        "entries": 3,
        "credits": "0.03",
        "debits": "0.00",
        "opening_balance": "0.40",
        "closing_balance": "0.43",
        "currency": "PLN",
        "dates": {"from": "2017-01-19", "to": "2017-01-19"},
        "refusals": [],
    }


def test_several_currencies_have_no_common_sum() -> None:
    answer = report("mt940", "wolph__mt940/cmxl/mt940.sta")

    assert [page["currency"] for page in answer["statements"]] == ["DEM", "EUR", "PLN"]
    assert (answer["currency"], answer["credits"], answer["opening_balance"]) == (None, None, None)


def test_channel_name_finds_the_shape_by_the_first_bytes() -> None:
    answer = report("razorpay", "razorpay__razorpay-ruby/settlement_report_collection.json")

    assert answer["format"] == "razorpay-json"
    assert (answer["entries"], answer["credits"], answer["debits"]) == (4, "981.12", "3427.96")


def test_refused_line_is_reported_and_the_file_still_read() -> None:
    answer = report("camt053", "svapnil__iso20022.js/goldman_sachs/camt_053_us_v2_sample.xml")

    assert answer["refusals"] == [
        {"line": 8, "problem": "Ntry: expected an amount in USD, got EUR"}
    ]
    assert answer["statements"][0]["difference"] == "-3038.95"
    assert answer["statements"][0]["balances"] is False


@pytest.mark.parametrize(
    ("code", "name", "told"),
    [
        ("mt940", "wolph__mt940/self-provided/invalid_statement.sta", "no field of an MT940"),
        ("camt053", "wolph__mt940/mBank/mt940.sta", "expected XML in UTF-8"),
        ("razorpay", "wolph__mt940/mBank/mt940.sta", "none of the known formats: Razorpay"),
        ("nothing", "wolph__mt940/mBank/mt940.sta", "expected a format out of mt940, camt053"),
        ("mt940", "missing.sta", "No such file"),
    ],
)
def test_refusal_is_told_twice_and_ends_with_one(code: str, name: str, told: str) -> None:
    out = StringIO()

    with pytest.raises(CommandError, match=told) as caught:
        call_command("inspect_statement", code, str(CORPORA / name), "--json", stdout=out)

    assert caught.value.returncode == 1
    assert told in json.loads(out.getvalue())["refused"]


def test_summary_is_for_people() -> None:
    out = StringIO()

    call_command(
        "inspect_statement", "mt940", str(CORPORA / "my-flow__mt940/non_ref.sta"), stdout=out
    )

    assert out.getvalue().splitlines() == [
        "mt940: 1 entries",
        "statement  : 1 entries, credits 0.00, debits 0.60, opening none, closing none",
        "  The statement has no opening balance: it is cut short or an interim report",
    ]
