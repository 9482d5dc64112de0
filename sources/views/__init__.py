"""Pages of the sources of files."""
