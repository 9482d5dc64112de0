"""Laws that no code may break: events only grow, a payment moves along legal edges, paid is final."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION payment_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'payment events are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER payment_event_guard BEFORE UPDATE OR DELETE ON payments_paymentevent
    FOR EACH ROW EXECUTE FUNCTION payment_event_guard();
CREATE TRIGGER payment_event_no_truncate BEFORE TRUNCATE ON payments_paymentevent
    FOR EACH STATEMENT EXECUTE FUNCTION payment_event_guard();

-- Of a paid payment neither amount nor day nor channel changes, and its state never steps back.
CREATE FUNCTION payment_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'payments are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.reference <> OLD.reference OR NEW.channel_id <> OLD.channel_id THEN
        RAISE EXCEPTION 'payment %: reference and channel are fixed', OLD.reference
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state IN ('succeeded', 'reversed') AND (
        NEW.amount_paise <> OLD.amount_paise
        OR NEW.business_date <> OLD.business_date
        OR NEW.succeeded_at IS DISTINCT FROM OLD.succeeded_at
        OR (OLD.channel_ref IS NOT NULL AND NEW.channel_ref IS DISTINCT FROM OLD.channel_ref)
    ) THEN
        RAISE EXCEPTION 'payment % is paid: amount, day and channel_ref are fixed', OLD.reference
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('created', 'pending'), ('created', 'succeeded'), ('created', 'failed'),
        ('pending', 'succeeded'), ('pending', 'failed'),
        ('failed', 'succeeded'), ('succeeded', 'reversed')
    ) THEN
        RAISE EXCEPTION 'payment %: no way from % to %', OLD.reference, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payment_guard BEFORE UPDATE OR DELETE ON payments_payment
    FOR EACH ROW EXECUTE FUNCTION payment_guard();

-- A receipt is issued once and may be cancelled once; nothing else happens to it.
CREATE FUNCTION receipt_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.cancelled_at IS NULL
        AND (NEW.id, NEW.payment_id, NEW.series, NEW.year, NEW.number, NEW.issued_at)
            = (OLD.id, OLD.payment_id, OLD.series, OLD.year, OLD.number, OLD.issued_at)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'receipts are issued once, cancelled once and never deleted'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER receipt_guard BEFORE UPDATE OR DELETE ON payments_receipt
    FOR EACH ROW EXECUTE FUNCTION receipt_guard();
CREATE TRIGGER receipt_no_truncate BEFORE TRUNCATE ON payments_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION receipt_guard();
"""

BACKWARD = """
DROP TRIGGER receipt_no_truncate ON payments_receipt;
DROP TRIGGER receipt_guard ON payments_receipt;
DROP FUNCTION receipt_guard();
DROP TRIGGER payment_guard ON payments_payment;
DROP FUNCTION payment_guard();
DROP TRIGGER payment_event_no_truncate ON payments_paymentevent;
DROP TRIGGER payment_event_guard ON payments_paymentevent;
DROP FUNCTION payment_event_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
