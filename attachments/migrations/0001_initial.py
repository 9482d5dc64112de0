import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import cspdcl.kernel.clock


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("people", "0003_second_factor"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Attachment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("instrument_front", "Front of the instrument"),
                            ("instrument_back", "Back of the instrument"),
                            ("deposit_slip", "Deposit slip with the bank's stamp"),
                            ("return_memo", "Return memo of the bank"),
                            ("other", "Another paper"),
                        ],
                        max_length=20,
                    ),
                ),
                ("sha256", models.CharField(max_length=64)),
                ("byte_size", models.PositiveIntegerField()),
                (
                    "came_as",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("image/jpeg", "JPEG"),
                            ("image/png", "PNG"),
                            ("application/pdf", "PDF"),
                        ],
                        max_length=20,
                    ),
                ),
                ("width", models.PositiveIntegerField(null=True)),
                ("height", models.PositiveIntegerField(null=True)),
                ("pages", models.PositiveSmallIntegerField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("quarantined", "waits for the virus scanner"),
                            ("clean", "kept"),
                            ("refused", "not taken"),
                            ("infected", "harmful, removed"),
                        ],
                        max_length=16,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("scanned_at", models.DateTimeField(null=True)),
                ("tried_at", models.DateTimeField(null=True)),
                ("uploaded_at", models.DateTimeField(default=cspdcl.kernel.clock.now)),
                (
                    "office",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.office",
                    ),
                ),
                (
                    "uploaded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "quarantined")),
                        fields=["tried_at"],
                        name="attachment_quarantined",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "instrument_front",
                                    "instrument_back",
                                    "deposit_slip",
                                    "return_memo",
                                    "other",
                                ],
                            )
                        ),
                        name="attachment_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["quarantined", "clean", "refused", "infected"])
                        ),
                        name="attachment_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("came_as__in", ["", "image/jpeg", "image/png", "application/pdf"])
                        ),
                        name="attachment_came_as_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("height__isnull", True),
                                ("pages__isnull", True),
                                ("state", "refused"),
                                ("width__isnull", True),
                            ),
                            models.Q(
                                models.Q(("state", "refused"), _negated=True),
                                ("height__isnull", False),
                                ("pages__isnull", False),
                                ("width__isnull", False),
                                ("height__gt", 0),
                                ("pages__gt", 0),
                                ("width__gt", 0),
                            ),
                            _connector="OR",
                        ),
                        name="attachment_measured_unless_refused",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "clean"),
                            models.Q(("reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="attachment_says_why_not",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AttachmentContent",
            fields=[
                (
                    "attachment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="content",
                        serialize=False,
                        to="attachments.attachment",
                    ),
                ),
                ("sealed", models.BinaryField()),
                ("sealed_small", models.BinaryField()),
                ("sealed_original", models.BinaryField(null=True)),
            ],
        ),
    ]
