"""Entries in partitions by their number: old ones can be moved or archived as whole tables.

Numbers grow with time, so a partition is some weeks of business. Cut by number and not by day,
an entry is found by its number in one partition, and the primary key stays what it was. What one
table cannot promise any more, that a line is in the books once, is the law of a narrow table of
keys beside it (docs/adr/0029).
"""

from typing import ClassVar, Final

from django.db import connection, transaction

from cspdcl.kernel.errors import DomainError
from reconciliation import locks

SIZE: Final = 25_000_000  # entries in a partition


class AlreadyPartitioned(DomainError):
    """Entries are in partitions; more of them can be added."""

    code: ClassVar[str] = "already_partitioned"


class NotPartitioned(DomainError):
    """Entries are one table."""

    code: ClassVar[str] = "not_partitioned"


def is_partitioned() -> bool:
    """Whether entries are in partitions here."""
    return bool(
        _one("SELECT relkind = 'p' FROM pg_class WHERE oid = 'reconciliation_entry'::regclass")
    )


@transaction.atomic
def partition(*, size: int = SIZE) -> int:
    """Make the table of today the first partition and add an empty one; returns where that begins.

    Nobody reads or writes entries meanwhile. No row is copied; what is written anew are the keys.
    Raises AlreadyPartitioned.
    """
    _close()
    if is_partitioned():
        raise AlreadyPartitioned("entries are in partitions already; more are added with --ahead")
    last = _one("SELECT coalesce(max(id), 0) FROM reconciliation_entry")
    bound = (last // size + 1) * size + 1
    with connection.cursor() as cursor:
        cursor.execute(_KEYS)
        cursor.execute(_SET_ASIDE)
        cursor.execute(_PARENT.format(first=last + 1))
        cursor.execute(_ATTACH.format(bound=bound))
        cursor.execute(_LAW)
    _add(bound, size=size)
    return bound


@transaction.atomic
def add_ahead(*, size: int = SIZE) -> int:
    """See to it that an empty partition lies ahead of the last entry; returns how many were added.

    Raises NotPartitioned.
    """
    _close()
    if not is_partitioned():
        raise NotPartitioned("entries are one table; partition_entries makes it the first of many")
    last = _one("SELECT coalesce(max(id), 0) FROM reconciliation_entry")
    added = 0
    while (until := _until()) <= last + size:
        _add(until, size=size)
        added += 1
    return added


def _close() -> None:
    locks.wait_patiently()
    locks.hold_books_closed()


def _until() -> int:
    """Where the last partition ends."""
    return _one(
        """
        SELECT max((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \\(''?(\\d+)'))[1]::bigint)
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'reconciliation_entry'::regclass
        """
    )


def _add(first: int, *, size: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE reconciliation_entry_{first} PARTITION OF reconciliation_entry "
            f"FOR VALUES FROM ({first}) TO ({first + size})"
        )
        cursor.execute(_OF_PARTITION.format(first=first))


def _one(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        (found,) = cursor.fetchone() or (0,)
    return int(found)


_KEYS: Final = """
SET LOCAL statement_timeout = 0;
LOCK TABLE reconciliation_entry IN ACCESS EXCLUSIVE MODE;
CREATE TABLE reconciliation_entrykey AS
SELECT book, source_key, id AS entry_id FROM reconciliation_entry;
ALTER TABLE reconciliation_entrykey
  ADD CONSTRAINT entry_key_once PRIMARY KEY (book, source_key);
ANALYZE reconciliation_entrykey;
"""

_SET_ASIDE: Final = """
DROP TRIGGER entry_guard ON reconciliation_entry;
ALTER TABLE reconciliation_entry ALTER COLUMN id DROP IDENTITY;
ALTER TABLE reconciliation_entry RENAME TO reconciliation_entry_0;
ALTER INDEX reconciliation_entry_pkey RENAME TO reconciliation_entry_0_pkey;
ALTER INDEX entry_once RENAME TO entry_once_0;
ALTER INDEX entry_utr RENAME TO entry_utr_0;
ALTER INDEX entry_by_day RENAME TO entry_by_day_0;
ALTER INDEX entry_instrument RENAME TO entry_instrument_0;
"""

_PARENT: Final = """
CREATE SEQUENCE reconciliation_entry_id_seq AS bigint START {first};
CREATE TABLE reconciliation_entry (
  LIKE reconciliation_entry_0 INCLUDING DEFAULTS INCLUDING CONSTRAINTS
) PARTITION BY RANGE (id);
ALTER TABLE reconciliation_entry
  ALTER COLUMN id SET DEFAULT nextval('reconciliation_entry_id_seq');
ALTER SEQUENCE reconciliation_entry_id_seq OWNED BY reconciliation_entry.id;
ALTER TABLE reconciliation_entry ADD CONSTRAINT reconciliation_entry_pkey PRIMARY KEY (id);
CREATE INDEX entry_utr ON reconciliation_entry (utr) WHERE NOT utr = '';
CREATE INDEX entry_by_day ON reconciliation_entry USING brin (business_date)
  WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX entry_instrument ON reconciliation_entry (instrument)
 WHERE book = 'receipts' AND NOT instrument = '';
"""

# The check is read once here, so that the table is attached without another look; its indexes are
# taken over.
_ATTACH: Final = """
ALTER TABLE reconciliation_entry_0 ADD CONSTRAINT entry_0_numbers CHECK (id > 0 AND id < {bound});
ALTER TABLE reconciliation_entry ATTACH PARTITION reconciliation_entry_0
  FOR VALUES FROM (1) TO ({bound});
ALTER TABLE reconciliation_entry_0 DROP CONSTRAINT entry_0_numbers;
"""

# Within a partition the index of old finds a line by its key; the table of keys is the law for all.
_OF_PARTITION: Final = """
CREATE UNIQUE INDEX entry_once_{first} ON reconciliation_entry_{first} (book, source_key);
"""

_LAW: Final = """
CREATE FUNCTION entry_key_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reconciliation_entrykey (book, source_key, entry_id)
    SELECT book, source_key, id FROM added ORDER BY book, source_key;
    RETURN NULL;
END $$;
CREATE TRIGGER entry_key_added AFTER INSERT ON reconciliation_entry
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION entry_key_added();

CREATE FUNCTION entry_key_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE reconciliation_entrykey k SET source_key = now.source_key
      FROM now JOIN before ON before.id = now.id AND before.source_key <> now.source_key
     WHERE k.book = before.book AND k.source_key = before.source_key;
    RETURN NULL;
END $$;
CREATE TRIGGER entry_key_changed AFTER UPDATE ON reconciliation_entry
    REFERENCING OLD TABLE AS before NEW TABLE AS now
    FOR EACH STATEMENT EXECUTE FUNCTION entry_key_changed();

CREATE TRIGGER entry_guard BEFORE UPDATE OR DELETE ON reconciliation_entry
    FOR EACH ROW EXECUTE FUNCTION entry_guard();
"""
