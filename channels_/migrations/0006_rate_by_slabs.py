"""Rates by slabs of the amount, and the most that a fee may be."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("paychannels", "0005_tell_disputes"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="feerate",
            name="fee_rate_once_a_day",
        ),
        migrations.AddField(
            model_name="feerate",
            name="cap_paise",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="feerate",
            name="from_paise",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddConstraint(
            model_name="feerate",
            constraint=models.UniqueConstraint(
                fields=("channel", "method", "network", "valid_from", "from_paise"),
                name="fee_rate_once_a_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="feerate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("from_paise__gte", 0),
                    models.Q(("cap_paise__isnull", True), ("cap_paise__gt", 0), _connector="OR"),
                ),
                name="fee_rate_slab_not_negative",
            ),
        ),
    ]
