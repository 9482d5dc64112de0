"""Laws of the float: entries only grow, each continues the one before, the account follows them."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION float_entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'float entries are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER float_entry_guard BEFORE UPDATE OR DELETE ON agencies_floatentry
    FOR EACH ROW EXECUTE FUNCTION float_entry_guard();
CREATE TRIGGER float_entry_no_truncate BEFORE TRUNCATE ON agencies_floatentry
    FOR EACH STATEMENT EXECUTE FUNCTION float_entry_guard();

CREATE FUNCTION float_entry_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before bigint := 0;
BEGIN
    IF NEW.number > 1 THEN
        SELECT balance_after_paise INTO before FROM agencies_floatentry
         WHERE account_id = NEW.account_id AND number = NEW.number - 1;
    END IF;
    IF NEW.number < 1 OR before IS NULL OR before + NEW.amount_paise <> NEW.balance_after_paise THEN
        RAISE EXCEPTION 'float entry %: does not continue the one before', NEW.number
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER float_entry_chain BEFORE INSERT ON agencies_floatentry
    FOR EACH ROW EXECUTE FUNCTION float_entry_chain();

-- The balance moves with its entry, which is written first, and never alone.
CREATE FUNCTION float_account_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'floats are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.balance_paise, NEW.entry_count) <> (0, 0) THEN
            RAISE EXCEPTION 'a float begins with nothing' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.balance_paise, NEW.entry_count) <> (OLD.balance_paise, OLD.entry_count) AND NOT (
        NEW.entry_count = OLD.entry_count + 1 AND EXISTS (
            SELECT FROM agencies_floatentry
             WHERE account_id = NEW.id AND number = NEW.entry_count
               AND balance_after_paise = NEW.balance_paise
        )
    ) THEN
        RAISE EXCEPTION 'a float moves with its entry only' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER float_account_guard BEFORE INSERT OR UPDATE OR DELETE ON agencies_floataccount
    FOR EACH ROW EXECUTE FUNCTION float_account_guard();

CREATE FUNCTION float_entry_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM agencies_floataccount
         WHERE id = NEW.account_id AND entry_count >= NEW.number
    ) THEN
        RAISE EXCEPTION 'float entry %: the account does not follow it', NEW.number
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER float_entry_counted AFTER INSERT ON agencies_floatentry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION float_entry_counted();

-- What two persons decided stays as it is.
CREATE FUNCTION float_change_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state <> 'proposed' OR
        (NEW.account_id, NEW.kind, NEW.amount_paise, NEW.utr, NEW.why, NEW.maker_id, NEW.made_at)
        <> (OLD.account_id, OLD.kind, OLD.amount_paise, OLD.utr, OLD.why, OLD.maker_id, OLD.made_at)
    THEN
        RAISE EXCEPTION 'a proposal is answered once and changes in nothing else'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER float_change_guard BEFORE UPDATE OR DELETE ON agencies_floatchange
    FOR EACH ROW EXECUTE FUNCTION float_change_guard();
"""

BACKWARD = """
DROP TRIGGER float_change_guard ON agencies_floatchange;
DROP FUNCTION float_change_guard();
DROP TRIGGER float_entry_counted ON agencies_floatentry;
DROP FUNCTION float_entry_counted();
DROP TRIGGER float_account_guard ON agencies_floataccount;
DROP FUNCTION float_account_guard();
DROP TRIGGER float_entry_chain ON agencies_floatentry;
DROP FUNCTION float_entry_chain();
DROP TRIGGER float_entry_no_truncate ON agencies_floatentry;
DROP TRIGGER float_entry_guard ON agencies_floatentry;
DROP FUNCTION float_entry_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("agencies", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
