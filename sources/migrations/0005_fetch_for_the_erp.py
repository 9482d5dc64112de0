"""Files of the ERP are fetched as all others are."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("paychannels", "0009_know_the_erp"),
        ("sources", "0004_map_tables"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="fetchplan",
            name="fetch_plan_has_one_source",
        ),
        migrations.RemoveConstraint(
            model_name="sourcesecret",
            name="source_secret_has_one_source",
        ),
        migrations.RemoveConstraint(
            model_name="sourcesecret",
            name="source_secret_once",
        ),
        migrations.AddField(
            model_name="fetchplan",
            name="ledger",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="fetch_plans",
                to="paychannels.ledgersystem",
            ),
        ),
        migrations.AddField(
            model_name="sourcesecret",
            name="ledger",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="paychannels.ledgersystem",
            ),
        ),
        migrations.AddConstraint(
            model_name="fetchplan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("bank_account__isnull", True),
                        ("channel__isnull", False),
                        ("ledger__isnull", True),
                    ),
                    models.Q(
                        ("bank_account__isnull", False),
                        ("channel__isnull", True),
                        ("ledger__isnull", True),
                    ),
                    models.Q(
                        ("bank_account__isnull", True),
                        ("channel__isnull", True),
                        ("ledger__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="fetch_plan_has_one_source",
            ),
        ),
        migrations.AddConstraint(
            model_name="sourcesecret",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("bank_account__isnull", True),
                        ("channel__isnull", False),
                        ("ledger__isnull", True),
                    ),
                    models.Q(
                        ("bank_account__isnull", False),
                        ("channel__isnull", True),
                        ("ledger__isnull", True),
                    ),
                    models.Q(
                        ("bank_account__isnull", True),
                        ("channel__isnull", True),
                        ("ledger__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="source_secret_has_one_source",
            ),
        ),
        migrations.AddConstraint(
            model_name="sourcesecret",
            constraint=models.UniqueConstraint(
                fields=("channel", "bank_account", "ledger", "name"),
                name="source_secret_once",
                nulls_distinct=False,
            ),
        ),
    ]
