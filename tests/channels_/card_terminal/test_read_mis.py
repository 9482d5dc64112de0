"""The MIS file of card terminals: sales, voids and chargebacks, and no card number."""

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from channels_.adapters.card_terminal import ADAPTER
from channels_.adapters.card_terminal.simulate import SIMULATION
from channels_.contract import LineKind, Statement, StatementLine
from channels_.registry import formats_of
from channels_.simulation import News, ReportRow
from tests.channels_.agency.test_tell_agency import sample
from tests.factories import ConsumerFactory

MIS = (Path(__file__).parent / "mis.csv").read_bytes()


def read(content: bytes) -> tuple[Statement, list[StatementLine]]:
    (form,) = ADAPTER.formats
    assert form.sniff(content)
    (statement,) = form.read(BytesIO(content))
    return statement, list(statement.lines)


def test_a_mis_file_is_read_by_its_rrn() -> None:
    statement, lines = read(MIS)

    assert statement.refusals == []
    assert statement.notes == {"not_counting": 1, "footers": 1}
    assert [(one.kind, one.channel_ref, one.amount_paise, one.fee_paise) for one in lines] == [
        (LineKind.PAYMENT, "623011000001", 100_000, 900),
        (LineKind.REFUND, "623011000001", -100_000, -900),
        (LineKind.CHARGEBACK, "623011000003", -70_000, 0),
    ]
    assert [one.key for one in lines] == [
        "623011000001", "refund:623011000001", "chargeback:623011000003",
    ]  # fmt: skip
    first = lines[0]
    assert (first.rrn, first.method, first.network) == ("623011000001", "card", "rupay")
    assert (first.utr, first.instrument, first.order_ref) == ("SBIN226231000007", "T1", "123456")


def test_no_part_of_a_card_number_is_read() -> None:
    _statement, lines = read(MIS)

    assert not any("XXXX" in str(line) or "508500" in str(line) for line in lines)


def test_columns_can_be_agreed_on() -> None:
    agreed = {"report": {"columns": {"amount": "Sale Amt", "settled_on": "Paid On"}}}
    content = b"RRN;Sale Amt;Paid On;UTR\n623011000001;10.00;19/08/2026;U1\n"

    form = next(one for one in formats_of("card_terminal", agreed) if one.sniff(content))
    (statement,) = form.read(BytesIO(content))

    (line,) = statement.lines
    assert (line.amount_paise, line.method) == (1_000, "card")


def test_what_is_written_is_read() -> None:
    at = datetime(2026, 8, 18, 6, 30, tzinfo=UTC)
    rows = [
        ReportRow(
            channel_ref="623011000001", word="payment", debit_paise=0, credit_paise=98_938,
            amount_paise=100_000, fee_paise=900, tax_paise=162, created_at=at, settled_at=at,
            settlement_ref="B000001", utr="SBIN226231000007", method="card", network="Visa",
        )
    ]  # fmt: skip
    assert SIMULATION.report is not None

    statement, (line,) = read(SIMULATION.report(rows)["csv"])

    assert statement.refusals == []
    assert (line.amount_paise, line.fee_paise, line.tax_paise) == (100_000, 900, 162)
    assert (line.channel_ref, line.rrn, line.network) == ("623011000001", "623011000001", "visa")


@pytest.mark.django_db
def test_a_terminal_tells_nothing() -> None:
    assert SIMULATION.news == frozenset()
    with pytest.raises(ValueError, match="tells nothing"):
        SIMULATION.tell(
            News.PAID, sample(ConsumerFactory()), datetime(2026, 8, 18, tzinfo=UTC), "evt"
        )
