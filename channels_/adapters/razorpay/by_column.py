"""Rows of a settlement recon by columns: only those that nobody could read in two ways.

What is taken here is what the reader of rows makes of it; every other row is handed back to it,
so that each refusal and each rare case is written once, there.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

_MONEY: Final = ("debit", "credit", "amount", "fee", "tax")
_INDIA_SECONDS: Final = 19_800  # ahead of UTC, ever since these files exist
_CELL_MAX: Final = 131_072  # more than that the reader of rows refuses

LINE: Final = (
    "line", "key", "kind", "amount_paise", "business_date", "fee_paise", "tax_paise",
    "occurred_at", "channel_ref", "reference", "order_ref", "utr", "rrn", "settlement_ref",
    "original_ref", "method", "network", "instrument", "consumer_number", "code", "narration",
)  # fmt: skip


def nothing() -> "pl.DataFrame":
    """No lines."""
    return pl.DataFrame(schema=dict.fromkeys(LINE, pl.String))


def told(
    frame: "pl.DataFrame", *, first: int, tax_inside_fee: bool, optional: Sequence[str]
) -> tuple["pl.DataFrame", list[tuple[int, list[str]]]]:
    """The lines of the rows that are plain payments and refunds; and the other rows, numbered."""
    names = frame.columns
    rows = frame.with_columns(
        pl.lit("").alias(name) for name in optional if name not in names
    ).with_row_index("line", offset=first)
    rows = rows.with_columns(_are_plain().alias("is_plain")).with_columns(
        pl.when("is_plain").then(pl.col(name)).otherwise(pl.lit("")).replace("", "0")
        .cast(pl.Int64).alias(f"{name}_paise") for name in _MONEY
    )  # fmt: skip
    rows = rows.with_columns(is_told=_add_up(tax_inside_fee=tax_inside_fee))
    other = rows.filter(~pl.col("is_told"))
    odd = [(int(number), list(cells)) for number, *cells in other.select("line", *names).rows()]
    return _lines(rows.filter("is_told"), tax_inside_fee=tax_inside_fee), odd


def _are_plain() -> "pl.Expr":
    """Whether each cell is written as it is nearly always."""
    plain = (
        pl.col("currency").is_in(["INR", ""])
        & (pl.col("settled") == "1")
        & pl.col("type").is_in(["payment", "refund"])
        & pl.col("settlement_utr").str.contains("^[ -~]*$")
        & (pl.col("description").str.len_bytes() <= _CELL_MAX)
    )
    for name in ("created_at", "settled_at"):
        plain &= pl.col(name).str.contains("^[0-9]{10}$")
    for name in _MONEY:
        plain &= pl.col(name).str.contains("^[0-9]{0,13}$")
    return plain


def _add_up(*, tax_inside_fee: bool) -> "pl.Expr":
    """Whether gross, fee, tax, debit and credit agree as the reader of rows wants it."""
    debit, credit, amount, _fee, tax = (pl.col(f"{name}_paise") for name in _MONEY)
    fee = _fee_of(tax_inside_fee=tax_inside_fee)
    is_payment = (pl.col("type") == "payment") & (credit - debit + fee + tax == amount)
    is_refund = (pl.col("type") == "refund") & (debit == amount)
    one_side = (debit == 0) | (credit == 0)
    return pl.col("is_plain") & (amount > 0) & (fee >= 0) & one_side & (is_payment | is_refund)


def _fee_of(*, tax_inside_fee: bool) -> "pl.Expr":
    fee = pl.col("fee_paise")
    return fee - pl.col("tax_paise") if tax_inside_fee else fee


def _lines(rows: "pl.DataFrame", *, tax_inside_fee: bool) -> "pl.DataFrame":
    """The columns of StatementLine, in its order."""
    is_payment = pl.col("type") == "payment"
    fee = pl.when(is_payment).then(_fee_of(tax_inside_fee=tax_inside_fee)).otherwise(0)
    tax = pl.when(is_payment).then(pl.col("tax_paise")).otherwise(0)
    net = pl.col("credit_paise") - pl.col("debit_paise")
    settled = pl.col("settled_at").cast(pl.Int64) + _INDIA_SECONDS
    created = pl.from_epoch(pl.col("created_at").cast(pl.Int64), time_unit="s")
    original = pl.col("payment_id")
    return rows.select(
        line=pl.col("line"),
        key=pl.col("entity_id"),
        kind=pl.col("type"),
        amount_paise=net + fee + tax,
        business_date=pl.from_epoch(settled, time_unit="s").dt.strftime("%Y-%m-%d"),
        fee_paise=fee,
        tax_paise=tax,
        occurred_at=created.dt.strftime("%Y-%m-%d %H:%M:%S+00:00"),
        channel_ref=pl.col("entity_id"),
        reference=pl.col("order_receipt"),
        order_ref=pl.col("order_id"),
        utr=pl.col("settlement_utr").str.to_uppercase(),
        rrn=pl.lit(""),
        settlement_ref=pl.col("settlement_id"),
        original_ref=pl.when(original == "").then(pl.col("dispute_id")).otherwise(original),
        method=pl.col("method"),
        network=pl.col("card_network"),
        instrument=pl.lit(""),
        consumer_number=pl.lit(""),
        code=pl.col("type"),
        narration=pl.col("description"),
    )
