"""The days of RBI/2019-20/67 as rows, in force from 15 October 2019."""

from datetime import date

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

FROM = date(2019, 10, 15)
SOURCE = "RBI/2019-20/67, 20 September 2019"
DAYS = {
    "upi": 5,
    "card": 5,
    "netbanking": 5,
    "wallet": 5,
    "imps": 1,
    "neft": 1,
    "rtgs": 1,
    "": 5,
}


def start(apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The rules of a new installation."""
    rule = apps.get_model("enquiries", "TatRule")
    rule.objects.bulk_create(
        rule(method=method, days=days, paise_a_day=10_000, valid_from=FROM, source=SOURCE)
        for method, days in DAYS.items()
    )


def stop(apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Without its starting rules."""
    apps.get_model("enquiries", "TatRule").objects.filter(valid_from=FROM).delete()


class Migration(migrations.Migration):
    dependencies = [("enquiries", "0004_clock_by_date")]

    operations = [migrations.RunPython(start, stop)]
