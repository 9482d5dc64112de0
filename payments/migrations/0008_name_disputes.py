"""Disputes get a name for addresses; those that are there already, one each."""

from uuid import uuid4

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def name_them(apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A name for every dispute that has none."""
    rows = apps.get_model("payments", "Dispute").objects.filter(public_id=None)
    for key in list(rows.values_list("pk", flat=True)):
        rows.model.objects.filter(pk=key).update(public_id=uuid4())


class Migration(migrations.Migration):
    dependencies = [("payments", "0007_dispute_laws")]

    operations = [
        migrations.AddField("dispute", "public_id", models.UUIDField(null=True)),
        migrations.RunPython(name_them, migrations.RunPython.noop),
        migrations.AlterField("dispute", "public_id", models.UUIDField(default=uuid4, unique=True)),
    ]
