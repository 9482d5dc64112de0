"""A consumer is found by the meter, too; rows written by hand are bills like all others."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0011_counters_of_an_office"),
        ("people", "0003_second_factor"),
    ]

    operations = [
        migrations.AddField(
            model_name="consumer",
            name="meter",
            field=models.CharField(blank=True, db_default="", max_length=20),
        ),
        migrations.AddIndex(
            model_name="consumer",
            index=models.Index(
                condition=models.Q(("meter", ""), _negated=True),
                fields=["meter"],
                name="consumer_meter",
            ),
        ),
        migrations.AlterField(
            model_name="bill",
            name="kind",
            field=models.CharField(
                choices=[("bill", "bill"), ("charge", "charge")],
                db_default="bill",
                default="bill",
                max_length=6,
            ),
        ),
    ]
