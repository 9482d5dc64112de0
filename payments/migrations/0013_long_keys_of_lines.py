"""A dispute's line may bear the longest key that a line of a report can have."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0012_find_by_meter")]

    operations = [
        migrations.AlterField("disputeline", "line_key", models.CharField(max_length=160)),
    ]
