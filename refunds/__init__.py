"""Money that goes back: refunds by two persons, disputes, and the regulator's clock."""
