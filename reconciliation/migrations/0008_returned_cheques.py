"""A rule for cheques that the bank returned and our books have undone."""

from django.db import migrations


def install_rule(apps, schema_editor):
    Rule = apps.get_model("reconciliation", "Rule")
    if not Rule.objects.filter(code="returned_cheque").exists():  # a new installation has it
        Rule.objects.create(
            code="returned_cheque",
            priority=65,
            leg="deposit_bank",
            key="instrument",
            cardinality="many_to_one",
        )


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0007_settle_in_parts")]
    operations = [migrations.RunPython(install_rule, migrations.RunPython.noop)]
