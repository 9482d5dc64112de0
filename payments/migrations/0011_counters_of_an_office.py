"""Deposits belong to an office, counters may keep shifts, and we may add charges to the dues."""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
UPDATE payments_deposit AS deposit SET office_id = counter.office_id
  FROM payments_counter AS counter WHERE counter.id = deposit.counter_id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0010_find_bills_by_amount"),
        ("people", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            "bill",
            "kind",
            models.CharField(
                choices=[("bill", "bill"), ("charge", "charge")], default="bill", max_length=6
            ),
        ),
        migrations.AddField("counter", "keeps_shifts", models.BooleanField(default=True)),
        migrations.AlterField(
            "deposit",
            "counter",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deposits",
                to="payments.counter",
            ),
        ),
        migrations.AddField(
            "deposit",
            "office",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deposits",
                to="people.office",
            ),
        ),
        migrations.RunSQL(
            [FORWARD, "SET CONSTRAINTS ALL IMMEDIATE"], reverse_sql=migrations.RunSQL.noop
        ),
        migrations.AlterField(
            "deposit",
            "office",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deposits",
                to="people.office",
            ),
        ),
    ]
