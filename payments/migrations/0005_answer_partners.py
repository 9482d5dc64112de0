"""What a partner is told again, and what it is still owed an answer to."""

import django.db.models.deletion
from django.db import migrations, models

import cspdcl.kernel.clock


class Migration(migrations.Migration):
    dependencies = [
        ("paychannels", "0004_count_replays_and_addresses"),
        ("payments", "0004_find_what_must_be_asked"),
    ]

    operations = [
        migrations.CreateModel(
            name="OwedReply",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("message_ref", models.CharField(max_length=96)),
                ("question", models.BinaryField()),
                (
                    "state",
                    models.CharField(
                        choices=[("due", "to be sent"), ("sent", "sent"), ("given_up", "given up")],
                        default="due",
                        max_length=8,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_try_at", models.DateTimeField(default=cspdcl.kernel.clock.now)),
                ("outcome", models.CharField(blank=True, max_length=200)),
                ("asked_at", models.DateTimeField(default=cspdcl.kernel.clock.now)),
                (
                    "channel",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="paychannels.channel",
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="paychannels.inboundmessage",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "due")),
                        fields=["next_try_at", "id"],
                        name="owed_reply_due",
                    ),
                    models.Index(
                        condition=models.Q(("message__isnull", True)),
                        fields=["asked_at"],
                        name="owed_reply_old",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("channel", "message_ref"), name="owed_reply_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["due", "sent", "given_up"])),
                        name="owed_reply_state_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RefusedAsk",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=96)),
                ("fingerprint", models.CharField(max_length=64)),
                ("code", models.CharField(max_length=24)),
                ("detail", models.CharField(blank=True, max_length=200)),
                ("at", models.DateTimeField(default=cspdcl.kernel.clock.now)),
                (
                    "channel",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="paychannels.channel",
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="paychannels.inboundmessage",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("channel", "key"), name="refused_ask_once")
                ],
            },
        ),
    ]
