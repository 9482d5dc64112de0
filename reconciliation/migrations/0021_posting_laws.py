"""A posting in clarification learns once to whom it was assigned; and the rules of postings."""

from django.db import migrations

FROM_FILE = """
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
"""

LEARNT = """
    IF TG_OP = 'UPDATE' AND OLD.deposit_ref = '' AND NEW.book = 'receipts'
       AND to_jsonb(NEW) - 'deposit_ref' = to_jsonb(OLD) - 'deposit_ref' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.utr = '' AND NEW.book = 'channel'
       AND to_jsonb(NEW) - 'utr' = to_jsonb(OLD) - 'utr' THEN
        RETURN NEW;
    END IF;
"""

POSTED = """
    IF TG_OP = 'UPDATE' AND NEW.book = 'erp' AND OLD.code = 'clarification'
       AND NEW.code IN ('cleared', 'on_account')
       AND to_jsonb(NEW) - 'code' - 'consumer_number' - 'order_ref'
           = to_jsonb(OLD) - 'code' - 'consumer_number' - 'order_ref' THEN
        RETURN NEW;
    END IF;
"""

GUARD = """
CREATE OR REPLACE FUNCTION entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    same reconciliation_entry;
BEGIN
{laws}
    RAISE EXCEPTION 'entries are append-only' USING ERRCODE = 'restrict_violation';
END $$;
"""

FORWARD = GUARD.format(laws=FROM_FILE + LEARNT + POSTED)
BACKWARD = GUARD.format(laws=FROM_FILE + LEARNT)


def install_rules(apps, schema_editor):
    Rule = apps.get_model("reconciliation", "Rule")
    if not Rule.objects.exists():  # a new installation is given all of them
        return
    for code, priority, cardinality in (
        ("posting_exact", 100, "one_to_one"),
        ("posting_nil", 110, "nil"),
    ):
        if not Rule.objects.filter(code=code).exists():
            Rule.objects.create(
                code=code,
                priority=priority,
                leg="receipt_erp",
                key="reference",
                cardinality=cardinality,
                state="active",
            )


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0020_post_in_the_erp")]

    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunPython(install_rules, migrations.RunPython.noop),
    ]
