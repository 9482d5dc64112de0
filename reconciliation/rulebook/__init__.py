"""Rules of matching and rate cards: rows in versions, changed by two people."""
