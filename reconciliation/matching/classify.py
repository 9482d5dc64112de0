"""What a finished set of passes could not explain: breaks with their reason, the rest expected.

At the end nothing is left: an open entry is in a break or it is expected. What decides is how far
each source has spoken, never the clock: a source that is silent accuses nobody.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db import connection
from django.db.models import Max

from channels_.models import Channel, StatementFile
from cspdcl.kernel.workdays import working_day_after
from payments import books
from reconciliation.matching.carrying import Since
from reconciliation.matching.classifiers import classifiers_for
from reconciliation.matching.ledger import Ledger
from reconciliation.models import Run
from reconciliation.rulebook import rate_card


@dataclass(frozen=True, slots=True)
class Coverage:
    """Until when each source has spoken: the last day its loaded files cover."""

    channels: dict[int, date]
    accounts: dict[int, date]


def coverage() -> Coverage:
    """Read it from the loaded files."""
    loaded = StatementFile.objects.filter(state=StatementFile.State.LOADED, covers_to__isnull=False)
    channels = (
        loaded.filter(channel__isnull=False).values_list("channel_id").annotate(Max("covers_to"))
    )
    accounts = (
        loaded.filter(bank_account__isnull=False)
        .values_list("bank_account_id")
        .annotate(Max("covers_to"))
    )
    return Coverage(channels=dict(channels), accounts=dict(accounts))


def classify(run: Run, since: Since, erp: Ledger | None) -> None:
    """Fill ``found_break`` and the run's ``Expected`` rows from the open tables."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        channels = list(Channel.objects.all())
        _fill("source", _sources(channels, coverage()))
        judged_until = _tell_rates(run, since)
        _tell_slips({channel.pk: channel for channel in channels})
        params: dict[str, int | date | None] = {
            "run": run.pk,
            "day": run.business_date,
            "judged_until": judged_until,
            "posted_until": erp.until if erp else None,
        }
        for sql in classifiers_for(erp):
            cursor.execute(sql, params)


# What the classifiers ask besides the entries: small tables, made anew for each run.
_TABLES: Final = """
DROP TABLE IF EXISTS source, rate_card, judged_before, known_slip, slip_due, carried_by;
CREATE TEMP TABLE source (
  channel_id bigint PRIMARY KEY, route text, channel_until date, credit_until date, bank_until date
) ON COMMIT DROP;
CREATE TEMP TABLE rate_card (
  channel_id bigint, method text, network text, others text[], from_paise bigint,
  until_paise bigint, percent numeric, flat_paise bigint, cap_paise bigint, tax_percent numeric,
  valid_from timestamptz, valid_until timestamptz
) ON COMMIT DROP;
CREATE TEMP TABLE judged_before (entry_id bigint PRIMARY KEY) ON COMMIT DROP;
CREATE TEMP TABLE known_slip (deposit_ref text) ON COMMIT DROP;
CREATE TEMP TABLE slip_due (deposit_ref text PRIMARY KEY, due_on date) ON COMMIT DROP;
CREATE TEMP TABLE carried_by (business_date date PRIMARY KEY, last_on date) ON COMMIT DROP;
"""

_OPEN_SLIPS: Final = """
SELECT DISTINCT deposit_ref FROM open_entry
 WHERE stage = 'bank' AND book = 'receipts' AND deposit_ref <> ''
"""

_UNDEPOSITED_DAYS: Final = """
SELECT DISTINCT business_date FROM open_entry
 WHERE stage = 'bank' AND book = 'receipts' AND deposit_ref = ''
"""

_BANK_WORDS: Final = """
SELECT DISTINCT w.word FROM bank_word w JOIN open_entry o ON o.id = w.entry_id AND o.stage = 'bank'
"""


# Lines that an earlier run judged, and that may stand otherwise now: those that are breaks, and
# those whose fee was accepted until that was told back.
_JUDGE_AGAIN: Final = """
INSERT INTO judged_before
SELECT l.entry_id
  FROM reconciliation_break b JOIN reconciliation_breakline l ON l.open_break_id = b.id
 WHERE b.state = 'open' AND b.stage = 'fee' AND l.entry_id <= %(judged_until)s
 UNION
SELECT l.entry_id
  FROM reconciliation_decision d JOIN reconciliation_decisionline l ON l.decision_id = d.id
 WHERE d.kind = 'fee' AND d.undone_at IS NOT NULL AND l.entry_id <= %(judged_until)s
"""


def _tell_rates(run: Run, since: Since) -> int:
    """The rates in force; returns the last entry whose fee was judged by these very rates.

    When a rate has changed since the last run every fee is judged anew.
    """
    ranges = [tuple(one) for one in rate_card.ranges()]
    _fill("rate_card", ranges)
    run.rates_hash = hashlib.sha256(repr(sorted(ranges, key=repr)).encode()).hexdigest()
    if run.rates_hash != since.rates_hash:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_JUDGE_AGAIN, {"judged_until": since.entry})
    return since.entry


def _sources(channels: Sequence[Channel], covered: Coverage) -> list[tuple[Any, ...]]:
    """Until when a channel has spoken, which credits that explains, and until when its bank has."""
    latest = max(covered.accounts.values(), default=None)
    rows: list[tuple[Any, ...]] = []
    for channel in channels:
        until = covered.channels.get(channel.pk)
        of_bank = covered.accounts.get(channel.bank_account_id or 0)
        rows.append(
            (
                channel.pk,
                channel.route,
                until,
                # What was settled on the last day told is credited some working days later.
                until and working_day_after(until, channel.credit_days),
                of_bank if channel.bank_account_id else latest,
            )
        )
    return rows


def _tell_slips(channels: Mapping[int, Channel]) -> None:
    """When each open slip is due, until when money may lie undeposited, and which slips we know."""
    dues = []
    for slip in books.slips_among(_column(_OPEN_SLIPS)):
        days = channels[slip["channel_id"]].credit_days
        dues.append((slip["reference"], working_day_after(slip["business_date"], days)))
    _fill("slip_due", dues)
    _fill("carried_by", [(day, working_day_after(day, 1)) for day in _column(_UNDEPOSITED_DAYS)])
    _fill("known_slip", [(slip["reference"],) for slip in books.slips_among(_column(_BANK_WORDS))])


def _column(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [row[0] for row in cursor.fetchall()]


def _fill(table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        holes = ", ".join(["%s"] * len(rows[0]))
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {table} VALUES ({holes})", rows)  # noqa: S608 - ours
