"""The reports: each file holds one REPORT, and its name is the report's code."""
