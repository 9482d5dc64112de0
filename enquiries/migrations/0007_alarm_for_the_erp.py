"""An alarm when the file of postings has not come."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("enquiries", "0006_alarm_for_files"),
        ("paychannels", "0009_know_the_erp"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="alarm",
            name="alarm_open_once",
        ),
        migrations.RemoveConstraint(
            model_name="alarm",
            name="alarm_has_one_source",
        ),
        migrations.AddField(
            model_name="alarm",
            name="ledger",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="alarms",
                to="paychannels.ledgersystem",
            ),
        ),
        migrations.AddConstraint(
            model_name="alarm",
            constraint=models.UniqueConstraint(
                condition=models.Q(("cleared_at__isnull", True)),
                fields=("channel", "bank_account", "ledger", "kind"),
                name="alarm_open_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="alarm",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("bank_account__isnull", True),
                        ("channel__isnull", False),
                        ("ledger__isnull", True),
                    ),
                    models.Q(
                        ("channel__isnull", True),
                        ("kind__in", ["file", "fetch"]),
                        models.Q(
                            models.Q(("bank_account__isnull", False), ("ledger__isnull", True)),
                            models.Q(("bank_account__isnull", True), ("ledger__isnull", False)),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="alarm_has_one_source",
            ),
        ),
    ]
