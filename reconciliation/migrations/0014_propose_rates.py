"""Rate cards that two people bring into force; claims on channels that kept too much."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import cspdcl.kernel.clock

FORWARD = """
-- What was proposed is answered once, as it was proposed.
CREATE FUNCTION rate_card_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    life text[] := ARRAY['state', 'checker_id', 'checked_at', 'answer'];
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state = 'proposed' AND NEW.state <> 'proposed'
       AND to_jsonb(NEW) - life = to_jsonb(OLD) - life THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'rate cards are kept as they were proposed'
          USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER rate_card_guard BEFORE UPDATE OR DELETE ON reconciliation_ratecard
    FOR EACH ROW EXECUTE FUNCTION rate_card_guard();

CREATE FUNCTION fee_claim_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said text[] := ARRAY['answered_on', 'paid_back_paise', 'answer', 'answered_by_id'];
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.answered_on IS NULL AND NEW.answered_on IS NOT NULL
       AND to_jsonb(NEW) - said = to_jsonb(OLD) - said THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'claims are kept as they were sent' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER fee_claim_guard BEFORE UPDATE OR DELETE ON reconciliation_feeclaim
    FOR EACH ROW EXECUTE FUNCTION fee_claim_guard();
"""

BACKWARD = """
DROP TRIGGER fee_claim_guard ON reconciliation_feeclaim;
DROP FUNCTION fee_claim_guard();
DROP TRIGGER rate_card_guard ON reconciliation_ratecard;
DROP FUNCTION rate_card_guard();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("paychannels", "0006_rate_by_slabs"),
        ("reconciliation", "0013_outside_rules"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FeeClaim",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("month", models.DateField()),
                ("claimed_on", models.DateField()),
                ("claimed_count", models.BigIntegerField()),
                ("claimed_paise", models.BigIntegerField()),
                ("note", models.CharField(max_length=300)),
                ("answered_on", models.DateField(null=True)),
                ("paid_back_paise", models.BigIntegerField(null=True)),
                ("answer", models.CharField(blank=True, max_length=300)),
                (
                    "answered_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="fee_claims",
                        to="paychannels.channel",
                    ),
                ),
                (
                    "claimed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("channel", "month"), name="fee_claim_once_a_month"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("month__day", 1)),
                        name="fee_claim_month_begins_on_the_first",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("claimed_count__gt", 0), ("claimed_paise__gt", 0)),
                        name="fee_claim_of_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("answered_by__isnull", True),
                                ("answered_on__isnull", True),
                                ("paid_back_paise__isnull", True),
                            ),
                            models.Q(
                                ("answered_on__gte", models.F("claimed_on")),
                                ("paid_back_paise__gte", 0),
                                ("answered_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="fee_claim_answered_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RateCard",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "waits for a second person"),
                            ("approved", "approved"),
                            ("withdrawn", "never came into force"),
                        ],
                        default="proposed",
                        max_length=10,
                    ),
                ),
                ("valid_from", models.DateField()),
                ("rows", models.JSONField()),
                ("reason", models.CharField(max_length=300)),
                ("made_at", models.DateTimeField(default=cspdcl.kernel.clock.now)),
                ("checked_at", models.DateTimeField(null=True)),
                ("answer", models.CharField(blank=True, max_length=300)),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rate_cards",
                        to="paychannels.channel",
                    ),
                ),
                (
                    "checker",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "maker",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("channel", "number"), name="rate_card_number_once"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "proposed")),
                        fields=("channel",),
                        name="rate_card_one_proposed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["proposed", "approved", "withdrawn"])),
                        name="rate_card_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("checker__isnull", True),
                            models.Q(("maker", models.F("checker")), _negated=True),
                            _connector="OR",
                        ),
                        name="rate_card_maker_is_not_checker",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("checked_at__isnull", False),
                                ("checker__isnull", False),
                                ("state", "approved"),
                            ),
                            models.Q(("checker__isnull", True), ("state", "proposed")),
                            ("state", "withdrawn"),
                            _connector="OR",
                        ),
                        name="rate_card_approved_by_somebody",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
