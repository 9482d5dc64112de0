"""How a finding is stored, in the words that every classifier uses."""

from typing import Final

INTO_FOUND: Final = """
    INSERT INTO found_break (stage, leg, reason, book, channel_id, bank_account_id, reference,
                             amount_paise, business_date, facts, entry_ids)
"""

# The Indian day on which a channel's line was paid, however much later it was settled.
PAID_ON: Final = (
    "least(o.business_date, coalesce((o.occurred_at AT TIME ZONE 'Asia/Kolkata')::date,"
    " o.business_date))"
)


def take(found: str) -> str:
    """A statement that stores what ``found`` selects and takes its entries out of what is open."""
    return f"""
WITH found AS ({found}), stored AS ({INTO_FOUND}
    SELECT stage, leg, reason, book, channel_id, bank_account_id, reference, amount_paise,
           business_date, jsonb_strip_nulls(facts), entry_ids
      FROM found
)
DELETE FROM open_entry o USING (SELECT stage, unnest(entry_ids) AS id FROM found) AS f
 WHERE o.id = f.id AND o.stage = f.stage
"""  # noqa: S608 - constants of this package
