"""What leaves the house: kept with the business that causes it, delivered afterwards."""
