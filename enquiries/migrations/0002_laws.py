"""Laws that no code may break: a question moves along legal edges, its budget and evidence hold."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION operation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'questions to partners are never deleted'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.channel_id, NEW.kind, NEW.key, NEW.payment_id, NEW.subject, NEW.amount_paise,
        NEW.created_at)
        IS DISTINCT FROM
       (OLD.channel_id, OLD.kind, OLD.key, OLD.payment_id, OLD.subject, OLD.amount_paise,
        OLD.created_at)
    THEN
        RAISE EXCEPTION 'operation %: what is asked is fixed', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('intended', 'sent'), ('intended', 'succeeded'), ('intended', 'failed'),
        ('intended', 'manual'),
        ('sent', 'intended'), ('sent', 'unknown'), ('sent', 'succeeded'), ('sent', 'failed'),
        ('sent', 'manual'),
        ('unknown', 'sent'), ('unknown', 'succeeded'), ('unknown', 'failed'),
        ('unknown', 'manual'),
        ('manual', 'sent'), ('manual', 'unknown'), ('manual', 'succeeded'), ('manual', 'failed'),
        ('failed', 'succeeded')
    ) THEN
        RAISE EXCEPTION 'operation %: no way from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    -- A try is counted when it goes out, and is given back only when not a byte was written.
    IF NEW.state = 'sent' AND OLD.state <> 'sent' THEN
        IF NEW.attempts <> OLD.attempts + 1 OR NEW.spent <> OLD.spent + 1 THEN
            RAISE EXCEPTION 'operation %: a try that is not counted', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
    ELSIF NEW.attempts <> OLD.attempts
        OR NEW.spent > OLD.spent
        OR (NEW.spent < OLD.spent AND (OLD.state <> 'sent' OR NEW.spent <> OLD.spent - 1))
    THEN
        RAISE EXCEPTION 'operation %: tries are counted when they go out', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'intended' AND OLD.state = 'sent' AND NEW.spent <> 0 THEN
        RAISE EXCEPTION 'operation %: it may have reached the partner', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER operation_guard BEFORE UPDATE OR DELETE ON enquiries_operation
    FOR EACH ROW EXECUTE FUNCTION operation_guard();

CREATE FUNCTION operation_attempt_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the evidence of questions is append-only'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER operation_attempt_guard BEFORE UPDATE OR DELETE ON enquiries_operationattempt
    FOR EACH ROW EXECUTE FUNCTION operation_attempt_guard();
CREATE TRIGGER operation_attempt_no_truncate BEFORE TRUNCATE ON enquiries_operationattempt
    FOR EACH STATEMENT EXECUTE FUNCTION operation_attempt_guard();

"""

BACKWARD = """
DROP TRIGGER operation_attempt_no_truncate ON enquiries_operationattempt;
DROP TRIGGER operation_attempt_guard ON enquiries_operationattempt;
DROP FUNCTION operation_attempt_guard();
DROP TRIGGER operation_guard ON enquiries_operation;
DROP FUNCTION operation_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("enquiries", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
