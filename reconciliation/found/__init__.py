"""Money that no notice told of: whose it is, and what becomes of it."""
