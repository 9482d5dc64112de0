"""The key of a line becomes free while its file is undone; nothing else of an entry changes."""

from django.db import migrations

LEARNT = """
    IF TG_OP = 'UPDATE' AND OLD.deposit_ref = '' AND NEW.book = 'receipts'
       AND to_jsonb(NEW) - 'deposit_ref' = to_jsonb(OLD) - 'deposit_ref' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.utr = '' AND NEW.book = 'channel'
       AND to_jsonb(NEW) - 'utr' = to_jsonb(OLD) - 'utr' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'entries are append-only' USING ERRCODE = 'restrict_violation';
"""

FORWARD = f"""
CREATE OR REPLACE FUNCTION entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    same reconciliation_entry;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.source_key = left('undone:' || OLD.id || ':' || OLD.source_key, 120)
       AND EXISTS (SELECT FROM reconciliation_undo u
                    WHERE u.kind = 'file' AND u.file_id = OLD.file_id AND u.state = 'approved') THEN
        -- Compared as a row: a file of a million lines cannot wait for a million documents.
        same := NEW;
        same.source_key := OLD.source_key;
        IF same IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
{LEARNT}
END $$;
"""  # noqa: S608 - a constant of this file

# The same laws as before, compared as rows: an undo of a million matches passes through them.
FORWARD += """
CREATE OR REPLACE FUNCTION match_line_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    same reconciliation_matchline;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.is_live AND NOT NEW.is_live THEN
        same := NEW;
        same.is_live := true;
        IF same IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'match lines are append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE OR REPLACE FUNCTION match_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    same reconciliation_match;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.undone_at IS NULL AND NEW.undone_at IS NOT NULL THEN
        same := NEW;
        same.undone_at := NULL;
        IF same IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'matches are append-only' USING ERRCODE = 'restrict_violation';
END $$;
"""

BACKWARD = f"""
CREATE OR REPLACE FUNCTION entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
{LEARNT}
END $$;
"""

BACKWARD += """
CREATE OR REPLACE FUNCTION match_line_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.is_live AND NOT NEW.is_live
       AND to_jsonb(NEW) - 'is_live' = to_jsonb(OLD) - 'is_live' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'match lines are append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE OR REPLACE FUNCTION match_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.undone_at IS NULL AND NEW.undone_at IS NOT NULL
       AND to_jsonb(NEW) - 'undone_at' = to_jsonb(OLD) - 'undone_at' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'matches are append-only' USING ERRCODE = 'restrict_violation';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0015_undo")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
