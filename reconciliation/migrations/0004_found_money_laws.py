"""Evidence only grows; the rule that matches payments with the credit they were made of."""

from django.db import migrations

FORWARD = """
-- What a payment was made of never changes; taking it back is marked, once.
CREATE FUNCTION evidence_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.undone_at IS NULL AND NEW.undone_at IS NOT NULL
       AND to_jsonb(NEW) - 'undone_at' = to_jsonb(OLD) - 'undone_at' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'evidence is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER evidence_guard BEFORE UPDATE OR DELETE ON reconciliation_evidence
    FOR EACH ROW EXECUTE FUNCTION evidence_guard();
"""

BACKWARD = """
DROP TRIGGER evidence_guard ON reconciliation_evidence;
DROP FUNCTION evidence_guard();
"""

RULE = {
    "code": "transfer_evidence",
    "priority": 75,
    "leg": "transfer_bank",
    "key": "evidence",
    "cardinality": "many_to_one",
}


def install_rule(apps, schema_editor):
    Rule = apps.get_model("reconciliation", "Rule")
    if not Rule.objects.filter(code=RULE["code"]).exists():  # a new installation has it from 0002
        Rule.objects.create(**RULE)


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0003_take_found_money")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunPython(install_rule, migrations.RunPython.noop),
    ]
