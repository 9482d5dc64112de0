"""The fourth book: the postings of the ERP, their stage, leg and reasons."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("paychannels", "0009_know_the_erp"),
        ("reconciliation", "0019_letters_of_decisions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="break",
            name="break_reason_known",
        ),
        migrations.RemoveConstraint(
            model_name="breakterm",
            name="break_term_reason_known",
        ),
        migrations.RemoveConstraint(
            model_name="entry",
            name="entry_book_known",
        ),
        migrations.RemoveConstraint(
            model_name="matchpart",
            name="match_line_stage_known",
        ),
        migrations.AddField(
            model_name="run",
            name="ledger_from",
            field=models.DateField(null=True),
        ),
        migrations.AlterField(
            model_name="break",
            name="book",
            field=models.CharField(
                choices=[
                    ("receipts", "Receipts"),
                    ("channel", "Channel lines"),
                    ("bank", "Bank"),
                    ("erp", "ERP postings"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="break",
            name="leg",
            field=models.CharField(
                choices=[
                    ("receipt_channel", "Receipt to channel line"),
                    ("channel_bank", "Settlement to bank credit"),
                    ("deposit_bank", "Counter deposit to bank credit"),
                    ("transfer_bank", "Receipt to bank transfer"),
                    ("receipt_erp", "Receipt to posting"),
                ],
                max_length=16,
            ),
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
                    ("not_posted", "Not posted in the ERP"),
                    ("wrong_consumer", "Posted to another consumer"),
                    ("in_clarification", "In clarification in the ERP"),
                    ("ambiguous", "Several fit, none is sure"),
                    ("outside_rules", "They agree, but no rule may match them"),
                    ("unknown_code", "Unknown word of the channel or bank"),
                ],
                max_length=24,
            ),
        ),
        migrations.AlterField(
            model_name="break",
            name="stage",
            field=models.CharField(
                choices=[
                    ("channel", "confirmed by the channel"),
                    ("bank", "in the bank"),
                    ("erp", "posted in the ERP"),
                    ("fee", "fee as agreed"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="breakterm",
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
                    ("not_posted", "Not posted in the ERP"),
                    ("wrong_consumer", "Posted to another consumer"),
                    ("in_clarification", "In clarification in the ERP"),
                    ("ambiguous", "Several fit, none is sure"),
                    ("outside_rules", "They agree, but no rule may match them"),
                    ("unknown_code", "Unknown word of the channel or bank"),
                ],
                max_length=24,
                unique=True,
            ),
        ),
        migrations.AlterField(
            model_name="daytally",
            name="book",
            field=models.CharField(
                choices=[
                    ("receipts", "Receipts"),
                    ("channel", "Channel lines"),
                    ("bank", "Bank"),
                    ("erp", "ERP postings"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="daytally",
            name="stage",
            field=models.CharField(
                choices=[
                    ("channel", "confirmed by the channel"),
                    ("bank", "in the bank"),
                    ("erp", "posted in the ERP"),
                    ("fee", "fee as agreed"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="decision",
            name="stage",
            field=models.CharField(
                choices=[
                    ("channel", "confirmed by the channel"),
                    ("bank", "in the bank"),
                    ("erp", "posted in the ERP"),
                    ("fee", "fee as agreed"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="entry",
            name="book",
            field=models.CharField(
                choices=[
                    ("receipts", "Receipts"),
                    ("channel", "Channel lines"),
                    ("bank", "Bank"),
                    ("erp", "ERP postings"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="expected",
            name="book",
            field=models.CharField(
                choices=[
                    ("receipts", "Receipts"),
                    ("channel", "Channel lines"),
                    ("bank", "Bank"),
                    ("erp", "ERP postings"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="expected",
            name="stage",
            field=models.CharField(
                choices=[
                    ("channel", "confirmed by the channel"),
                    ("bank", "in the bank"),
                    ("erp", "posted in the ERP"),
                    ("fee", "fee as agreed"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="match",
            name="leg",
            field=models.CharField(
                choices=[
                    ("receipt_channel", "Receipt to channel line"),
                    ("channel_bank", "Settlement to bank credit"),
                    ("deposit_bank", "Counter deposit to bank credit"),
                    ("transfer_bank", "Receipt to bank transfer"),
                    ("receipt_erp", "Receipt to posting"),
                ],
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="match",
            name="stage",
            field=models.CharField(
                choices=[
                    ("channel", "confirmed by the channel"),
                    ("bank", "in the bank"),
                    ("erp", "posted in the ERP"),
                    ("fee", "fee as agreed"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="matchpart",
            name="stage",
            field=models.CharField(
                choices=[
                    ("channel", "confirmed by the channel"),
                    ("bank", "in the bank"),
                    ("erp", "posted in the ERP"),
                    ("fee", "fee as agreed"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="openitem",
            name="stage",
            field=models.CharField(
                choices=[
                    ("channel", "confirmed by the channel"),
                    ("bank", "in the bank"),
                    ("erp", "posted in the ERP"),
                    ("fee", "fee as agreed"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="proof",
            name="book",
            field=models.CharField(
                choices=[
                    ("receipts", "Receipts"),
                    ("channel", "Channel lines"),
                    ("bank", "Bank"),
                    ("erp", "ERP postings"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="proof",
            name="stage",
            field=models.CharField(
                choices=[
                    ("channel", "confirmed by the channel"),
                    ("bank", "in the bank"),
                    ("erp", "posted in the ERP"),
                    ("fee", "fee as agreed"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="rule",
            name="leg",
            field=models.CharField(
                choices=[
                    ("receipt_channel", "Receipt to channel line"),
                    ("channel_bank", "Settlement to bank credit"),
                    ("deposit_bank", "Counter deposit to bank credit"),
                    ("transfer_bank", "Receipt to bank transfer"),
                    ("receipt_erp", "Receipt to posting"),
                ],
                max_length=16,
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
                            "not_posted",
                            "wrong_consumer",
                            "in_clarification",
                            "ambiguous",
                            "outside_rules",
                            "unknown_code",
                        ],
                    )
                ),
                name="break_reason_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="breakterm",
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
                            "not_posted",
                            "wrong_consumer",
                            "in_clarification",
                            "ambiguous",
                            "outside_rules",
                            "unknown_code",
                        ],
                    )
                ),
                name="break_term_reason_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.CheckConstraint(
                condition=models.Q(("book__in", ["receipts", "channel", "bank", "erp"])),
                name="entry_book_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="matchpart",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_live", True), ("stage", "erp")),
                fields=("entry",),
                name="match_line_once_by_erp",
            ),
        ),
        migrations.AddConstraint(
            model_name="matchpart",
            constraint=models.CheckConstraint(
                condition=models.Q(("stage__in", ["channel", "bank", "erp"])),
                name="match_line_stage_known",
            ),
        ),
    ]
