"""camt: direction, status, days, references, versions, batches, and what an attacker may send."""

from io import BytesIO
from typing import Final

import pytest

from channels_.contract import LineKind, Statement
from channels_.formats import FORMATS, sniff
from channels_.formats.guard import MEGABYTE
from cspdcl.kernel.errors import Malformed
from tests.channels_.formats.loading import Refused, load

CAMT053: Final = FORMATS["camt053"]
SPACE: Final = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."
MESSAGES: Final = {
    "camt052": ("camt.052", "BkToCstmrAcctRpt", "Rpt"),
    "camt054": ("camt.054", "BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


def balance(code: str, amount: str, indicator: str = "CRDT") -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='INR'>{amount}</Amt>"
        f"<CdtDbtInd>{indicator}</CdtDbtInd><Dt><Dt>2026-08-26</Dt></Dt></Bal>"
    )


def entry(
    amount: str,
    indicator: str = "CRDT",
    *,
    status: str = "<Sts>BOOK</Sts>",
    days: str = "<BookgDt><Dt>2026-08-26</Dt></BookgDt>",
    more: str = "",
) -> str:
    return (
        f"<Ntry><Amt Ccy='INR'>{amount}</Amt><CdtDbtInd>{indicator}</CdtDbtInd>"
        f"{status}{days}{more}</Ntry>"
    )


def document(
    *entries: str, opening: str = "1000.00", closing: str, version: str = "08", head: str = ""
) -> bytes:
    return (
        f"<?xml version='1.0' encoding='UTF-8'?>\n{head}<Document xmlns='{SPACE}{version}'>"
        "<BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr><Stmt><Id>237</Id>"
        "<Acct><Id><Othr><Id>30000000001</Id></Othr></Id><Ccy>INR</Ccy></Acct>"
        f"{balance('OPBD', opening)}{balance('CLBD', closing)}{''.join(entries)}"
        "</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def told_as(code: str, data: bytes) -> bytes:
    """The same entries, in another message."""
    name, root, part = MESSAGES[code]
    text = data.decode().replace("camt.053", name).replace("BkToCstmrStmt", root)
    return text.replace("<Stmt>", f"<{part}>").replace("</Stmt>", f"</{part}>").encode()


def only_statement(data: bytes, code: str = "camt053") -> Statement:
    statements = FORMATS[code].read(BytesIO(data))
    found = next(statements)
    found.lines = list(found.lines)
    assert next(statements, None) is None
    return found


@pytest.mark.parametrize("version", ["02", "03", "04", "08", "12"])
def test_each_version_is_read(version: str) -> None:
    data = document(entry("30.00"), entry("10", "DBIT"), closing="1020.00", version=version)

    ((page, [credit, debit]),) = load(CAMT053, data)

    assert (page.account, page.number, page.currency) == ("30000000001", "237", "INR")
    assert (page.opening_paise, page.closing_paise) == (100000, 102000)
    assert (credit.kind, credit.amount_paise, credit.line) == (LineKind.CREDIT, 3000, 1)
    assert (debit.kind, debit.amount_paise, debit.line) == (LineKind.DEBIT, -1000, 2)
    assert sniff(data) is CAMT053


def test_reversal_moves_as_its_indicator_says() -> None:
    data = document(
        entry("30.00", "DBIT", more="<RvslInd>true</RvslInd>"),
        entry("5.00", "CRDT", more="<RvslInd>true</RvslInd>"),
        closing="975.00",
    )

    ((_, lines),) = load(CAMT053, data)

    assert [line.amount_paise for line in lines] == [-3000, 500]


@pytest.mark.parametrize(
    "status", ["<Sts>PDNG</Sts>", "<Sts>INFO</Sts>", "<Sts><Cd>PDNG</Cd></Sts>"]
)
def test_entry_that_is_not_booked_is_counted_and_left_out(status: str) -> None:
    data = document(entry("30.00", status=status), entry("5.00"), closing="1005.00")

    found = only_statement(data)

    assert [line.amount_paise for line in found.lines] == [500]
    assert sum(found.notes.values()) == 1
    assert load(CAMT053, data)


def test_unknown_status_is_refused() -> None:
    found = only_statement(document(entry("30.00", status="<Sts>MAYB</Sts>"), closing="1000.00"))

    assert found.lines == []
    assert "expected the status BOOK, PDNG or INFO, got 'MAYB'" in found.refusals[0].problem


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("<BookgDt><Dt>2026-08-25</Dt></BookgDt><ValDt><Dt>2026-08-27</Dt></ValDt>", "2026-08-25"),
        ("<BookgDt><DtTm>2026-08-25T23:50:00+05:30</DtTm></BookgDt>", "2026-08-25"),
        ("<ValDt><Dt>2026-08-27</Dt></ValDt>", "2026-08-27"),
        ("", "2026-08-26"),
    ],
)
def test_day_is_the_booking_else_the_value_else_the_closing_day(days: str, expected: str) -> None:
    ((_, [line]),) = load(CAMT053, document(entry("30.00", days=days), closing="1030.00"))

    assert line.business_date.isoformat() == expected


def test_single_transaction_brings_its_references() -> None:
    details = (
        "<AcctSvcrRef>BANK1</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd>"
        "<SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls><TxDtls><Refs>"
        "<EndToEndId>ORD-7781</EndToEndId><TxId>RATNN24200329588</TxId></Refs>"
        "<RltdPties><Dbtr><Pty><Nm>RAZORPAY SOFTWARE</Nm></Pty></Dbtr></RltdPties>"
        "<RmtInf><Ustrd>SETTLEMENT 26 AUG</Ustrd></RmtInf></TxDtls></NtryDtls>"
    )

    ((_, [line]),) = load(CAMT053, document(entry("30.00", more=details), closing="1030.00"))

    assert (line.reference, line.channel_ref) == ("ORD-7781", "BANK1")
    assert (line.utr, line.code) == ("RATNN24200329588", "PMNT-RCDT-ESCT")
    assert line.narration == "ORD-7781 RATNN24200329588 RAZORPAY SOFTWARE SETTLEMENT 26 AUG"


def test_reference_that_is_not_provided_is_none() -> None:
    details = (
        "<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs></TxDtls></NtryDtls>"
    )

    ((_, [line]),) = load(CAMT053, document(entry("30.00", more=details), closing="1030.00"))

    assert (line.reference, line.narration) == ("", "")


def test_batch_is_one_line() -> None:
    batch = "".join(
        f"<TxDtls><Refs><EndToEndId>E{i}</EndToEndId></Refs></TxDtls>" for i in range(500)
    )
    details = f"<NtryDtls>{batch}</NtryDtls>"

    ((_, [line]),) = load(CAMT053, document(entry("30.00", more=details), closing="1030.00"))

    assert line.reference == ""
    assert line.narration.startswith("E0 E1 E2")
    assert len(line.narration) == 2000


@pytest.mark.parametrize("code", MESSAGES)
def test_interim_report_is_read_like_a_statement_and_never_taken_for_one(code: str) -> None:
    data = told_as(code, document(entry("30.00"), entry("10", "DBIT"), closing="1020.00"))

    found = only_statement(data, code)

    assert [line.amount_paise for line in found.lines] == [3000, -1000]
    assert sniff(data) is FORMATS[code]
    with pytest.raises(Refused, match="Statement 237 is an interim report: expected the statement"):
        load(FORMATS[code], data)
    with pytest.raises(Malformed, match=r"expected a bank statement \(camt.053\)"):
        load_raw(data)


def batch(*payments: tuple[str, str], total: str) -> str:
    inside = "".join(
        f"<TxDtls><Refs><EndToEndId>E{number}</EndToEndId></Refs><Amt Ccy='INR'>{amount}</Amt>"
        f"<CdtDbtInd>{indicator}</CdtDbtInd></TxDtls>"
        for number, (amount, indicator) in enumerate(payments, start=1)
    )
    more = f"<AcctSvcrRef>BATCH7</AcctSvcrRef><NtryDtls>{inside}</NtryDtls>"
    return entry(total, more=more)


def test_notification_gives_the_payments_of_a_batch() -> None:
    twins = batch(("10.00", "CRDT"), ("25.00", "CRDT"), ("5.00", "DBIT"), total="30.00")

    found = only_statement(told_as("camt054", document(twins, closing="1030.00")), "camt054")

    assert [(one.reference, one.amount_paise, one.settlement_ref) for one in found.lines] == [
        ("E1", 1000, "BATCH7"),
        ("E2", 2500, "BATCH7"),
        ("E3", -500, "BATCH7"),
    ]


@pytest.mark.parametrize(
    "whole",
    [
        batch(("10.00", "CRDT"), ("25.00", "CRDT"), total="30.00"),
        batch(("10.00", "CRDT"), ("20.00", "CRDT"), total="30.00").replace("'INR'>10", "'USD'>10"),
        batch(("10.00", "CRDT"), ("20.00", "CRDT"), total="30.00").replace(
            "<Amt Ccy='INR'>10.00</Amt>", ""
        ),
    ],
    ids=["other sum", "other currency", "no amount"],
)
def test_batch_that_its_payments_do_not_explain_stays_one_line(whole: str) -> None:
    found = only_statement(told_as("camt054", document(whole, closing="1030.00")), "camt054")

    assert [(line.amount_paise, line.reference) for line in found.lines] == [(3000, "")]
    assert found.refusals == []


def test_equal_payments_are_two_and_keep_their_keys_in_another_order() -> None:
    once = document(entry("30.00"), entry("30.00"), entry("7.00"), closing="1067.00")
    again = document(entry("7.00"), entry("30.00"), entry("30.00"), closing="1067.00")

    ((_, first),), ((_, second),) = load(CAMT053, once), load(CAMT053, again)

    assert len({line.key for line in first}) == 3
    assert {line.key for line in first} == {line.key for line in second}


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (entry("30.001"), "expected an amount such as 1234.50, got '30.001'"),
        (entry("-30.00"), "expected an amount such as 1234.50, got '-30.00'"),
        (entry("30.00", "CREDIT"), "expected CdtDbtInd CRDT or DBIT, got 'CREDIT'"),
        (entry("30.00", days="<BookgDt><Dt>26/08/2026</Dt></BookgDt>"), "Invalid isoformat"),
        (entry("30.00").replace("INR", "USD"), "expected an amount in INR, got USD"),
    ],
)
def test_wrong_entry_is_refused_with_its_number(broken: str, told: str) -> None:
    found = only_statement(document(entry("5.00"), broken, closing="1005.00"))

    assert [line.amount_paise for line in found.lines] == [500]
    assert [refusal.line for refusal in found.refusals] == [2]
    assert told in found.refusals[0].problem


def test_statement_that_does_not_add_up_is_refused_with_the_difference() -> None:
    with pytest.raises(Refused, match=r"but closing is 1031\.00: difference 1\.00"):
        load(CAMT053, document(entry("30.00"), closing="1031.00"))


def test_declared_count_is_held_against_the_entries() -> None:
    summary = "<TxsSummry><TtlNtries><NbOfNtries>3</NbOfNtries></TtlNtries></TxsSummry>"

    with pytest.raises(Refused, match="declares 3 entries, but 1 were read"):
        load(CAMT053, document(summary, entry("30.00"), closing="1030.00"))


@pytest.mark.parametrize(
    ("root", "told"),
    [
        ("<BkToCstmrAcctRpt/>", r"an intraday account report \(camt.052\)"),
        ("<BkToCstmrAcctRptV01/>", r"an intraday account report \(camt.052\)"),
        ("<BkToCstmrDbtCdtNtfctn/>", r"a debit and credit notification \(camt.054\)"),
        ("<BkToCstmrStmt/>", "expected camt.053 version 02 to 12, got no namespace"),
        ("<CstmrCdtTrfInitn/>", "expected Document/BkToCstmrStmt of camt.053"),
    ],
)
def test_other_message_is_named(root: str, told: str) -> None:
    with pytest.raises(Malformed, match=told):
        list(CAMT053.read(BytesIO(f"<Document>{root}</Document>".encode())))


def test_unknown_version_is_refused() -> None:
    with pytest.raises(Malformed, match=r"version 02 to 12, got .*camt.053.001.13"):
        load_raw(document(closing="1000.00", version="13"))


def load_raw(data: bytes) -> list[Statement]:
    return list(CAMT053.read(BytesIO(data)))


BOMB: Final = (
    "<!DOCTYPE Document [<!ENTITY a 'aaaaaaaaaa'>"
    + "".join(f"<!ENTITY a{i} '{'&a;' * 10}'>" for i in range(9))
    + "]>\n"
)


@pytest.mark.parametrize(
    "head",
    [
        "<!DOCTYPE Document>",
        "<!DOCTYPE Document SYSTEM 'file:///etc/passwd'>",
        "<!-- " + "x" * 300_000 + " --><!DOCTYPE Document>",
        BOMB,
    ],
)
def test_any_doctype_is_refused(head: str) -> None:
    with pytest.raises(Malformed, match=r"<!DOCTYPE is not accepted"):
        load_raw(document(entry("30.00"), closing="1030.00", head=head))


def test_doctype_across_two_chunks_is_seen() -> None:
    for shift in range(12):
        pad = "<!--" + "x" * (256 * 1024 - 60 - shift) + "-->"
        with pytest.raises(Malformed, match=r"<!DOCTYPE is not accepted"):
            load_raw(document(closing="1000.00", head=pad + "<!DOCTYPE Document>"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-7", "cp037"])
def test_encoding_that_could_hide_a_doctype_is_refused(encoding: str) -> None:
    text = document(closing="1000.00", head="<!DOCTYPE Document>").decode()
    data = text.replace("UTF-8", encoding.upper()).encode(encoding)

    with pytest.raises(Malformed, match=r"expected XML in UTF-8|<!DOCTYPE is not accepted"):
        load_raw(data)


def test_latin_text_is_read_by_its_declaration() -> None:
    details = "<AddtlNtryInf>Zürich</AddtlNtryInf>"
    text = document(entry("30.00", more=details), closing="1030.00").decode()

    ((_, [line]),) = load(CAMT053, text.replace("UTF-8", "ISO-8859-1").encode("latin-1"))

    assert line.narration == "Zürich"


@pytest.mark.parametrize(
    ("depth", "told"), [(60, "nested deeper than 40"), (100_000, "not well-formed|nested deeper")]
)
def test_deep_nesting_is_refused(depth: int, told: str) -> None:
    deep = "<a>" * depth + "</a>" * depth + "</Stmt>"

    with pytest.raises(Malformed, match=told):
        load_raw(document(closing="1000.00").replace(b"</Stmt>", deep.encode()))


def test_entry_without_end_is_refused() -> None:
    wide = "<Ntry>" + "<a/>" * 300_000 + "</Ntry></Stmt>"

    with pytest.raises(Malformed, match="more than 200000 elements"):
        load_raw(document(closing="1000.00").replace(b"</Stmt>", wide.encode()))


def test_many_entries_are_no_bomb() -> None:
    count = 30_000
    data = document(*[entry("1.00")] * count, closing=f"{1000 + count}.00")

    ((_, lines),) = load(CAMT053, data)

    assert len(lines) == count
    assert len(data) < 10 * MEGABYTE
