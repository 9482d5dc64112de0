"""Rules get a life in versions: states, effective dates, maker and checker, keys and windows."""

import datetime
from datetime import date, timedelta

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import cspdcl.kernel.clock

FIRST_DAY = date(2000, 1, 1)


def give_lives(apps, schema_editor):
    """What runs use is in force; what it followed is retired; of a rule that rests, its last."""
    Rule = apps.get_model("reconciliation", "Rule")
    by_code = {}
    for rule in Rule.objects.order_by("code", "version"):
        by_code.setdefault(rule.code, []).append(rule)
    for versions in by_code.values():
        held = next((one for one in versions if one.is_active), versions[-1])
        for one, following in zip(versions, [*versions[1:], None], strict=True):
            begins = one is not versions[0]
            one.effective_from = one.created_at.date() if begins else FIRST_DAY
            one.state = "active" if one is held else "retired"
            if one is not held:
                one.is_active = True  # in its time
                until = following.created_at.date() if following else one.effective_from
                one.effective_until = until - timedelta(days=1)
            one.save()


class Migration(migrations.Migration):
    dependencies = [
        ("reconciliation", "0010_hand_on"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BackTest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("content_hash", models.CharField(max_length=64)),
                ("against", models.JSONField(default=dict)),
                ("days", models.PositiveSmallIntegerField()),
                ("since", models.DateField()),
                ("until", models.DateField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "asked for"),
                            ("running", "at work"),
                            ("done", "done"),
                            ("failed", "failed"),
                        ],
                        default="queued",
                        max_length=8,
                    ),
                ),
                ("asked_at", models.DateTimeField(default=cspdcl.kernel.clock.now)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("found", models.JSONField(default=dict)),
                ("problem", models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.CreateModel(
            name="RuleTally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("matched_count", models.BigIntegerField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="rule",
            name="rule_one_active_version",
        ),
        migrations.AddField(
            model_name="rule",
            name="ambiguity",
            field=models.CharField(
                choices=[
                    ("never", "matched by nobody but people"),
                    ("twins", "equal twins of one payer together, else by nobody but people"),
                ],
                default="never",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="answer",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name="rule",
            name="checked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="rule",
            name="checker",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="direction",
            field=models.CharField(
                choices=[
                    ("either", "before or after"),
                    ("later", "the other side on the same day or later"),
                ],
                default="either",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="effective_from",
            field=models.DateField(default=datetime.date(2000, 1, 1)),
        ),
        migrations.AddField(
            model_name="rule",
            name="effective_until",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="rule",
            name="fallbacks",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="rule",
            name="maker",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="reason",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name="rule",
            name="state",
            field=models.CharField(
                choices=[
                    ("draft", "being written"),
                    ("proposed", "waits for a second person"),
                    ("active", "in force"),
                    ("retired", "followed by another"),
                    ("withdrawn", "never came into force"),
                ],
                default="draft",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="window_days",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="rule",
            name="cardinality",
            field=models.CharField(
                choices=[
                    ("one_to_one", "one to one"),
                    ("many_to_one", "many to one credit"),
                    ("many_to_many", "all that share the key, by their sums"),
                    ("nil", "what comes to nothing together"),
                    ("carried", "a settlement with what was carried on"),
                    ("in_parts", "a settlement in several credits"),
                ],
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="rule",
            name="key",
            field=models.CharField(
                choices=[
                    ("channel_ref", "the channel's id"),
                    ("reference", "our reference"),
                    ("rrn", "the RRN"),
                    ("utr", "the UTR"),
                    ("deposit_ref", "the deposit slip"),
                    ("evidence", "the line it was made of"),
                    ("instrument", "the number of the cheque"),
                ],
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="backtest",
            name="asked_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="backtest",
            name="rule",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="back_tests",
                to="reconciliation.rule",
            ),
        ),
        migrations.AddField(
            model_name="ruletally",
            name="rule",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tallies",
                to="reconciliation.rule",
            ),
        ),
        migrations.AddField(
            model_name="ruletally",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tallies",
                to="reconciliation.run",
            ),
        ),
        migrations.RunPython(give_lives, migrations.RunPython.noop),
    ]
