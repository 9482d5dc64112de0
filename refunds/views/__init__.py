"""Pages of refunds, disputes and the clock."""
