"""Finds the payments whose news proved nothing alone, whatever their state."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_ask_when_unproved")]

    operations = [
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                fields=["ask_from"],
                condition=models.Q(ask_from__isnull=False),
                name="payment_ask_from",
            ),
        ),
    ]
