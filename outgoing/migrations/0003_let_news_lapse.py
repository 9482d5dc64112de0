"""News that found no connection in time lapse: nobody must look at them."""

from django.db import migrations, models

FORWARD = """
CREATE OR REPLACE FUNCTION outgoing_guard() RETURNS trigger LANGUAGE plpgsql AS $$
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
        ('waiting', 'due'), ('waiting', 'sent'), ('waiting', 'lapsed'),
        ('due', 'sent'), ('due', 'given_up'), ('due', 'waiting'), ('due', 'lapsed'),
        ('given_up', 'due'), ('given_up', 'waiting'), ('given_up', 'sent'),
        ('lapsed', 'due')
    ) THEN
        RAISE EXCEPTION 'outgoing % %: no way from % to %', OLD.channel, OLD.key, OLD.state,
            NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""

BACKWARD = """
CREATE OR REPLACE FUNCTION outgoing_guard() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""


class Migration(migrations.Migration):
    dependencies = [
        ("outgoing", "0002_laws"),
        ("people", "0003_second_factor"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="outgoing",
            name="outgoing_state_known",
        ),
        migrations.RemoveConstraint(
            model_name="outgoing",
            name="outgoing_wiped_after_its_end",
        ),
        migrations.RemoveIndex(
            model_name="outgoing",
            name="outgoing_open",
        ),
        migrations.AddField(
            model_name="outgoing",
            name="revived_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="outgoing",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "waits for a connection or a person"),
                    ("due", "to be sent"),
                    ("sent", "sent"),
                    ("given_up", "given up"),
                    ("lapsed", "too old to be sent"),
                ],
                max_length=8,
            ),
        ),
        migrations.AddIndex(
            model_name="outgoing",
            index=models.Index(
                condition=models.Q(("state__in", ["waiting", "given_up"])),
                fields=["channel", "state", "made_at"],
                name="outgoing_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="outgoing",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["waiting", "due", "sent", "given_up", "lapsed"])),
                name="outgoing_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="outgoing",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("wiped_at__isnull", True),
                    ("state__in", ["sent", "given_up", "lapsed"]),
                    _connector="OR",
                ),
                name="outgoing_wiped_after_its_end",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
