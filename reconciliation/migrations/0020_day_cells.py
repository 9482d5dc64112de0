"""What the day board shows of a channel and day, carried from run to run."""

import django.db.models.deletion
from django.db import migrations, models

# As of the last run, which is where the next one goes on.
FILL = """
SET LOCAL statement_timeout = 0;
SET LOCAL work_mem = '256MB';
WITH last AS (
    SELECT entries_until, matches_until FROM reconciliation_run
     WHERE state = 'done' AND matches_until IS NOT NULL ORDER BY id DESC LIMIT 1
), entry AS (
    SELECT e.* FROM reconciliation_entry e JOIN last ON e.id <= last.entries_until
     WHERE e.channel_id IS NOT NULL AND (e.in_channel_stage OR e.in_bank_stage)
       AND e.book IN ('receipts', 'channel')
), line AS (
    SELECT l.entry_id, l.stage
      FROM reconciliation_matchline l
      JOIN last ON l.match_id <= last.matches_until
      LEFT JOIN reconciliation_undonematch u ON u.match_id = l.match_id
     WHERE l.is_live OR u.match_id IS NOT NULL
), told AS (
    SELECT business_date, channel_id,
           CASE WHEN in_channel_stage THEN 'channel' ELSE 'bank' END AS stage, 'taken' AS what,
           amount_paise AS paise
      FROM entry WHERE book = 'receipts' AND kind IN ('payment', 'repeated')
     UNION ALL
    SELECT business_date, channel_id, 'channel', 'arrived', amount_paise
      FROM entry WHERE in_channel_stage AND book = 'receipts'
     UNION ALL
    SELECT business_date, channel_id, 'bank', 'arrived',
           CASE book WHEN 'channel' THEN net_paise ELSE amount_paise END
      FROM entry WHERE in_bank_stage
     UNION ALL
    SELECT e.business_date, e.channel_id, 'channel', 'matched', e.amount_paise
      FROM line JOIN entry e ON e.id = line.entry_id
     WHERE line.stage = 'channel' AND e.in_channel_stage AND e.book = 'receipts'
     UNION ALL
    SELECT e.business_date, e.channel_id, 'bank', 'matched',
           CASE e.book WHEN 'channel' THEN e.net_paise ELSE e.amount_paise END
      FROM line JOIN entry e ON e.id = line.entry_id
     WHERE line.stage = 'bank' AND e.in_bank_stage
)
INSERT INTO reconciliation_daycell (business_date, channel_id, stage, what, count, paise)
SELECT business_date, channel_id, stage, what, count(*), sum(paise)
  FROM told GROUP BY 1, 2, 3, 4
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0019_letters_of_decisions")]

    operations = [
        migrations.CreateModel(
            name="DayCell",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("business_date", models.DateField()),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("channel", "confirmed by the channel"),
                            ("bank", "in the bank"),
                            ("fee", "fee as agreed"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "what",
                    models.CharField(
                        choices=[
                            ("taken", "payments we receipted"),
                            ("arrived", "what the stage asks for"),
                            ("matched", "of that, what is matched"),
                        ],
                        max_length=8,
                    ),
                ),
                ("count", models.BigIntegerField()),
                ("paise", models.BigIntegerField()),
                (
                    "channel",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="paychannels.channel",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("business_date", "channel", "stage", "what"), name="day_cell_once"
                    )
                ]
            },
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
