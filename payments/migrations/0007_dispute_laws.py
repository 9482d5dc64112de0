"""Laws of disputes: their events only grow, a line is kept as it came and agreed on once."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION dispute_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events of disputes are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER dispute_event_guard BEFORE UPDATE OR DELETE ON payments_disputeevent
    FOR EACH ROW EXECUTE FUNCTION dispute_event_guard();
CREATE TRIGGER dispute_event_no_truncate BEFORE TRUNCATE ON payments_disputeevent
    FOR EACH STATEMENT EXECUTE FUNCTION dispute_event_guard();

CREATE FUNCTION dispute_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'disputes are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.channel_id <> OLD.channel_id
        OR (OLD.payment_id IS NOT NULL AND NEW.payment_id IS DISTINCT FROM OLD.payment_id)
    THEN
        RAISE EXCEPTION 'dispute %: channel and payment are fixed', OLD.dispute_ref
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dispute_guard BEFORE UPDATE OR DELETE ON payments_dispute
    FOR EACH ROW EXECUTE FUNCTION dispute_guard();

CREATE FUNCTION dispute_line_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.agreed_at IS NULL
        AND (NEW.id, NEW.dispute_id, NEW.channel_id, NEW.line_key, NEW.channel_ref,
             NEW.amount_paise, NEW.business_date)
            = (OLD.id, OLD.dispute_id, OLD.channel_id, OLD.line_key, OLD.channel_ref,
               OLD.amount_paise, OLD.business_date)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a line of a dispute is kept as it came and agreed on once'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER dispute_line_guard BEFORE UPDATE OR DELETE ON payments_disputeline
    FOR EACH ROW EXECUTE FUNCTION dispute_line_guard();
"""

BACKWARD = """
DROP TRIGGER dispute_line_guard ON payments_disputeline;
DROP FUNCTION dispute_line_guard();
DROP TRIGGER dispute_guard ON payments_dispute;
DROP FUNCTION dispute_guard();
DROP TRIGGER dispute_event_no_truncate ON payments_disputeevent;
DROP TRIGGER dispute_event_guard ON payments_disputeevent;
DROP FUNCTION dispute_event_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0006_tell_disputes")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
