"""The pages of payments: lists, the counter, receipts."""
