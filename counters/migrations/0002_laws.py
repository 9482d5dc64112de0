"""What the database refuses: moves off the legal edges, and changes of what was written down."""

from django.db import migrations

from counters.states import PAPER_TRANSITIONS, SHIFT_TRANSITIONS


def _edges(transitions: dict) -> str:
    return ", ".join(
        f"('{was.value}', '{to.value}')"
        for was, targets in transitions.items()
        for to in sorted(targets)
    )


APPEND_ONLY = (
    "instrumentevent",
    "drawercount",
    "surprisecheck",
    "safecount",
    "collectionline",
)
DATED = ("cashrule", "returncharge", "surchargerate")

FORWARD = (
    f"""
CREATE FUNCTION counters_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION counters_shift_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.counter_id <> OLD.counter_id OR NEW.clerk_id <> OLD.clerk_id
        OR NEW.office_day_id <> OLD.office_day_id
        OR (NEW.state <> OLD.state
            AND (OLD.state, NEW.state) NOT IN ({_edges(SHIFT_TRANSITIONS)}))
    THEN
        RAISE EXCEPTION 'shift %: a shift is opened, counted and closed, nothing else', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER counters_shift_guard BEFORE UPDATE OR DELETE ON counters_shift
    FOR EACH ROW EXECUTE FUNCTION counters_shift_guard();

CREATE FUNCTION counters_instrument_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.amount_paise <> OLD.amount_paise OR NEW.method <> OLD.method
        OR NEW.number <> OLD.number OR NEW.office_id <> OLD.office_id
        OR (NEW.state <> OLD.state
            AND (OLD.state, NEW.state) NOT IN ({_edges(PAPER_TRANSITIONS)}))
    THEN
        RAISE EXCEPTION 'instrument %: what it is stays, and it moves along its life only', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER counters_instrument_guard BEFORE UPDATE OR DELETE ON counters_instrument
    FOR EACH ROW EXECUTE FUNCTION counters_instrument_guard();

CREATE FUNCTION counters_cash_move_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state <> 'asked' OR NEW.amount_paise <> OLD.amount_paise
        OR NEW.kind <> OLD.kind OR NEW.office_day_id <> OLD.office_day_id
        OR (NEW.from_shift_id, NEW.from_safe, NEW.to_safe)
            IS DISTINCT FROM (OLD.from_shift_id, OLD.from_safe, OLD.to_safe)
        -- A float may find its shift when it is counted into it.
        OR (NEW.to_shift_id IS DISTINCT FROM OLD.to_shift_id
            AND NOT (OLD.kind = 'float' AND OLD.to_shift_id IS NULL AND NEW.state = 'done'))
    THEN
        RAISE EXCEPTION 'cash move %: it is answered once and changed never', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER counters_cash_move_guard BEFORE UPDATE OR DELETE ON counters_cashmove
    FOR EACH ROW EXECUTE FUNCTION counters_cash_move_guard();

-- A closed day stays closed, and nothing is dated on it any more.
CREATE FUNCTION counters_office_day_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state = 'closed' OR NEW.office_id <> OLD.office_id
        OR NEW.business_date <> OLD.business_date
    THEN
        RAISE EXCEPTION 'office day %: a closed day stays closed', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER counters_office_day_guard BEFORE UPDATE OR DELETE ON counters_officeday
    FOR EACH ROW EXECUTE FUNCTION counters_office_day_guard();

CREATE FUNCTION counters_day_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM counters_officeday
      WHERE id = NEW.office_day_id AND state = 'open' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'office day % is closed', NEW.office_day_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER counters_shift_day BEFORE INSERT ON counters_shift
    FOR EACH ROW EXECUTE FUNCTION counters_day_is_open();
CREATE TRIGGER counters_cash_move_day BEFORE INSERT ON counters_cashmove
    FOR EACH ROW EXECUTE FUNCTION counters_day_is_open();

-- Days close in their order: what is dated up to the last closed day comes too late.
CREATE FUNCTION counters_dated_open(office bigint, dated date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM counters_officeday
      WHERE office_id = office AND business_date = dated FOR SHARE;
    IF EXISTS (SELECT 1 FROM counters_officeday
                WHERE office_id = office AND business_date >= dated AND state = 'closed')
    THEN
        RAISE EXCEPTION 'the day % of office % is closed', dated, office
            USING ERRCODE = 'restrict_violation';
    END IF;
END $$;

CREATE FUNCTION counters_officeday_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM counters_dated_open(NEW.office_id, NEW.business_date);
    ELSIF NEW.state = 'closed' AND EXISTS (
        SELECT 1 FROM counters_officeday
         WHERE office_id = NEW.office_id AND business_date < NEW.business_date AND state = 'open')
    THEN
        RAISE EXCEPTION 'office %: an earlier day is still open', NEW.office_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER counters_officeday_in_order BEFORE INSERT OR UPDATE ON counters_officeday
    FOR EACH ROW EXECUTE FUNCTION counters_officeday_in_order();

CREATE FUNCTION counters_collection_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM counters_dated_open(
        (SELECT office_id FROM payments_counter WHERE id = NEW.counter_id), NEW.business_date);
    RETURN NEW;
END $$;
CREATE TRIGGER counters_collection_day BEFORE INSERT ON counters_collection
    FOR EACH ROW EXECUTE FUNCTION counters_collection_day();

CREATE FUNCTION counters_deposit_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM counters_dated_open(NEW.office_id, NEW.business_date);
    RETURN NEW;
END $$;
CREATE TRIGGER counters_deposit_day BEFORE INSERT ON payments_deposit
    FOR EACH ROW EXECUTE FUNCTION counters_deposit_day();

-- A slip is on paper at the bank: what stands on it stays.
CREATE FUNCTION counters_slip_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.deposit_id <> OLD.deposit_id OR NEW.submit_key <> OLD.submit_key
        OR NEW.denominations <> OLD.denominations
        OR NEW.instrument_count <> OLD.instrument_count
        OR NEW.difference_paise <> OLD.difference_paise
        OR (OLD.bag_id IS NOT NULL AND NEW.bag_id IS DISTINCT FROM OLD.bag_id)
    THEN
        RAISE EXCEPTION 'slip %: what stands on it stays', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER counters_slip_guard BEFORE UPDATE OR DELETE ON counters_slip
    FOR EACH ROW EXECUTE FUNCTION counters_slip_guard();

-- A device is its key and its series; what it has sent only grows, and a revocation is for good.
CREATE FUNCTION counters_device_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.public_key <> OLD.public_key OR NEW.series <> OLD.series
        OR NEW.counter_id <> OLD.counter_id OR NEW.last_sequence < OLD.last_sequence
        OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
    THEN
        RAISE EXCEPTION 'device %: it keeps key and series, and stays revoked', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER counters_device_guard BEFORE UPDATE OR DELETE ON counters_device
    FOR EACH ROW EXECUTE FUNCTION counters_device_guard();

-- Numbers that are out stay out until they are handed back; then nothing of them changes.
CREATE FUNCTION counters_number_range_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.returned_at IS NOT NULL OR NEW.device_id <> OLD.device_id
        OR NEW.shift_id <> OLD.shift_id OR NEW.year <> OLD.year OR NEW.first <> OLD.first
        OR NEW.last < OLD.last OR NEW.used_until < OLD.used_until
    THEN
        RAISE EXCEPTION 'number range %: it grows while it is out, and nothing else', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER counters_number_range_guard BEFORE UPDATE OR DELETE ON counters_numberrange
    FOR EACH ROW EXECUTE FUNCTION counters_number_range_guard();

-- What a device has signed is evidence; only its fate is written, and once.
CREATE FUNCTION counters_offline_item_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.body <> OLD.body OR NEW.signature <> OLD.signature
        OR NEW.content_hash <> OLD.content_hash OR NEW.device_id <> OLD.device_id
        OR (NEW.sequence, NEW.receipt_number, NEW.amount_paise, NEW.shift_id, NEW.is_linked)
            IS DISTINCT FROM
           (OLD.sequence, OLD.receipt_number, OLD.amount_paise, OLD.shift_id, OLD.is_linked)
        OR (OLD.state, NEW.state) NOT IN (
            ('person', 'person'), ('person', 'taken'), ('person', 'void_asked'),
            ('void_asked', 'person'), ('void_asked', 'void'))
    THEN
        RAISE EXCEPTION 'offline item %: it stays as it came, and is settled once', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER counters_offline_item_guard BEFORE UPDATE OR DELETE ON counters_offlineitem
    FOR EACH ROW EXECUTE FUNCTION counters_offline_item_guard();

-- What has been in force stays as it was: of such a row only a last day to come may be set.
CREATE FUNCTION counters_dated_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    today date := (now() AT TIME ZONE 'Asia/Kolkata')::date;
    was jsonb := to_jsonb(OLD) - 'valid_until';
    ended date := (to_jsonb(OLD) ->> 'valid_until')::date;
BEGIN
    IF OLD.valid_from > today THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'DELETE' OR to_jsonb(NEW) - 'valid_until' <> was OR ended < today
        OR (to_jsonb(NEW) ->> 'valid_until')::date < today
    THEN
        RAISE EXCEPTION '% %: what has been in force stays; add a row', TG_TABLE_NAME, OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""  # noqa: S608 - made of our own states and tables
    + "".join(
        f"""
CREATE TRIGGER counters_{table}_guard BEFORE UPDATE OR DELETE ON counters_{table}
    FOR EACH ROW EXECUTE FUNCTION counters_append_only();
"""
        for table in APPEND_ONLY
    )
    + "".join(
        f"""
CREATE TRIGGER counters_{table}_guard BEFORE UPDATE OR DELETE ON counters_{table}
    FOR EACH ROW EXECUTE FUNCTION counters_dated_guard();
"""
        for table in DATED
    )
)

BACKWARD = (
    "".join(
        f"DROP TRIGGER counters_{table}_guard ON counters_{table};\n"
        for table in (*APPEND_ONLY, *DATED)
    )
    + """
DROP FUNCTION counters_dated_guard();
DROP TRIGGER counters_offline_item_guard ON counters_offlineitem;
DROP FUNCTION counters_offline_item_guard();
DROP TRIGGER counters_number_range_guard ON counters_numberrange;
DROP FUNCTION counters_number_range_guard();
DROP TRIGGER counters_device_guard ON counters_device;
DROP FUNCTION counters_device_guard();
DROP TRIGGER counters_slip_guard ON counters_slip;
DROP FUNCTION counters_slip_guard();
DROP TRIGGER counters_deposit_day ON payments_deposit;
DROP FUNCTION counters_deposit_day();
DROP TRIGGER counters_collection_day ON counters_collection;
DROP FUNCTION counters_collection_day();
DROP TRIGGER counters_officeday_in_order ON counters_officeday;
DROP FUNCTION counters_officeday_in_order();
DROP FUNCTION counters_dated_open(bigint, date);
DROP TRIGGER counters_cash_move_day ON counters_cashmove;
DROP TRIGGER counters_shift_day ON counters_shift;
DROP FUNCTION counters_day_is_open();
DROP TRIGGER counters_office_day_guard ON counters_officeday;
DROP FUNCTION counters_office_day_guard();
DROP TRIGGER counters_cash_move_guard ON counters_cashmove;
DROP FUNCTION counters_cash_move_guard();
DROP TRIGGER counters_instrument_guard ON counters_instrument;
DROP FUNCTION counters_instrument_guard();
DROP TRIGGER counters_shift_guard ON counters_shift;
DROP FUNCTION counters_shift_guard();
DROP FUNCTION counters_append_only();
"""
)


class Migration(migrations.Migration):
    dependencies = [("counters", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
