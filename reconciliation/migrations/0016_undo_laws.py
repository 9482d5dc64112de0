"""The key of a line becomes free while its file is undone; nothing else of an entry changes."""

from django.db import migrations, models

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
    IF TG_OP = 'UPDATE' AND NEW.source_key = left('undone:' || OLD.id || ':' || OLD.source_key, 160)
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

BACKWARD = f"""
CREATE OR REPLACE FUNCTION entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
{LEARNT}
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0015_undo")]
    operations = [
        # What stands before a key that became free must not cut it off: runs go by the whole key.
        migrations.AlterField("entry", "source_key", models.CharField(max_length=160)),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
