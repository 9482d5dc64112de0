"""What people read and keep: a report per file of catalogue/, for screen, paper and sheet."""
