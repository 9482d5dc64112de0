"""Pages of the books: the day, the breaks, the decisions, the runs and the files."""
