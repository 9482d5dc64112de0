"""Days that close with a certificate: versions that only grow, and what touches them afterwards."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import cspdcl.kernel.clock

FORWARD = """
-- A version is proposed, signed, and one day superseded; nothing it says is altered after it is
-- signed. A proposal that was not signed stays, with the answer.
CREATE FUNCTION day_close_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state = 'proposed' AND NEW.state IN ('closed', 'withdrawn')
       AND (NEW.id, NEW.business_date, NEW.version, NEW.run_id, NEW.reason, NEW.made_at)
           = (OLD.id, OLD.business_date, OLD.version, OLD.run_id, OLD.reason, OLD.made_at)
       AND NEW.maker_id IS NOT DISTINCT FROM OLD.maker_id
       AND (NEW.state = 'closed' OR NEW.facts = OLD.facts) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'closed' AND NEW.state = 'superseded'
       AND to_jsonb(NEW) - 'state' = to_jsonb(OLD) - 'state' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'closed days are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER day_close_guard BEFORE UPDATE OR DELETE ON reconciliation_dayclose
    FOR EACH ROW EXECUTE FUNCTION day_close_guard();

-- A cause learns once which version lists it.
CREATE FUNCTION day_cause_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.stated_by_id IS NULL AND NEW.stated_by_id IS NOT NULL
       AND to_jsonb(NEW) - 'stated_by_id' = to_jsonb(OLD) - 'stated_by_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'causes of restatements are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER day_cause_guard BEFORE UPDATE OR DELETE ON reconciliation_daycause
    FOR EACH ROW EXECUTE FUNCTION day_cause_guard();
"""

BACKWARD = """
DROP TRIGGER day_cause_guard ON reconciliation_daycause;
DROP FUNCTION day_cause_guard();
DROP TRIGGER day_close_guard ON reconciliation_dayclose;
DROP FUNCTION day_close_guard();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("reconciliation", "0008_returned_cheques"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DayCause",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("business_date", models.DateField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("file", "late file"),
                            ("receipt", "late receipt"),
                            ("dishonour", "dishonoured cheque"),
                            ("undone", "match undone"),
                            ("correction", "correction"),
                        ],
                        max_length=10,
                    ),
                ),
                ("key", models.CharField(max_length=140)),
                ("reference", models.CharField(max_length=200)),
                ("amount_paise", models.BigIntegerField()),
                ("count", models.PositiveIntegerField(default=1)),
                ("at", models.DateTimeField()),
                ("facts", models.JSONField(default=dict)),
                ("found_at", models.DateTimeField(default=cspdcl.kernel.clock.now)),
            ],
        ),
        migrations.CreateModel(
            name="DayClose",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("business_date", models.DateField()),
                ("version", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "waits for a second person"),
                            ("closed", "closed"),
                            ("superseded", "restated since"),
                            ("withdrawn", "not signed"),
                        ],
                        default="proposed",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(max_length=300)),
                ("facts", models.JSONField()),
                ("made_at", models.DateTimeField(default=cspdcl.kernel.clock.now)),
                ("answer", models.CharField(blank=True, max_length=300)),
                ("closed_at", models.DateTimeField(null=True)),
                ("content_hash", models.CharField(blank=True, max_length=64)),
                ("key_id", models.CharField(blank=True, max_length=16)),
                ("signature", models.BinaryField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="run",
            name="carried",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="run",
            name="entries_until",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="run",
            name="input_hash",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="run",
            name="swept_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="match",
            index=models.Index(
                condition=models.Q(("undone_at__isnull", False)),
                fields=["undone_at"],
                name="match_undone",
            ),
        ),
        migrations.AddField(
            model_name="dayclose",
            name="checker",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="dayclose",
            name="maker",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="dayclose",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="reconciliation.run",
            ),
        ),
        migrations.AddField(
            model_name="daycause",
            name="stated_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="causes",
                to="reconciliation.dayclose",
            ),
        ),
        migrations.AddConstraint(
            model_name="dayclose",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "withdrawn"), _negated=True),
                fields=("business_date", "version"),
                name="day_close_version_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="dayclose",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "closed")),
                fields=("business_date",),
                name="day_close_one_live",
            ),
        ),
        migrations.AddConstraint(
            model_name="dayclose",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "proposed")),
                fields=("business_date",),
                name="day_close_one_proposed",
            ),
        ),
        migrations.AddConstraint(
            model_name="dayclose",
            constraint=models.CheckConstraint(
                condition=models.Q(("version__gte", 1)), name="day_close_version_counts"
            ),
        ),
        migrations.AddConstraint(
            model_name="dayclose",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("checker__isnull", True),
                    ("maker__isnull", True),
                    models.Q(("maker", models.F("checker")), _negated=True),
                    _connector="OR",
                ),
                name="day_close_maker_is_not_checker",
            ),
        ),
        migrations.AddConstraint(
            model_name="dayclose",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("checker__isnull", False),
                        ("state__in", ["closed", "superseded"]),
                        ("closed_at__isnull", False),
                        ("signature__isnull", False),
                        models.Q(("content_hash", ""), _negated=True),
                        models.Q(("key_id", ""), _negated=True),
                    ),
                    models.Q(
                        ("closed_at__isnull", True),
                        ("state__in", ["proposed", "withdrawn"]),
                        ("content_hash", ""),
                        ("key_id", ""),
                        ("signature__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="day_close_signed_iff_closed",
            ),
        ),
        migrations.AddIndex(
            model_name="daycause",
            index=models.Index(
                condition=models.Q(("stated_by__isnull", True)),
                fields=["business_date"],
                name="day_cause_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="daycause",
            constraint=models.UniqueConstraint(
                fields=("business_date", "kind", "key"), name="day_cause_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="daycause",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["file", "receipt", "dishonour", "undone", "correction"])
                ),
                name="day_cause_kind_known",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
