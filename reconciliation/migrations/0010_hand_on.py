"""A pair is one row; and what a run hands on to the next, so that none reads history."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.contrib.postgres.indexes import BrinIndex
from django.db import migrations, models

STAGES = [
    ("channel", "confirmed by the channel"),
    ("bank", "in the bank"),
    ("fee", "fee as agreed"),
]
BOOKS = [("receipts", "Receipts"), ("channel", "Channel lines"), ("bank", "Bank")]


def to(model, related_name, **options):
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name=related_name,
        to=f"reconciliation.{model}",
        **options,
    )


def composite(*names):
    return models.CompositePrimaryKey(
        *names, blank=True, editable=False, primary_key=True, serialize=False
    )


def number():
    return models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )


# What was written as a head and two lines becomes a pair, unless people made it.
PAIRS = """
ALTER TABLE reconciliation_match DISABLE TRIGGER match_guard;
ALTER TABLE reconciliation_matchpart DISABLE TRIGGER match_line_guard;
CREATE TEMP TABLE old_pair ON COMMIT DROP AS
SELECT m.id, min(e.id) FILTER (WHERE e.book = 'receipts') AS left_id,
       min(e.id) FILTER (WHERE e.book = 'channel') AS right_id
  FROM reconciliation_match m
  JOIN reconciliation_matchpart l ON l.match_id = m.id
  JOIN reconciliation_entry e ON e.id = l.entry_id
 WHERE m.stage = 'channel' AND m.kind = 'rule'
 GROUP BY m.id, m.undone_at
HAVING count(*) = 2 AND count(*) FILTER (WHERE e.book = 'receipts') = 1
   AND count(*) FILTER (WHERE e.book = 'channel') = 1
   AND bool_and(l.is_live = (m.undone_at IS NULL));
DELETE FROM reconciliation_matchpart l USING old_pair p WHERE l.match_id = p.id;
UPDATE reconciliation_match m SET left_id = p.left_id, right_id = p.right_id
  FROM old_pair p WHERE m.id = p.id;
ALTER TABLE reconciliation_match ENABLE TRIGGER match_guard;
ALTER TABLE reconciliation_matchpart ENABLE TRIGGER match_line_guard;
"""

FORWARD = """
-- Both shapes as lines. A pair has two, live as long as it is not undone.
CREATE VIEW reconciliation_matchline AS
SELECT id AS match_id, left_id AS entry_id, stage, undone_at IS NULL AS is_live
  FROM reconciliation_match WHERE left_id IS NOT NULL
UNION ALL
SELECT id, right_id, stage, undone_at IS NULL
  FROM reconciliation_match WHERE right_id IS NOT NULL
UNION ALL
SELECT match_id, entry_id, stage, is_live FROM reconciliation_matchpart;

CREATE FUNCTION match_line_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO reconciliation_matchpart (match_id, entry_id, stage, is_live)
        VALUES (NEW.match_id, NEW.entry_id, NEW.stage, NEW.is_live);
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.is_live AND NOT NEW.is_live
       AND (NEW.match_id, NEW.entry_id, NEW.stage) = (OLD.match_id, OLD.entry_id, OLD.stage) THEN
        UPDATE reconciliation_matchpart SET is_live = false
         WHERE match_id = OLD.match_id AND entry_id = OLD.entry_id AND is_live;
        IF NOT FOUND THEN
            UPDATE reconciliation_match SET undone_at = clock_timestamp()
             WHERE id = OLD.match_id AND left_id IS NOT NULL AND undone_at IS NULL;
        END IF;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'match lines are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER match_line_write INSTEAD OF INSERT OR UPDATE OR DELETE ON reconciliation_matchline
    FOR EACH ROW EXECUTE FUNCTION match_line_write();

-- As before, in less work a row: an undo may have a million.
CREATE OR REPLACE FUNCTION match_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.undone_at IS NULL AND NEW.undone_at IS NOT NULL THEN
        OLD.undone_at := NEW.undone_at;
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'matches are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE FUNCTION match_line_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.is_live AND NOT NEW.is_live THEN
        OLD.is_live := false;
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'match lines are append-only' USING ERRCODE = 'restrict_violation';
END $$;

-- Whoever undoes, the next run hears of it.
CREATE FUNCTION match_undone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reconciliation_undonematch (match_id)
    SELECT id FROM changed WHERE undone_at IS NOT NULL ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER match_undone AFTER UPDATE ON reconciliation_match
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION match_undone();

-- An entry is once in a stage, in a pair or as a part. Each shape has its unique index; here they
-- are held against each other. Pairs are made by a run, which has the books for itself.
CREATE FUNCTION match_part_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(3165, 1);
    IF EXISTS (SELECT FROM reconciliation_match
                WHERE left_id = NEW.entry_id AND undone_at IS NULL)
       OR EXISTS (SELECT FROM reconciliation_match
                   WHERE right_id = NEW.entry_id AND undone_at IS NULL) THEN
        RAISE EXCEPTION
            'duplicate key value violates unique constraint "match_line_once_by_channel"'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'match_line_once_by_channel';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER match_part_once AFTER INSERT ON reconciliation_matchpart
    FOR EACH ROW WHEN (NEW.is_live AND NEW.stage = 'channel')
    EXECUTE FUNCTION match_part_once();

CREATE FUNCTION match_pair_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM reconciliation_matchpart l JOIN added a ON a.left_id = l.entry_id
                WHERE l.stage = 'channel' AND l.is_live)
       OR EXISTS (SELECT FROM reconciliation_matchpart l JOIN added a ON a.right_id = l.entry_id
                   WHERE l.stage = 'channel' AND l.is_live) THEN
        RAISE EXCEPTION
            'duplicate key value violates unique constraint "match_line_once_by_channel"'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'match_line_once_by_channel';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER match_pair_once AFTER INSERT ON reconciliation_match
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION match_pair_once();
"""

BACKWARD = """
DROP TRIGGER match_pair_once ON reconciliation_match;
DROP FUNCTION match_pair_once();
DROP TRIGGER match_part_once ON reconciliation_matchpart;
DROP FUNCTION match_part_once();
DROP TRIGGER match_undone ON reconciliation_match;
DROP FUNCTION match_undone();
DROP VIEW reconciliation_matchline;
DROP FUNCTION match_line_write();
INSERT INTO reconciliation_matchpart (match_id, entry_id, stage, is_live)
SELECT m.id, side.entry_id, m.stage, m.undone_at IS NULL
  FROM reconciliation_match m
 CROSS JOIN LATERAL (VALUES (m.left_id), (m.right_id)) AS side(entry_id)
 WHERE m.left_id IS NOT NULL;
"""

LINE_FIELDS = [
    ("pk", composite("match_id", "entry_id")),
    ("stage", models.CharField(choices=STAGES, max_length=8)),
    ("is_live", models.BooleanField(default=True)),
]


class Migration(migrations.Migration):
    dependencies = [
        ("paychannels", "0005_tell_disputes"),
        ("reconciliation", "0009_close_days"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE reconciliation_matchline RENAME TO reconciliation_matchpart",
                    "ALTER TABLE reconciliation_matchpart RENAME TO reconciliation_matchline",
                )
            ],
            state_operations=[
                migrations.DeleteModel("MatchLine"),
                migrations.CreateModel(
                    name="MatchPart",
                    fields=[
                        *LINE_FIELDS,
                        ("entry", to("entry", "match_parts")),
                        ("match", to("match", "parts")),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=["entry"],
                                condition=models.Q(stage="channel", is_live=True),
                                name="match_line_once_by_channel",
                            ),
                            models.UniqueConstraint(
                                fields=["entry"],
                                condition=models.Q(stage="bank", is_live=True),
                                name="match_line_once_by_bank",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(stage__in=["channel", "bank"]),
                                name="match_line_stage_known",
                            ),
                        ]
                    },
                ),
                migrations.CreateModel(
                    name="MatchLine",
                    fields=[
                        *LINE_FIELDS,
                        ("entry", to("entry", "match_lines")),
                        ("match", to("match", "lines")),
                    ],
                    options={"managed": False, "db_table": "reconciliation_matchline"},
                ),
            ],
        ),
        migrations.AddField("match", "left", to("entry", "+", null=True)),
        migrations.AddField("match", "right", to("entry", "+", null=True)),
        migrations.RunSQL(PAIRS, migrations.RunSQL.noop),
        migrations.AddConstraint(
            "match",
            models.UniqueConstraint(
                fields=["left"],
                condition=models.Q(left__isnull=False, undone_at__isnull=True),
                name="match_pair_once_by_left",
            ),
        ),
        migrations.AddConstraint(
            "match",
            models.UniqueConstraint(
                fields=["right"],
                condition=models.Q(right__isnull=False, undone_at__isnull=True),
                name="match_pair_once_by_right",
            ),
        ),
        migrations.AddConstraint(
            "match",
            models.CheckConstraint(
                condition=models.Q(left__isnull=True, right__isnull=True)
                | models.Q(left__isnull=False, right__isnull=False, stage="channel"),
                name="match_pair_is_whole",
            ),
        ),
        migrations.CreateModel(
            name="UndoneMatch",
            fields=[
                (
                    "match",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="reconciliation.match",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="OpenItem",
            fields=[
                ("pk", composite("entry_id", "stage")),
                ("stage", models.CharField(choices=STAGES, max_length=8)),
                ("entry", to("entry", "+")),
            ],
        ),
        migrations.CreateModel(
            name="OpenLines",
            fields=[
                ("id", number()),
                ("settlement_ref", models.CharField(blank=True, max_length=64)),
                ("utr", models.CharField(blank=True, max_length=40)),
                ("business_date", models.DateField()),
                ("due_on", models.DateField()),
                ("line_count", models.BigIntegerField()),
                ("net_paise", models.BigIntegerField()),
                ("line_hash", models.BigIntegerField()),
                (
                    "line_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="paychannels.channel",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["channel", "settlement_ref"], name="open_lines_by_name")
                ]
            },
        ),
        migrations.CreateModel(
            name="DayTally",
            fields=[
                ("id", number()),
                ("stage", models.CharField(choices=STAGES, max_length=8)),
                ("book", models.CharField(choices=BOOKS, max_length=8)),
                ("business_date", models.DateField()),
                ("matched_on", models.DateField(null=True)),
                ("is_written_off", models.BooleanField(default=False)),
                ("count", models.BigIntegerField()),
                ("paise", models.BigIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["stage", "book", "business_date", "matched_on", "is_written_off"],
                        nulls_distinct=False,
                        name="day_tally_once",
                    )
                ]
            },
        ),
        migrations.AddField("run", "matches_until", models.BigIntegerField(null=True)),
        migrations.AddField("run", "matches_hash", models.BigIntegerField(default=0)),
        migrations.AddField("run", "rates_hash", models.CharField(blank=True, max_length=64)),
        migrations.RunSQL(
            # Compressing a list of numbers costs more than it saves.
            "ALTER TABLE reconciliation_openlines ALTER COLUMN line_ids SET STORAGE EXTERNAL",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField("match", "run", to("run", "matches", null=True)),
        migrations.AddIndex(
            "match",
            BrinIndex(autosummarize=True, fields=["run"], name="match_by_run", pages_per_range=32),
        ),
        migrations.RemoveIndex("entry", name="entry_day"),
        migrations.AddIndex(
            "entry",
            BrinIndex(
                autosummarize=True,
                fields=["business_date"],
                name="entry_by_day",
                pages_per_range=32,
            ),
        ),
        migrations.AddIndex(
            "entry",
            models.Index(
                condition=models.Q(
                    ("book", "receipts"), models.Q(("instrument", ""), _negated=True)
                ),
                fields=["instrument"],
                name="entry_instrument",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
