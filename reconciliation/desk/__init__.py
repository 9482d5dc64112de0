"""What people do about breaks: look, decide, undo; alone, in pairs, in bulk."""
