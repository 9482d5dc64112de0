"""docs/partner-api.md is true: its examples run, its tables are complete."""

import json
import os
import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings
from drf_spectacular.generators import SchemaGenerator

from agencies import problems
from channels_.adapters.agency import ADAPTER
from payments.models import Payment
from tests import factories as make
from tests.agencies.partner import SECRET, make_agency

PAGE: Final = (Path(settings.BASE_DIR) / "docs" / "partner-api.md").read_text(encoding="utf-8")


def block(kind: str, heading: str) -> str:
    """The first block of a kind below a heading."""
    found = re.search(rf"```{kind}\n(.*?)```", PAGE.split(f"{heading}\n", 1)[1], re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def around(live_server) -> dict[str, str]:
    """What the examples read from the environment."""
    make_agency()
    consumer = make.ConsumerFactory(number="100000000001", name="Sample consumer")
    make.BillFactory(consumer=consumer, amount_paise=50_000)
    return {
        **os.environ,
        "BASE": live_server.url,
        "AGENCY_KEY": "ak_atp",
        "AGENCY_SECRET": SECRET,
    }


@pytest.mark.django_db(transaction=True)
def test_the_example_in_python_prints_what_is_written(around) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block("python", "## An example in Python")],
        env=around, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    wanted = re.sub(r"\d{4}-\d{2}", "YEAR", block("", "It prints:"))
    assert re.sub(r"\d{4}-\d{2}", "YEAR", done.stdout) == wanted, done.stderr


@pytest.mark.django_db(transaction=True)
def test_the_example_with_curl_is_taken(around) -> None:
    done = subprocess.run(
        ["bash", "-euc", block("sh", "## With curl and openssl")],
        env=around, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    floats, paid = re.findall(r"\{.*?\}(?=\{|$)", done.stdout, re.DOTALL)
    assert json.loads(floats)["available_paise"] == 10_000_000, done.stderr
    assert json.loads(paid)["state"] == "paid"
    assert Payment.objects.get().channel_ref == "EX-0003"


def test_every_operation_is_described() -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    offered = [
        f"`{method.upper()} {path}`"
        for path, methods in schema["paths"].items()
        for method in methods
        if path.startswith("/partner/")
    ]

    assert len(offered) == 8
    assert [one for one in offered if one not in PAGE] == []


def test_every_code_is_described() -> None:
    table = PAGE.split("## Problems\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    told = {word for row in rows for word in re.findall(r"[a-z_]{5,}", row.split("|")[2])}
    ours = {
        one.code
        for one in vars(problems).values()
        if isinstance(one, type) and issubclass(one, problems.Refused)
    } - {"refused"}

    assert ours <= told
    assert {"forged", "stale", "replayed", "unsigned", "wrong_address", "not_allowed"} <= told


def test_the_daily_file_that_is_shown_is_read() -> None:
    content = block("", "## The daily file").encode()
    (form,) = ADAPTER.formats
    assert form.sniff(content)
    (statement,) = form.read(BytesIO(content))

    (line,) = list(statement.lines)

    assert statement.refusals == []
    assert statement.notes == {"footers": 1}
    assert (line.channel_ref, line.amount_paise, line.fee_paise, line.tax_paise) == (
        "EX-0001", 40_000, 300, 54,
    )  # fmt: skip
    assert (line.utr, line.business_date.isoformat()) == ("SBIN226231000001", "2026-08-19")
