"""Laws of the rules: one version in force, a second person, and what was proposed is final."""

from django.db import migrations, models

FORWARD = """
-- A version is written, proposed, in force, followed. Only while it is written may it be altered;
-- of those that held for some days no two of one rule may hold for the same day.
CREATE FUNCTION rule_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    life text[] := ARRAY['state', 'effective_until', 'checker_id', 'checked_at', 'answer'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'rules are kept' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state <> 'draft'
       AND (to_jsonb(NEW) - life <> to_jsonb(OLD) - life
            OR (OLD.state, NEW.state) NOT IN (('proposed', 'active'), ('proposed', 'withdrawn'),
                                              ('active', 'retired'))) THEN
        RAISE EXCEPTION 'a version of a rule is final; a change is another version'
              USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'draft' AND NEW.state IN ('active', 'retired') THEN
        RAISE EXCEPTION 'a version is proposed before it comes into force'
              USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'active'
       AND to_jsonb(NEW) - 'state' - 'effective_until'
           <> to_jsonb(OLD) - 'state' - 'effective_until' THEN
        RAISE EXCEPTION 'a version in force only ends' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state IN ('active', 'retired') AND EXISTS (
        SELECT FROM reconciliation_rule r
         WHERE r.code = NEW.code AND r.id <> NEW.id AND r.state IN ('active', 'retired')
           AND r.effective_from <= coalesce(r.effective_until, 'infinity')
           AND NEW.effective_from <= coalesce(NEW.effective_until, 'infinity')
           AND r.effective_from <= coalesce(NEW.effective_until, 'infinity')
           AND NEW.effective_from <= coalesce(r.effective_until, 'infinity')) THEN
        RAISE EXCEPTION 'two versions of % would hold for one day', NEW.code
              USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rule_guard BEFORE INSERT OR UPDATE OR DELETE ON reconciliation_rule
    FOR EACH ROW EXECUTE FUNCTION rule_guard();

-- What was tried stays as it was answered.
CREATE FUNCTION back_test_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state IN ('queued', 'running') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'back-tests are kept as they ended' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER back_test_guard BEFORE UPDATE OR DELETE ON reconciliation_backtest
    FOR EACH ROW EXECUTE FUNCTION back_test_guard();
"""

BACKWARD = """
DROP TRIGGER back_test_guard ON reconciliation_backtest;
DROP FUNCTION back_test_guard();
DROP TRIGGER rule_guard ON reconciliation_rule;
DROP FUNCTION rule_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0011_version_rules")]

    operations = [
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "active")),
                fields=("code",),
                name="rule_one_version_in_force",
            ),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["draft", "proposed"])),
                fields=("code",),
                name="rule_one_version_in_the_making",
            ),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("direction__in", ["either", "later"]),
                    ("state__in", ["draft", "proposed", "active", "retired", "withdrawn"]),
                ),
                name="rule_words_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("window_days__isnull", True), ("window_days__lte", 30), _connector="OR"
                ),
                name="rule_window_is_a_month",
            ),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ambiguity", "never"),
                    models.Q(
                        ("ambiguity", "twins"),
                        ("cardinality", "one_to_one"),
                        ("leg", "receipt_channel"),
                    ),
                    _connector="OR",
                ),
                name="rule_twins_never_of_bank_credits",
            ),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("checker__isnull", True),
                    ("maker__isnull", True),
                    models.Q(("maker", models.F("checker")), _negated=True),
                    _connector="OR",
                ),
                name="rule_maker_is_not_checker",
            ),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["active", "retired"]), _negated=True),
                    ("maker__isnull", True),
                    models.Q(("checked_at__isnull", False), ("checker__isnull", False)),
                    _connector="OR",
                ),
                name="rule_of_a_person_has_a_checker",
            ),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("effective_until__isnull", False), ("state", "retired")),
                    models.Q(
                        models.Q(("state", "retired"), _negated=True),
                        ("effective_until__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="rule_ends_iff_retired",
            ),
        ),
        migrations.AddConstraint(
            model_name="backtest",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["queued", "running", "done", "failed"])),
                name="back_test_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="backtest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", False), ("state__in", ["done", "failed"])),
                    models.Q(
                        models.Q(("state__in", ["done", "failed"]), _negated=True),
                        ("finished_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="back_test_ended_iff_dated",
            ),
        ),
        migrations.AddConstraint(
            model_name="backtest",
            constraint=models.CheckConstraint(
                condition=models.Q(("days__gte", 1), ("days__lte", 366)),
                name="back_test_days_of_a_year",
            ),
        ),
        migrations.AddConstraint(
            model_name="backtest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["queued", "running"])),
                fields=("rule",),
                name="back_test_one_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="ruletally",
            constraint=models.UniqueConstraint(fields=("run", "rule"), name="rule_tally_once"),
        ),
        migrations.AddConstraint(
            model_name="ruletally",
            constraint=models.CheckConstraint(
                condition=models.Q(("matched_count__gte", 0)), name="rule_tally_not_negative"
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
