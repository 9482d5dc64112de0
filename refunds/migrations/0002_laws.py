"""Laws of refunds: never more than was paid, two persons, legal edges, events only grow."""

from django.db import migrations

FORWARD = """
-- What may still go back of a payment: less what is promised, told or lost. A told refund that is
-- ours counts once. The caller holds the payment's row lock.
CREATE FUNCTION refund_room(the_payment bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT (p.amount_paise
        - coalesce((
            SELECT sum(r.amount_paise) FROM refunds_refundrequest r
             WHERE r.payment_id = p.id AND r.state NOT IN ('refused', 'failed')
        ), 0)
        - coalesce((
            SELECT sum(t.amount_paise) FROM payments_refund t
             WHERE t.payment_id = p.id AND t.state <> 'failed'
               AND NOT EXISTS (
                    SELECT FROM refunds_refundrequest r
                     WHERE r.payment_id = p.id AND r.state NOT IN ('refused', 'failed')
                       AND (r.refund_id = t.id
                            OR r.told_ref <> '' AND r.told_ref = t.channel_ref
                            OR replace(upper(r.reference), '-', '')
                               = replace(upper(t.reference), '-', ''))
               )
        ), 0)
        - coalesce((
            SELECT sum(d.amount_paise) FROM payments_dispute d
             WHERE d.payment_id = p.id AND d.state IN ('accepted', 'lost')
        ), 0))::bigint
      FROM payments_payment p WHERE p.id = the_payment
$$;

CREATE FUNCTION refund_request_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    state_now text;
BEGIN
    SELECT state INTO state_now FROM payments_payment WHERE id = NEW.payment_id FOR UPDATE;
    IF NEW.state <> 'asked' THEN
        RAISE EXCEPTION 'refund %: it begins as asked', NEW.reference
            USING ERRCODE = 'check_violation';
    END IF;
    IF state_now <> 'succeeded' THEN
        RAISE EXCEPTION 'refund %: the payment is %', NEW.reference, state_now
            USING ERRCODE = 'check_violation';
    END IF;
    IF refund_room(NEW.payment_id) < NEW.amount_paise THEN
        RAISE EXCEPTION 'refund %: more than was paid', NEW.reference
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_request_fits BEFORE INSERT ON refunds_refundrequest
    FOR EACH ROW EXECUTE FUNCTION refund_request_fits();

CREATE FUNCTION refund_request_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'requests for refunds are never deleted'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.reference, NEW.payment_id, NEW.amount_paise, NEW.reason, NEW.submit_key,
        NEW.asked_by_id, NEW.asked_at)
        IS DISTINCT FROM
       (OLD.reference, OLD.payment_id, OLD.amount_paise, OLD.reason, OLD.submit_key,
        OLD.asked_by_id, OLD.asked_at)
        OR (OLD.refund_id IS NOT NULL AND NEW.refund_id IS DISTINCT FROM OLD.refund_id)
        OR (OLD.state = 'approved' AND NEW.decided_by_id IS DISTINCT FROM OLD.decided_by_id
            AND NEW.state <> 'refused')
        OR (OLD.state NOT IN ('asked', 'approved')
            AND (NEW.decided_by_id, NEW.decided_at) IS DISTINCT FROM
                (OLD.decided_by_id, OLD.decided_at))
    THEN
        RAISE EXCEPTION 'refund %: what was asked and decided is fixed', OLD.reference
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('asked', 'approved'), ('asked', 'refused'),
        ('approved', 'sending'), ('approved', 'manual'), ('approved', 'refused'),
        ('sending', 'succeeded'), ('sending', 'failed'), ('sending', 'manual'),
        ('manual', 'succeeded'), ('manual', 'failed'),
        ('failed', 'succeeded')
    ) THEN
        RAISE EXCEPTION 'refund %: no way from % to %', OLD.reference, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_request_guard BEFORE UPDATE OR DELETE ON refunds_refundrequest
    FOR EACH ROW EXECUTE FUNCTION refund_request_guard();

CREATE FUNCTION refund_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events of refunds are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER refund_event_guard BEFORE UPDATE OR DELETE ON refunds_refundevent
    FOR EACH ROW EXECUTE FUNCTION refund_event_guard();
CREATE TRIGGER refund_event_no_truncate BEFORE TRUNCATE ON refunds_refundevent
    FOR EACH STATEMENT EXECUTE FUNCTION refund_event_guard();

CREATE FUNCTION dispute_answer_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'answers to disputes are never deleted'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.public_id, NEW.dispute_id, NEW.phase, NEW.summary, NEW.accept, NEW.needs_second,
        NEW.made_by_id, NEW.made_at)
        IS DISTINCT FROM
       (OLD.public_id, OLD.dispute_id, OLD.phase, OLD.summary, OLD.accept, OLD.needs_second,
        OLD.made_by_id, OLD.made_at)
        OR (OLD.state <> 'proposed' AND (NEW.decided_by_id, NEW.decided_at) IS DISTINCT FROM
            (OLD.decided_by_id, OLD.decided_at))
    THEN
        RAISE EXCEPTION 'what was answered and decided is fixed'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('proposed', 'approved'), ('proposed', 'rejected'),
        ('approved', 'sending'), ('approved', 'manual'),
        ('sending', 'sent'), ('sending', 'declined'), ('sending', 'manual'),
        ('manual', 'done'), ('manual', 'declined')
    ) THEN
        RAISE EXCEPTION 'answer: no way from % to %', OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dispute_answer_guard BEFORE UPDATE OR DELETE ON refunds_disputeanswer
    FOR EACH ROW EXECUTE FUNCTION dispute_answer_guard();
"""

BACKWARD = """
DROP TRIGGER dispute_answer_guard ON refunds_disputeanswer;
DROP FUNCTION dispute_answer_guard();
DROP TRIGGER refund_event_no_truncate ON refunds_refundevent;
DROP TRIGGER refund_event_guard ON refunds_refundevent;
DROP FUNCTION refund_event_guard();
DROP TRIGGER refund_request_guard ON refunds_refundrequest;
DROP FUNCTION refund_request_guard();
DROP TRIGGER refund_request_fits ON refunds_refundrequest;
DROP FUNCTION refund_request_fits();
DROP FUNCTION refund_room(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("refunds", "0001_initial"), ("payments", "0008_name_disputes")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
