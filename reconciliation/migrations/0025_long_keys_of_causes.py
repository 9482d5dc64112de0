"""A cause of a day stated anew may bear the longest key that a line can have."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0024_prove_by_source")]

    operations = [
        migrations.AlterField("daycause", "key", models.CharField(max_length=160)),
    ]
