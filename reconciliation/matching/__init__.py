"""A run: the passes that match, the classifiers that name what is left, the proof."""
