"""Notes on breaks only grow."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION break_note_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'notes are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER break_note_guard BEFORE UPDATE OR DELETE ON reconciliation_breaknote
    FOR EACH ROW EXECUTE FUNCTION break_note_guard();
"""

BACKWARD = """
DROP TRIGGER break_note_guard ON reconciliation_breaknote;
DROP FUNCTION break_note_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0017_work_the_breaks")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
