"""What the law allows whoever takes money, the same at every door."""

from typing import Final

CASH_LIMIT_PAISE: Final = 2_00_000_00  # Income-tax Act s. 269ST: two lakh in cash and more may not
