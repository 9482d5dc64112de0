"""Sealing, and what refuses to alter the trail. people/audit_verify.py recomputes it apart."""

from django.db import migrations

FORWARD = """
-- The length goes first, so that no byte can move from one field into the next.
CREATE FUNCTION audit_counted(raw bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT int8send(octet_length(raw)::bigint) || raw
$$;

CREATE FUNCTION audit_digest(prev bytea, place bigint, e people_auditevent) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256(
        audit_counted(prev) || int8send(place) || int8send(e.id)
        || int8send((extract(epoch FROM e.at) * 1000000)::bigint)
        || int8send(coalesce(e.office_id, 0))
        || audit_counted(convert_to(e.actor, 'UTF8'))
        || audit_counted(convert_to(e.action, 'UTF8'))
        || audit_counted(convert_to(e.object_type, 'UTF8'))
        || audit_counted(convert_to(e.object_id, 'UTF8'))
        || audit_counted(sha256(convert_to(e.payload::text, 'UTF8')))
    )
$$;

CREATE FUNCTION audit_seal(most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    head people_audithead;
    event people_auditevent;
    sealed integer := 0;
BEGIN
    -- Only an untouched trail gets a first head; a lost head of a sealed one is a fault to be seen.
    INSERT INTO people_audithead (id, seq, hash)
    SELECT 1, 0, sha256('genesis'::bytea)
    WHERE NOT EXISTS (SELECT 1 FROM people_auditevent WHERE seq IS NOT NULL)
    ON CONFLICT (id) DO NOTHING;
    SELECT * INTO STRICT head FROM people_audithead WHERE id = 1 FOR UPDATE;  -- elects one sealer
    -- By "not sealed", not by "after the last id": who commits late is not missed.
    FOR event IN SELECT * FROM people_auditevent WHERE seq IS NULL ORDER BY id LIMIT most LOOP
        head.seq := head.seq + 1;
        UPDATE people_auditevent
        SET seq = head.seq, prev_hash = head.hash, hash = audit_digest(head.hash, head.seq, event)
        WHERE id = event.id
        RETURNING hash INTO head.hash;
        sealed := sealed + 1;
    END LOOP;
    UPDATE people_audithead SET seq = head.seq, hash = head.hash WHERE id = 1 AND sealed > 0;
    RETURN sealed;
END $$;

CREATE FUNCTION audit_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.seq IS NOT NULL THEN
            RAISE EXCEPTION 'events are sealed by audit_seal only' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.seq IS NOT NULL THEN
        RAISE EXCEPTION 'a sealed event cannot change' USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.at, NEW.actor, NEW.action, NEW.object_type, NEW.object_id, NEW.office_id, NEW.payload)
        IS DISTINCT FROM
       (OLD.id, OLD.at, OLD.actor, OLD.action, OLD.object_type, OLD.object_id, OLD.office_id, OLD.payload) THEN
        RAISE EXCEPTION 'an event cannot change' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION audit_anchor_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'anchors are append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER audit_event_guard BEFORE INSERT OR UPDATE OR DELETE ON people_auditevent
    FOR EACH ROW EXECUTE FUNCTION audit_guard();
CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON people_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION audit_guard();
CREATE TRIGGER audit_anchor_guard BEFORE UPDATE OR DELETE ON people_auditanchor
    FOR EACH ROW EXECUTE FUNCTION audit_anchor_guard();
CREATE TRIGGER audit_anchor_no_truncate BEFORE TRUNCATE ON people_auditanchor
    FOR EACH STATEMENT EXECUTE FUNCTION audit_anchor_guard();
"""

BACKWARD = """
DROP TRIGGER audit_event_guard ON people_auditevent;
DROP TRIGGER audit_event_no_truncate ON people_auditevent;
DROP TRIGGER audit_anchor_guard ON people_auditanchor;
DROP TRIGGER audit_anchor_no_truncate ON people_auditanchor;
DROP FUNCTION audit_anchor_guard();
DROP FUNCTION audit_guard();
DROP FUNCTION audit_seal(integer);
DROP FUNCTION audit_digest(bytea, bigint, people_auditevent);
DROP FUNCTION audit_counted(bytea);
"""


class Migration(migrations.Migration):
    dependencies = [("people", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
