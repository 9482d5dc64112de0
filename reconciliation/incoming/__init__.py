"""How files of channels and banks, and our own receipts, come into the books."""
