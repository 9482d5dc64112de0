"""Pictures and papers: redrawn before they are believed, kept encrypted, shown to few."""
