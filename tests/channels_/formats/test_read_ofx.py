"""OFX: both versions by one reader, the bank's own ids, and what an attacker may send."""

from io import BytesIO
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.contract import LineKind, Statement
from channels_.formats import FORMATS, sniff
from cspdcl.kernel.errors import Malformed
from tests.channels_.formats.loading import load, read_all

OFX: Final = FORMATS["ofx"]
SGML: Final = "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nENCODING:USASCII\nCHARSET:1252\n\n"
XML: Final = '<?xml version="1.0"?><?OFX OFXHEADER="200" VERSION="211"?>\n'


def moved(
    amount: str = "30.00", *, fitid: str = "F1", day: str = "20260826", more: str = ""
) -> str:
    return (
        f"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>{day}<TRNAMT>{amount}<FITID>{fitid}{more}</STMTTRN>\n"
    )


def document(*transactions: str, balance: str = "1030.00", head: str = SGML) -> bytes:
    return (
        f"{head}<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><FI><ORG>SBI"
        "<FID>1</FI></SONRS></SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>1"
        "<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>INR<BANKACCTFROM><BANKID>SBIN"
        "<ACCTID>30000000001<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST><DTSTART>20260826\n"
        f"{''.join(transactions)}</BANKTRANLIST><LEDGERBAL><BALAMT>{balance}<DTASOF>20260826235959"
        "</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    ).encode()


def only_statement(data: bytes) -> Statement:
    statements = OFX.read(BytesIO(data))
    found = next(statements)
    found.lines = list(found.lines)
    assert next(statements, None) is None
    return found


def test_statement_is_read() -> None:
    more = "<CHECKNUM>000123<REFNUM>SBINN12345678901<NAME>A &amp; B<MEMO>A &amp; B RENT"
    data = document(moved(more=more), moved("-10,5", fitid="F2"))

    ((page, [credit, debit]),) = load(OFX, data)

    assert (page.account, page.currency) == ("30000000001", "INR")
    assert (page.opening_paise, page.closing_paise, str(page.closed_on)) == (
        None,
        103000,
        "2026-08-26",
    )
    assert (credit.kind, credit.amount_paise, credit.line) == (LineKind.CREDIT, 3000, 8)
    assert (credit.utr, credit.channel_ref, credit.instrument) == (
        "SBINN12345678901",
        "F1",
        "000123",
    )
    assert (credit.narration, credit.code) == ("A & B RENT", "CREDIT")
    assert (debit.kind, debit.amount_paise, debit.line) == (LineKind.DEBIT, -1050, 9)
    assert sniff(data) is OFX


class Moved(NamedTuple):
    paise: int
    fitid: str
    memo: str


MOVED: Final = st.builds(
    Moved,
    paise=st.integers(-(10**11), 10**11),
    fitid=st.text(alphabet="ABC123", min_size=1, max_size=6),
    memo=st.text(alphabet="AZ ,&<>'é", max_size=12),
)


@given(wanted=st.lists(MOVED, max_size=6))
def test_both_versions_give_what_was_written(wanted: list[Moved]) -> None:
    def fields(one: Moved) -> list[tuple[str, str]]:
        sign, paise = "-" if one.paise < 0 else "", abs(one.paise)
        amount = f"{sign}{paise // 100}.{paise % 100:02}"
        told = [("TRNTYPE", "OTHER"), ("DTPOSTED", "20260826120000.000[+5.30:IST]")]
        return [*told, ("TRNAMT", amount), ("FITID", one.fitid), ("MEMO", escape(one.memo))]

    sgml = "".join(
        f"<STMTTRN>{''.join(f'<{k}>{v}' for k, v in fields(one))}</STMTTRN>\n" for one in wanted
    )
    xml = "".join(
        f"<STMTTRN>{''.join(f'<{k}>{v}</{k}>' for k, v in fields(one))}</STMTTRN>\n"
        for one in wanted
    )

    ((_, old),), ((_, new),) = load(OFX, document(sgml)), load(OFX, document(xml, head=XML))

    assert [(line.amount_paise, line.channel_ref, line.narration) for line in old] == [
        (one.paise, one.fitid, " ".join(one.memo.split())) for one in wanted
    ]
    assert [line._replace(line=0) for line in new] == [line._replace(line=0) for line in old]
    assert len({line.key for line in old}) == len(wanted)


def test_the_banks_own_id_makes_the_line_whatever_it_is_called() -> None:
    first = document(moved(more="<MEMO>RENT"), moved(fitid="F2"))
    again = document(moved(fitid="F2", more="<NAME>SOMEBODY"), moved(more="<MEMO>RENT AUG"))

    ((_, one),), ((_, two),) = load(OFX, first), load(OFX, again)

    assert {line.key for line in one} == {line.key for line in two}


def test_what_stands_in_unknown_aggregates_is_not_taken_for_the_lines_own() -> None:
    more = "<X.INFO><MEMO>HIDDEN<FITID>H</X.INFO><NAME><CHECKNUM>\n<MEMO>OWN"

    ((_, [line]),) = load(OFX, document(moved(more=more)))

    assert (line.narration, line.channel_ref, line.instrument) == ("OWN", "F1", "")


def test_payee_comments_and_raw_text_are_read() -> None:
    more = "<!-- <MEMO>no --><PAYEE><NAME>B &#38; C</NAME><CITY>X</PAYEE><MEMO><![CDATA[1 < 2]]>"

    ((_, [line]),) = load(OFX, document(moved(more=more)))

    assert line.narration == "B & C 1 < 2"


def test_pending_transactions_are_counted_and_left_out() -> None:
    pending = moved().replace("STMTTRN>", "STMTTRNP>")

    found = only_statement(document(moved("5"), pending))

    assert ([line.amount_paise for line in found.lines], found.notes) == ([500], {"pending": 1})


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (moved("1,234.00"), "expected an amount such as -1234.50, got '1,234.00'"),
        (moved("1.005"), "expected an amount such as -1234.50, got '1.005'"),
        (moved("-"), "expected an amount such as -1234.50, got '-'"),
        (moved(day="20260230"), "expected a day such as 20260826, got '20260230'"),
        (moved(day=""), "expected a day such as 20260826, got ''"),
        (moved(more="<CORRECTFITID>F0"), "expected a transaction, got a correction of 'F0'"),
        (
            moved(more="<CURRENCY><CURRATE>84<CURSYM>USD</CURRENCY>"),
            "expected an amount in INR, got USD",
        ),
    ],
)
def test_wrong_transaction_is_refused_with_its_line(broken: str, told: str) -> None:
    found = only_statement(document(moved("5"), broken))

    assert [line.amount_paise for line in found.lines] == [500]
    assert [refusal.line for refusal in found.refusals] == [9]
    assert told in found.refusals[0].problem


def test_converted_amount_counts_in_the_accounts_currency() -> None:
    more = "<ORIGCURRENCY><CURRATE>84<CURSYM>USD</ORIGCURRENCY>"

    ((_, [line]),) = load(OFX, document(moved(more=more)))

    assert line.amount_paise == 3000


@pytest.mark.parametrize(
    ("was", "instead", "told"),
    [
        ("<CURDEF>INR", "", "expected a currency .CURDEF. before the transactions"),
        ("<ACCTID>30000000001", "", "expected an account .ACCTID. before the transactions"),
        ("</STMTTRN>", "", "expected </STMTTRN>, got </BANKTRANLIST>"),
        ("</LEDGERBAL>", "", "expected </LEDGERBAL>, got </STMTRS>"),
        ("<OFX>", "", "expected <OFX>, got <SIGNONMSGSRSV1>"),
        ("</OFX>", "", "the file is cut short: expected </OFX>"),
        ("<SEVERITY>INFO</STATUS><STMTRS>", "<SEVERITY>ERROR</STATUS>", "the bank answered 0"),
        ("<STMTRS>", "<INVSTMTRS>", "expected a bank's statement, got an investment statement"),
        ("<TRNTYPE>", "<STMTTRN><TRNTYPE>", "expected no <STMTTRN> inside <STMTTRN>"),
        ("<STMTRS>", "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><STMTRS>", "<!DOCTYPE is not"),
        ("<STMTRS>", "<!ENTITY a 'aaa'><STMTRS>", "<!ENTITY is not accepted"),
        ("<STMTRS>", "<1>", "expected a tag, got '<1>"),
        ("<FITID>F1", "<MEMO>" + "x" * 300_000, "longer than 20000|expected a tag"),
        ("<FITID>F1", "<A>1" * 300, "one aggregate has more than 200 fields"),
    ],
)
def test_what_is_no_whole_statement_is_refused(was: str, instead: str, told: str) -> None:
    text = document(moved()).decode()
    assert was in text

    with pytest.raises(Malformed, match=told):
        read_all(OFX, text.replace(was, instead).encode())


def test_cut_file_is_refused_wherever_it_is_cut() -> None:
    data = document(moved(), moved(fitid="F2"))

    for end in range(1, len(data) - 7):
        with pytest.raises(Malformed):
            read_all(OFX, data[:end])


def test_tags_across_chunks_are_whole() -> None:
    many = [moved(fitid=f"F{number}", more=f"<MEMO>{'x' * 150}") for number in range(4_000)]

    ((_, lines),) = load(OFX, document(*many))

    assert len(lines) == 4_000
    assert {len(line.narration) for line in lines} == {150}
    assert (lines[0].line, lines[-1].line) == (8, 4007)
