"""`make demo`: one day through the whole house, on a database of its own."""
