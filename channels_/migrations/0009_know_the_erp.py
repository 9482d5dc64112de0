"""The ERP as a source of files beside channels and bank accounts."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("paychannels", "0008_owe_files"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LedgerSystem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("file_due_at", models.TimeField(blank=True, null=True)),
                (
                    "file_days",
                    models.CharField(
                        choices=[("every", "every day"), ("working", "working days of banks")],
                        default="every",
                        max_length=8,
                    ),
                ),
                ("file_due_days", models.PositiveSmallIntegerField(default=1)),
                (
                    "file_policy",
                    models.CharField(
                        choices=[
                            ("strict", "the whole file is refused"),
                            ("row", "the line is set aside, the rest is loaded"),
                        ],
                        default="strict",
                        max_length=8,
                    ),
                ),
                ("file_compared", models.BooleanField(default=True)),
                ("code", models.SlugField(max_length=24, unique=True)),
                ("name", models.CharField(max_length=80)),
                ("compared_from", models.DateField()),
                ("posting_days", models.PositiveSmallIntegerField(default=1)),
                ("clarification_days", models.PositiveSmallIntegerField(default=5)),
                ("settings", models.JSONField(blank=True, default=dict)),
                ("is_the_one", models.BooleanField(default=True, editable=False, unique=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("is_the_one", True)), name="ledger_system_is_the_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("file_days__in", ["every", "working"]),
                            ("file_policy__in", ["strict", "row"]),
                        ),
                        name="ledger_system_file_words_known",
                    ),
                ],
            },
        ),
        migrations.RemoveConstraint(
            model_name="statementfile",
            name="statement_file_has_one_source",
        ),
        migrations.RemoveConstraint(
            model_name="statementfile",
            name="statement_file_loaded_once",
        ),
        migrations.RemoveConstraint(
            model_name="statementfile",
            name="statement_file_waits_once",
        ),
        migrations.AddField(
            model_name="statementfile",
            name="ledger",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="files",
                to="paychannels.ledgersystem",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementfile",
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
                name="statement_file_has_one_source",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementfile",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "loaded")),
                fields=("channel", "bank_account", "ledger", "sha256"),
                name="statement_file_loaded_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="statementfile",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "waiting")),
                fields=("channel", "bank_account", "ledger", "sha256"),
                name="statement_file_waits_once",
                nulls_distinct=False,
            ),
        ),
    ]
