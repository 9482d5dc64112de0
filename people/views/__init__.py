"""The pages of people: the door, the account, the audit trail."""
