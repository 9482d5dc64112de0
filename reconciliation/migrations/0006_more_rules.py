"""Rules for what the new channels bring: what is taken back, settlements in several credits."""

from django.db import migrations

RULES = (
    {
        "code": "taken_back",
        "priority": 35,
        "leg": "receipt_channel",
        "key": "reference",
        "cardinality": "nil",
    },
    {
        "code": "settlement_in_parts",
        "priority": 45,
        "leg": "channel_bank",
        "key": "utr",
        "cardinality": "in_parts",
        "is_active": False,
    },
)


def install_rules(apps, schema_editor):
    Rule = apps.get_model("reconciliation", "Rule")
    for rule in RULES:
        if not Rule.objects.filter(code=rule["code"]).exists():  # a new installation has them
            Rule.objects.create(**rule)


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0005_decide_for_payments")]
    operations = [migrations.RunPython(install_rules, migrations.RunPython.noop)]
