"""Sample calls of a biller unit, and how they are read."""
