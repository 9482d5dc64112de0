"""Laws: what was written stays, states follow the table, tries only grow."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION outgoing_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'what left the house is never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.public_id, NEW.channel, NEW.kind, NEW.key, NEW.office_id, NEW.object_type,
        NEW.object_id, NEW.recipient_masked, NEW.language, NEW.facts, NEW.not_before, NEW.made_at)
        IS DISTINCT FROM
       (OLD.public_id, OLD.channel, OLD.kind, OLD.key, OLD.office_id, OLD.object_type,
        OLD.object_id, OLD.recipient_masked, OLD.language, OLD.facts, OLD.not_before, OLD.made_at)
        OR (OLD.wiped_at IS NOT NULL AND NEW.wiped_at IS DISTINCT FROM OLD.wiped_at)
        OR (OLD.sent_at IS NOT NULL AND NEW.sent_at IS DISTINCT FROM OLD.sent_at)
    THEN
        RAISE EXCEPTION 'outgoing % %: what was written is fixed', OLD.channel, OLD.key
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('waiting', 'due'), ('waiting', 'sent'), ('waiting', 'given_up'),
        ('due', 'sent'), ('due', 'given_up'), ('due', 'waiting'),
        ('given_up', 'due'), ('given_up', 'sent')
    ) THEN
        RAISE EXCEPTION 'outgoing % %: no way from % to %', OLD.channel, OLD.key, OLD.state,
            NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER outgoing_guard BEFORE UPDATE OR DELETE ON outgoing_outgoing
    FOR EACH ROW EXECUTE FUNCTION outgoing_guard();

CREATE FUNCTION outgoing_attempt_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'tries are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER outgoing_attempt_guard BEFORE UPDATE OR DELETE ON outgoing_attempt
    FOR EACH ROW EXECUTE FUNCTION outgoing_attempt_guard();
CREATE TRIGGER outgoing_attempt_no_truncate BEFORE TRUNCATE ON outgoing_attempt
    FOR EACH STATEMENT EXECUTE FUNCTION outgoing_attempt_guard();
"""

BACKWARD = """
DROP TRIGGER outgoing_attempt_no_truncate ON outgoing_attempt;
DROP TRIGGER outgoing_attempt_guard ON outgoing_attempt;
DROP FUNCTION outgoing_attempt_guard();
DROP TRIGGER outgoing_guard ON outgoing_outgoing;
DROP FUNCTION outgoing_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("outgoing", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
