"""Who sends money: remembered by a blind index of account or UPI address, never by its text.

Learned where the consumer is certain: a person assigned the credit, or a notice told of it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from django.db import connection
from django.db.models import Max

from cspdcl.kernel import crypto
from cspdcl.kernel.clock import now
from reconciliation.models import KnownPayer, Run

PLACE: Final = "reconciliation_knownpayer.index"

# A whole UPI address; an account in full beside the branch it is held at. Masked ones name nobody.
_VPA: Final = re.compile(r"(?<![\w.@-])[\w.-]{2,}@[A-Za-z][A-Za-z0-9]+(?![\w.])")
_ACCOUNT: Final = re.compile(
    r"(?<![A-Z0-9])(\d{9,18})[-/ ]([A-Z]{4}0[A-Z0-9]{6})(?![A-Z0-9])"
    r"|(?<![A-Z0-9])([A-Z]{4}0[A-Z0-9]{6})[-/ ](\d{9,18})(?![A-Z0-9])"
)


def indexes_in(narration: str) -> list[bytes]:
    """The payer that a narration names, if it names exactly one."""
    found = {one.lower() for one in _VPA.findall(narration)}
    for number, ifsc, ifsc_first, number_last in _ACCOUNT.findall(narration.upper()):
        found.add(f"{ifsc or ifsc_first}:{number or number_last}")
    # The part in front of @ may name the payer in many ways; two addresses name two people.
    return [crypto.blind_index(one, place=PLACE) for one in found] if len(found) == 1 else []


def known(narrations: Sequence[str]) -> Mapping[str, int]:
    """The one consumer each narration's payer paid for before; of two, none."""
    by_index: dict[bytes, set[int]] = {}
    asked = {text: indexes_in(text) for text in narrations}
    wanted = {index for indexes in asked.values() for index in indexes}
    rows = KnownPayer.objects.filter(index__in=wanted).values_list("index", "consumer_id")
    for index, consumer_id in rows:
        by_index.setdefault(bytes(index), set()).add(consumer_id)
    answer: dict[str, int] = {}
    for text, indexes in asked.items():
        consumers = {pk for index in indexes for pk in by_index.get(index, ())}
        if len(consumers) == 1:
            answer[text] = consumers.pop()
    return answer


def learn(told: Iterable[tuple[str, int]]) -> None:
    """Remember who paid for whom: narrations with the consumer their money was for."""
    moment = now()
    pairs = {(index, consumer) for text, consumer in told for index in indexes_in(text)}
    with connection.cursor() as cursor:
        for index, consumer in sorted(pairs):
            cursor.execute(
                """
                INSERT INTO reconciliation_knownpayer AS held (index, consumer_id, times, last_at)
                VALUES (%s, %s, 1, %s)
                ON CONFLICT (index, consumer_id)
                DO UPDATE SET times = held.times + 1, last_at = EXCLUDED.last_at
                """,
                [index, consumer, moment],
            )


def forget(narration: str, *, consumers: Iterable[int]) -> None:
    """What was taken back was never so."""
    KnownPayer.objects.filter(
        index__in=indexes_in(narration), consumer__in=list(consumers)
    ).delete()


def learn_of(run: Run) -> None:
    """Learn from transfers that a run matched by the bank's own reference: notices told of them."""
    with connection.cursor() as cursor:
        cursor.execute(_TOLD, {"run": run.pk, "since": _matches_before(run)})
        learn(cursor.fetchall())


def _matches_before(run: Run) -> int:
    """The last match of the runs before: a number the database can plan with."""
    before = Run.objects.filter(pk__lt=run.pk, state=Run.State.DONE)
    return before.aggregate(last=Max("matches_until"))["last"] or 0


# One receipt and one credit, the receipt not made of the credit itself.
_TOLD: Final = """
SELECT credit.narration, consumer.id
  FROM reconciliation_match m
  JOIN reconciliation_rule r ON r.id = m.rule_id AND r.key IN ('utr', 'rrn')
  JOIN reconciliation_matchline l ON l.match_id = m.id
  JOIN reconciliation_entry credit ON credit.id = l.entry_id AND credit.book = 'bank'
  JOIN reconciliation_matchline k ON k.match_id = m.id AND k.entry_id <> l.entry_id
  JOIN reconciliation_entry receipt ON receipt.id = k.entry_id AND receipt.book = 'receipts'
  JOIN payments_consumer consumer ON consumer.number = receipt.consumer_number
 WHERE m.run_id = %(run)s AND m.id > %(since)s AND m.leg = 'transfer_bank' AND m.undone_at IS NULL
   AND credit.narration <> ''
   AND (SELECT count(*) FROM reconciliation_matchline o WHERE o.match_id = m.id) = 2
"""
