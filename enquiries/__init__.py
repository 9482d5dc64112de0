"""What we ask partners: orders, the status of unknown money, missed news."""
