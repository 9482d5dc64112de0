"""A reason for what agrees and no rule in force may match: a window, or a rule that rests."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("paychannels", "0005_tell_disputes"),
        ("reconciliation", "0012_rule_laws"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="break",
            name="break_reason_known",
        ),
        migrations.AlterField(
            model_name="break",
            name="reason",
            field=models.CharField(
                choices=[
                    ("missing_in_channel", "Receipt without a line of the channel"),
                    ("missing_in_books", "Paid line without a receipt"),
                    ("amount_differs", "Amounts differ"),
                    ("status_differs", "Paid there, failed here"),
                    ("duplicate", "Paid or listed twice"),
                    ("settled_not_credited", "Settlement not credited"),
                    ("credited_not_settled", "Credit without a settlement"),
                    ("short_credit", "Bank paid less than the settlement"),
                    ("excess_credit", "Bank paid more than the settlement"),
                    ("fee_differs", "Fee or GST differs from the rate card"),
                    ("refund_unmatched", "Refund we do not know"),
                    ("chargeback", "Chargeback"),
                    ("cheque_returned", "Cheque returned"),
                    ("deposit_missing", "Deposit not credited"),
                    ("deposit_differs", "Deposit credited in another amount"),
                    ("unidentified_credit", "Credit of an unknown sender"),
                    ("ambiguous", "Several fit, none is sure"),
                    ("outside_rules", "They agree, but no rule may match them"),
                    ("unknown_code", "Unknown word of the channel or bank"),
                ],
                max_length=24,
            ),
        ),
        migrations.AddConstraint(
            model_name="break",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "reason__in",
                        [
                            "missing_in_channel",
                            "missing_in_books",
                            "amount_differs",
                            "status_differs",
                            "duplicate",
                            "settled_not_credited",
                            "credited_not_settled",
                            "short_credit",
                            "excess_credit",
                            "fee_differs",
                            "refund_unmatched",
                            "chargeback",
                            "cheque_returned",
                            "deposit_missing",
                            "deposit_differs",
                            "unidentified_credit",
                            "ambiguous",
                            "outside_rules",
                            "unknown_code",
                        ],
                    )
                ),
                name="break_reason_known",
            ),
        ),
    ]
