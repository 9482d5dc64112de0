"""A document in, a file out."""
