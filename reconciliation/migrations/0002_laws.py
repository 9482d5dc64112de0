"""Laws of the books: entries and match lines only grow; the rules of a new installation."""

from django.db import migrations

FORWARD = """
-- An entry is what somebody said. Learnt later, and once, are only the slip that carried a receipt
-- to the bank and the UTR of a channel's line that was reported before its payout.
CREATE FUNCTION entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.deposit_ref = '' AND NEW.book = 'receipts'
       AND to_jsonb(NEW) - 'deposit_ref' = to_jsonb(OLD) - 'deposit_ref' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.utr = '' AND NEW.book = 'channel'
       AND to_jsonb(NEW) - 'utr' = to_jsonb(OLD) - 'utr' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'entries are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER entry_guard BEFORE UPDATE OR DELETE ON reconciliation_entry
    FOR EACH ROW EXECUTE FUNCTION entry_guard();

-- Undo marks, it never deletes: the one change of a line is that it is no longer live.
CREATE FUNCTION match_line_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.is_live AND NOT NEW.is_live
       AND to_jsonb(NEW) - 'is_live' = to_jsonb(OLD) - 'is_live' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'match lines are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER match_line_guard BEFORE UPDATE OR DELETE ON reconciliation_matchline
    FOR EACH ROW EXECUTE FUNCTION match_line_guard();

CREATE FUNCTION match_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.undone_at IS NULL AND NEW.undone_at IS NOT NULL
       AND to_jsonb(NEW) - 'undone_at' = to_jsonb(OLD) - 'undone_at' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'matches are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER match_guard BEFORE UPDATE OR DELETE ON reconciliation_match
    FOR EACH ROW EXECUTE FUNCTION match_guard();
"""

BACKWARD = """
DROP TRIGGER match_guard ON reconciliation_match;
DROP FUNCTION match_guard();
DROP TRIGGER match_line_guard ON reconciliation_matchline;
DROP FUNCTION match_line_guard();
DROP TRIGGER entry_guard ON reconciliation_entry;
DROP FUNCTION entry_guard();
"""


def install_rules(apps, schema_editor):
    from reconciliation.rulebook.rules import STARTING_RULES

    Rule = apps.get_model("reconciliation", "Rule")
    Rule.objects.bulk_create(Rule(**rule._asdict()) for rule in STARTING_RULES)


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0001_initial")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunPython(install_rules, migrations.RunPython.noop),
    ]
